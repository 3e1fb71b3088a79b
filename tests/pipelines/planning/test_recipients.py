"""What admission is told about candidates and past messages."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.settings.limits import Span
from pipelines.planning.places import Days, Send
from pipelines.planning.recipients import Recipients, contenders_of, past_sends, shared_households
from tests.pipelines.planning.cases import DAY, cap

AS_OF = datetime(2024, 3, 6, 5, tzinfo=UTC)
TICK = timedelta(microseconds=1)
INSTANT = pl.Datetime("us", "UTC")
HOUSEHOLDS = pl.DataFrame({"customer_id": [1, 2, 3, 4], "household_id": [70, 70, 70, 71]})
RECIPIENTS = Recipients(
    send_times=pl.DataFrame(
        {"customer_id": [1, 2], "time_zone": ["America/New_York", "Pacific/Kiritimati"], "local_hour": [9, 9]}
    ),
    households=HOUSEHOLDS,
    time_zone="Europe/Berlin",
)
CALENDAR = cap(1, 2 * DAY, span=Span.CALENDAR_DAY)


def day(number: int) -> int:
    return (date(2024, 3, number) - date(1970, 1, 1)).days


def ledger(*rows: tuple[int, datetime]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": [who for who, _ in rows],
            "programme": [None] * len(rows),
            "channel": ["email"] * len(rows),
            "purpose": ["news"] * len(rows),
            "tags": ["sale"] * len(rows),
            "sent_from": [at for _, at in rows],
            "sent_until": [at + timedelta(hours=4) for _, at in rows],
        },
        schema_overrides={"sent_from": INSTANT, "sent_until": INSTANT, "programme": pl.String},
    )


def past(rows: pl.DataFrame, *limits: Any, people: tuple[int, ...] = (1,)) -> dict[int, list[Send]]:
    asked = pl.DataFrame({"customer_id": people}, schema={"customer_id": pl.Int64})
    return dict(past_sends(rows, asked, limits=limits, recipients=RECIPIENTS, as_of=AS_OF))


def eligible(*rows: tuple[str, datetime, datetime]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "decision_id": [f"d{number}" for number in range(len(rows))],
            "customer_id": range(len(rows)),
            "channel": ["email"] * len(rows),
            "purpose": ["news"] * len(rows),
            "offer_id": ["tenth", *([None] * (len(rows) - 1))],
            "cost_amount": pl.Series([Decimal("0.29")] * len(rows), dtype=pl.Decimal(18, 2)),
            "programme": ["welcome"] * len(rows),
            "tags": ["new,sale", *([None] * (len(rows) - 1))],
            "time_zone": [zone for zone, _, _ in rows],
            "not_before": [start for _, start, _ in rows],
            "not_after": [end for _, _, end in rows],
        },
        schema_overrides={"not_before": INSTANT, "not_after": INSTANT},
    )


def test_candidates_without_tags_are_known_to_have_none() -> None:
    rows = eligible(("Europe/Berlin", AS_OF, AS_OF + TICK), ("Europe/Berlin", AS_OF, AS_OF))
    contenders = contenders_of(rows, limits=[cap(1)], recipients=RECIPIENTS)
    assert (contenders.tags, contenders.programme) == (["new,sale", ""], ["welcome", "welcome"])
    assert (contenders.cost_minor, contenders.offer, contenders.days) == ([29, 29], ["tenth", None], None)
    start = (AS_OF - datetime(1970, 1, 1, tzinfo=UTC)) // TICK
    assert contenders.sends()[0] == Send(start, start + 1, "email", "news", 0, "new,sale", "welcome")


def test_local_days_are_those_of_each_zone_and_of_the_workspace() -> None:
    # 05:00 UTC: midnight in New York, six o'clock in Berlin, 19:00 on Kiritimati.
    rows = eligible(
        ("America/New_York", AS_OF - TICK, AS_OF),
        ("Pacific/Kiritimati", AS_OF, AS_OF + timedelta(hours=5)),
        ("America/New_York", AS_OF, AS_OF + timedelta(hours=24)),
        ("America/New_York", AS_OF, AS_OF + timedelta(hours=19)),
    )
    expected: list[Days] = [
        (day(5), day(6), day(6), day(6)),
        (day(6), day(7), day(6), day(6)),
        (day(6), day(7), day(6), day(7)),
        (day(6), day(6), day(6), day(7)),
    ]
    assert contenders_of(rows, limits=[CALENDAR], recipients=RECIPIENTS).days == expected


def test_nobody_has_no_days() -> None:
    nobody = eligible(("Europe/Berlin", AS_OF, AS_OF))[:0]
    assert contenders_of(nobody, limits=[CALENDAR], recipients=RECIPIENTS).days == []


@pytest.mark.parametrize(("until", "is_near"), [(AS_OF - timedelta(days=1), False), (AS_OF, True)])
def test_only_what_a_limit_can_still_see_is_looked_at(*, until: datetime, is_near: bool) -> None:
    rows = ledger((1, until - timedelta(hours=4)))
    assert (1 in past(rows, cap(1))) is is_near
    assert past(ledger((2, AS_OF)), cap(1)) == {}


def test_housemates_are_looked_at_where_a_limit_is_about_households() -> None:
    rows = ledger((1, AS_OF), (2, AS_OF), (4, AS_OF), (9, AS_OF))
    assert set(past(rows, cap(1))) == {1}
    assert set(past(rows, cap(1, is_household=True))) == {1, 2}
    assert set(past(rows, cap(1, is_household=True), people=(9,))) == {9}


def test_past_messages_have_days_of_their_reader_or_else_of_the_workspace() -> None:
    late = datetime(2024, 3, 5, 23, 30, tzinfo=UTC)
    sends = past(ledger((1, late), (3, late)), CALENDAR, people=(1, 3))
    assert [send.days for send in sends[1]] == [(day(5), day(5), day(6), day(6))]
    assert [send.days for send in sends[3]] == [(day(6), day(6), day(6), day(6))]
    assert (sends[1][0].tags, sends[1][0].programme) == ("sale", None)
    assert past(ledger((1, late)), cap(1))[1][0].days == ()


def test_a_household_of_one_is_none() -> None:
    assert shared_households(HOUSEHOLDS) == {1: 70, 2: 70, 3: 70}
