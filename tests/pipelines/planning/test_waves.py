"""Waves of a campaign: drawn once, let go by the calendar, held when too many people leave."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.waves import Waves
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.time import INSTANT
from pipelines.planning.waves import wave_number, with_waves

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
#: The plan of this night goes out on 6 March.
NIGHT = date(2024, 3, 5)
PEOPLE = range(1, 401)
SPRING = {"starts_on": "2024-03-06", "shares": [0.1, 0.5, 1.0], "nights_per_wave": 2}


def config(**waves: Any) -> NightConfig:
    campaign = {"offers": ["tenth"], "templates": ["hello"]}
    campaigns = {"spring": {**campaign, "waves": {**SPRING, **waves}}, "always": campaign}
    return NightConfig(
        workspace=WORKSPACE,
        connector=ConnectorSettings(connections={}, sources={}),
        personalization=PersonalizationSettings.model_validate({"campaigns": campaigns}),
    )


def waves_by_person() -> dict[int, int]:
    people = pl.DataFrame({"customer_id": PEOPLE})
    waves = Waves.model_validate(SPRING)
    return dict(people.select("customer_id", wave_number("spring", waves, "acme")).iter_rows())


OWN = waves_by_person()


def sent(*people: int, at: datetime, programme: str = "spring") -> pl.DataFrame:
    schema = {"customer_id": pl.Int64, "programme": pl.String, "purpose": pl.String, "channel": pl.String}
    rows = [(who, programme, "marketing", "email") for who in people]
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(sent_from=pl.lit(at, INSTANT))


def verdicts(**gone: Any) -> pl.DataFrame:
    """Everyone may be mailed, but those who left for a reason."""
    reasons = {who: reason for reason, people in gone.items() for who in people}
    return pl.DataFrame(
        {
            "customer_id": PEOPLE,
            "purpose": "marketing",
            "channel": "email",
            "reason": [reasons.get(who, "granted") for who in PEOPLE],
        }
    )


def later(night: date, ledger: pl.DataFrame, seen: pl.DataFrame, **waves: Any) -> dict[int, set[str | None]]:
    """What each wave has to wait for."""
    rows = pl.DataFrame({"customer_id": PEOPLE, "programme": "spring"})
    told = with_waves(rows.lazy(), seen.lazy(), ledger.lazy(), config=config(**waves), night=night).collect()
    assert told.height == rows.height
    found: dict[int, set[str | None]] = {}
    for who, why in told.select("customer_id", "later_wave").iter_rows():
        found.setdefault(OWN[who], set()).add(why)
    return found


NOBODY = sent(at=datetime(2024, 3, 6, tzinfo=UTC))


def test_a_person_s_wave_is_drawn_once_in_the_shares_that_are_asked_for() -> None:
    sizes = [list(OWN.values()).count(number) for number in range(3)]
    # 40, 160 and 200 of 400 are expected; three standard deviations are 18, 29 and 30.
    assert all(abs(size - mean) < 30 for size, mean in zip(sizes, (40, 160, 200), strict=True))
    assert waves_by_person() == OWN


@pytest.mark.parametrize(
    ("night", "released"),
    [
        (NIGHT - timedelta(days=1), 0),
        (NIGHT, 1),
        (NIGHT + timedelta(days=1), 1),
        (NIGHT + timedelta(days=2), 2),
        (NIGHT + timedelta(days=4), 3),
        (NIGHT + timedelta(days=400), 3),
    ],
)
def test_the_calendar_lets_waves_go(night: date, released: int) -> None:
    expected = {number: {None if number < released else f"wave_{number + 1}"} for number in range(3)}
    assert later(night, NOBODY, verdicts()) == expected


def test_other_campaigns_have_no_waves() -> None:
    rows = pl.LazyFrame({"customer_id": [1, 2], "programme": ["always", "welcome"]})
    told = with_waves(rows, verdicts().lazy(), NOBODY.lazy(), config=config(), night=NIGHT).collect()
    assert told["later_wave"].to_list() == [None, None]
    plain = config().model_copy(update={"personalization": PersonalizationSettings()})
    told = with_waves(rows, verdicts().lazy(), None, config=plain, night=NIGHT).collect()
    assert told.columns == ["customer_id", "programme", "later_wave"]


LATE = NIGHT + timedelta(days=30)
FIRST = [who for who, number in OWN.items() if number == 0][:20]
SECOND = [who for who, number in OWN.items() if number == 1][:20]
STOP = {"stop_above": {"unsubscribe_rate": 0.1}}
STARTED = datetime(2024, 3, 6, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("gone", "held"),
    [
        # Of the 20 people of the first wave two may leave.
        ({"withdrawn": FIRST[:2]}, set()),
        ({"withdrawn": FIRST[:2], "denied": FIRST[2:3]}, {1, 2}),
        ({"suppressed": FIRST[:3]}, {1, 2}),
        ({"no_address": FIRST[:9]}, set()),
        # Of both waves together four may leave, and the second does not look at itself.
        ({"withdrawn": SECOND[:4]}, set()),
        ({"withdrawn": SECOND[:5]}, {2}),
    ],
)
def test_later_waves_are_held_when_too_many_people_of_earlier_ones_leave(
    gone: dict[str, list[int]], held: set[int]
) -> None:
    ledger = sent(*FIRST, *SECOND, at=STARTED)
    told = later(LATE, ledger, verdicts(**gone), **STOP)
    assert told == {number: {"stop_above" if number in held else None} for number in range(3)}
    assert later(LATE, ledger, verdicts(**gone)) == {number: {None} for number in range(3)}


@pytest.mark.parametrize(
    "ledger",
    [
        sent(*FIRST, at=STARTED - timedelta(microseconds=1)),
        sent(*FIRST, at=STARTED, programme="always"),
        NOBODY,
    ],
)
def test_only_messages_of_the_campaign_since_its_start_are_judged(ledger: pl.DataFrame) -> None:
    told = later(LATE, ledger, verdicts(withdrawn=PEOPLE), **STOP)
    assert told == {number: {None} for number in range(3)}


def test_a_person_counts_once_however_often_they_were_messaged() -> None:
    often = pl.concat([sent(*FIRST[:3], at=STARTED + timedelta(days=n)) for n in range(9)])
    ledger = pl.concat([sent(*FIRST, at=STARTED), often])
    assert later(LATE, ledger, verdicts(withdrawn=FIRST[:2]), **STOP)[1] == {None}
    assert later(LATE, ledger, verdicts(withdrawn=FIRST[:3]), **STOP)[1] == {"stop_above"}


def test_without_a_ledger_nobody_can_say_whether_to_stop() -> None:
    rows = pl.LazyFrame({"customer_id": [1], "programme": ["spring"]})
    with pytest.raises(ValueError, match="ledger"):
        with_waves(rows, verdicts().lazy(), None, config=config(), night=NIGHT)


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        ([0.1, 0.1, 1.0], "must rise"),
        ([0.5, 0.1], "must rise from wave to wave; the last share must be 1.0"),
        ([0.5], "the last share must be 1.0"),
        ([], "at least 1 item"),
        ([0.0, 1.0], "greater than 0"),
    ],
)
def test_waves_reach_everyone_step_by_step(shares: list[float], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Waves.model_validate({**SPRING, "shares": shares})
