"""Two or three people who get messages and answer some; all on the last day, so that nothing has faded."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from pipelines.contracts.histories import Activity
from pipelines.contracts.preferences import ChannelPreference
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.preferences import ChannelPreferenceSettings, PreferenceSettings
from pipelines.contracts.sources import Message
from pipelines.enrichment.channels import prefer_channels

AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
#: So little time before the end of the night that a weight is a whole one, to twenty binary places.
JUST_NOW = AS_OF - timedelta(seconds=1)


@pytest.fixture
def preferences_of(rows_of, links_of, workspace):
    """Preferences from messages (person, channel, answered by which event or None) or with a time."""

    def prefer(
        *sent: tuple, prior: float = 2.0, half_life: float = 10.0, backwards: bool = False
    ) -> pl.DataFrame:
        messages, events = [], []
        for number, (person, channel, answer, *at) in enumerate(sent):
            when = (at or [JUST_NOW])[0]
            row = {
                "message_id": str(number),
                "customer_ref": "abc"[person - 1],
                "channel": channel,
                "sent_at": when,
            }
            messages.append(row)
            if answer:
                event = {"event_id": str(number), "customer_id": person, "message_id": str(number)}
                moment = (at or [JUST_NOW])[-1]
                events += [event | {"event_type": answer, "occurred_at": moment}]
                events += [
                    event | {"event_id": f"{number} again", "event_type": answer, "occurred_at": moment}
                ]
        if backwards:
            messages, events = messages[::-1], events[::-1]
        chosen = ChannelPreferenceSettings(prior_messages=prior, half_life_days=half_life)
        preferred = prefer_channels(
            links_of({1: ["a"], 2: ["b", "other b"], 3: ["c"]}),
            rows_of(Message, *messages),
            rows_of(Activity, *events),
            settings=EnrichmentSettings(preferences=PreferenceSettings(channels=chosen)),
            workspace=workspace,
            as_of=AS_OF,
        )
        return ChannelPreference.validate(preferred.collect()).sort("customer_id", "preference_rank")

    return prefer


def test_rate_is_shrunk_toward_the_channels_and_that_toward_all(preferences_of):
    # All: 3 of 6 answered. E-mail: (1 + 2·½)/(4 + 2) = 1/3; text: (2 + 2·½)/(2 + 2) = 3/4.
    mails = [(1, "email", "click"), (1, "email", None), (2, "email", None), (2, "email", None)]
    preferred = preferences_of(*mails, (1, "sms", "click"), (2, "sms", "open"))
    rates = preferred.select("customer_id", "channel", "preference_rank", "response_rate").rows()
    expected = [
        (1, "sms", 1, (1 + 2 * 3 / 4) / 3),
        (1, "email", 2, (1 + 2 / 3) / 4),
        (2, "sms", 1, (1 + 2 * 3 / 4) / 3),
        (2, "email", 2, (0 + 2 / 3) / 4),
        (3, "sms", 1, 3 / 4),
        (3, "email", 2, 1 / 3),
    ]
    assert [row[:3] for row in rates] == [row[:3] for row in expected]
    assert [row[3] for row in rates] == pytest.approx([row[3] for row in expected], abs=1e-5)


def test_confidence_and_counts_are_of_the_persons_own_messages(preferences_of):
    preferred = preferences_of((1, "email", "visit"), (1, "email", None))
    assert preferred.select("message_count", "response_count").rows() == [(2, 1), (0, 0), (0, 0)]
    assert preferred["confidence"].to_list() == pytest.approx([2 / 4, 0.0, 0.0], abs=1e-5)


def test_half_the_weight_after_a_half_life(preferences_of):
    preferred = preferences_of((1, "email", None, AS_OF - timedelta(days=10)))
    assert preferred["confidence"][0] == pytest.approx(0.5 / 2.5, abs=1e-6)


def test_other_events_and_later_ones_are_no_answer(preferences_of):
    later = (2, "email", "click", JUST_NOW, AS_OF)
    preferred = preferences_of((1, "email", "complaint"), later, (3, "email", "click", AS_OF))
    assert preferred["response_count"].to_list() == [0, 0, 0]
    assert preferred["message_count"].to_list() == [1, 1, 0]


def test_equal_channels_go_by_name(preferences_of):
    preferred = preferences_of((1, "sms", None), (1, "email", None), (2, "sms", None), (2, "email", None))
    assert preferred.filter(pl.col("customer_id") == 1)["channel"].to_list() == ["email", "sms"]


def test_without_messages_no_channel_is_preferred(preferences_of):
    assert preferences_of().is_empty()


def test_shuffled_rows_and_the_future_give_the_same_bytes(preferences_of):
    sent = [
        (1 + n % 3, ("email", "sms", "push")[n % 5 % 3], "click" if n % 4 == 0 else None) for n in range(60)
    ]
    future = [(1, "post", "click", AS_OF + timedelta(days=n)) for n in range(5)]
    assert preferences_of(*sent, *future, backwards=True).equals(preferences_of(*sent))
