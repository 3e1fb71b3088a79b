"""The proof draws waves and judges stops as the planner does, and catches a planner that does not."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.planning.waves import with_waves
from tests.resources.proof.cases import AS_OF, NIGHT, Case, message, past

PEOPLE = [*range(-5, 60), 2**63 - 1, -(2**63)]


def spring(**changes: Any) -> PersonalizationSettings:
    waves = {"starts_on": NIGHT + timedelta(days=1), "shares": [0.2, 0.6, 1.0], **changes}
    campaign = {"offers": ["tenth"], "templates": ["hello"], "waves": waves}
    return PersonalizationSettings.model_validate({"campaigns": {"spring": campaign}})


class WaveCase(Case):
    """Everyone gets a message of the campaign."""

    def __init__(self, personalization: PersonalizationSettings, gone: list[int]) -> None:
        rows = [message(who, programme="spring", offer_id=None) for who in PEOPLE]
        super().__init__(rows, {"quiet_hours": None, "caps": [], "holdout": {"universal": 0.0}})
        self._campaigns = personalization
        self._gone = gone

    @property
    def config(self) -> Any:
        return super().config.model_copy(update={"personalization": self._campaigns})

    def frames(self) -> dict[str, pl.DataFrame]:
        frames = super().frames()
        is_gone = pl.col("customer_id").is_in(self._gone) & (pl.col("channel") == "email")
        reason = pl.when(is_gone).then(pl.lit("withdrawn")).otherwise(pl.lit("granted"))
        frames["contactability"] = frames["contactability"].with_columns(reason=reason)
        return frames

    def refused(self) -> int:
        """Messages that the planner would hold back."""
        frames = self.frames()
        told = with_waves(
            frames["candidates"].lazy(),
            frames["contactability"].lazy(),
            frames["ledger"].lazy(),
            config=self.config,
            night=NIGHT,
        )
        return int(told.collect()["later_wave"].is_not_null().sum())


@pytest.mark.parametrize("starts_in", [2, 1, 0, -1, -2, -3, -9])
@pytest.mark.parametrize("nights", [1, 2])
def test_what_the_calendar_holds_back_is_a_violation(starts_in: int, nights: int) -> None:
    starts_on = NIGHT + timedelta(days=starts_in)
    case = WaveCase(spring(starts_on=starts_on, nights_per_wave=nights), [])
    refused = case.refused()
    assert case.line("waves:spring")["violation_count"] == refused
    assert case.line("waves:spring")["checked_count"] == len(PEOPLE)
    assert (refused == len(PEOPLE)) is (starts_in == 2)
    assert (refused == 0) is (starts_in <= 1 - 2 * nights)


@pytest.mark.parametrize("gone_count", [0, 3, 5, 9, 30])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_what_a_stop_holds_back_is_a_violation(gone_count: int, rate: float) -> None:
    start = date(2024, 2, 1)
    case = WaveCase(
        spring(starts_on=start, stop_above={"unsubscribe_rate": rate}), PEOPLE[5 : 5 + gone_count]
    )
    # Everyone up to number 45 was messaged; what was sent before the campaign began is not its doing.
    case.ledger = [past(who, AS_OF - timedelta(days=9), programme="spring") for who in PEOPLE[:50]]
    case.ledger += [past(who, AS_OF - timedelta(days=99), programme="spring") for who in PEOPLE]
    refused = case.refused()
    assert case.line("waves:spring")["violation_count"] == refused
    if gone_count == 0 or rate == 1.0:
        assert refused == 0
    if gone_count == 30 and rate == 0.1:
        assert refused > 0


def test_a_plan_of_the_waves_that_may_go_is_proved() -> None:
    case = WaveCase(spring(), [])
    frames = case.frames()
    told = with_waves(
        frames["candidates"].lazy(),
        frames["contactability"].lazy(),
        frames["ledger"].lazy(),
        config=case.config,
        night=NIGHT,
    ).collect()
    kept = set(told.filter(pl.col("later_wave").is_null())["customer_id"])
    case.plan = [row for row in case.plan if row["customer_id"] in kept]
    case.decisions = [row for row in case.decisions if row["customer_id"] in kept]
    assert 0 < len(case.plan) < len(PEOPLE)
    assert case.broken() == {}
