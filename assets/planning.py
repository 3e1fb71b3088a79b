"""Planning: one pass over everyone's candidates, and the proof without which nothing is published."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import polars as pl

from assets import plots
from assets.overrides import overrides_in_force
from assets.source_report import stale_sources
from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput, row_count
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.contracts.source_tables import SOURCE_READS
from pipelines.contracts.tables import (
    ALLOCATION_ROUNDS,
    DECISION_CANDIDATES,
    DECISIONS,
    HELD_BACK,
    IDENTITY_EVENTS,
    LIMIT_PRICES,
    PLAN,
    PROOF,
)
from pipelines.planning.deciding import PlanningInputs, plan_night
from pipelines.planning.inputs import READ, planning_inputs
from pipelines.planning.publishing import NightPlan
from pipelines.planning.starvation import measure_starvation
from resources.proof.checker import prove_plan

BY_BREAKFAST = timedelta(hours=32)

GUARDRAILS_HOLD = Expectation(
    name="guardrails_hold",
    table=PLAN,
    description="An independent checker recomputes every guardrail; one violation and nothing is published.",
)
EVERY_CANDIDATE_HAS_A_FATE = Expectation(
    name="every_candidate_has_a_fate",
    table=DECISION_CANDIDATES,
    description="As many candidates come out, with an outcome each, as all products put in.",
)
#: Fields of the planner's inputs, in order; the checker knows them by the same names.
INPUTS = ("candidates", "contactability", "send_times", "memberships", "households", "ledger", "overrides")


def decide_plan(night: Night) -> StepOutput:
    inputs = _inputs(night)
    switches = night.home.switches(night.workspace.workspace).active()
    planned = plan_night(
        inputs,
        config=night.config,
        kill_switches=switches,
        night=night.on,
        as_of=night.as_of,
        stale_sources=stale_sources(night),
    )
    proof = _prove(night, inputs, planned, switches)
    return StepOutput(
        frames={
            DECISIONS: planned.decisions,
            DECISION_CANDIDATES: planned.decision_candidates,
            PLAN: planned.plan,
            LIMIT_PRICES: planned.limit_prices,
            ALLOCATION_ROUNDS: planned.allocation_rounds,
            HELD_BACK: planned.held_back,
            PROOF: proof,
        },
        verdicts={
            GUARDRAILS_HOLD.name: _verdict(proof),
            EVERY_CANDIDATE_HAS_A_FATE.name: _fates(
                row_count(inputs.candidates), planned.decision_candidates.height
            ),
        },
        facts={DECISIONS: _waits(inputs, planned)},
    )


def _waits(inputs: PlanningInputs, planned: NightPlan) -> dict[str, dg.MetadataValue]:
    """Whether ageing keeps what loses its place from waiting for ever."""
    waits = measure_starvation(inputs.candidates.collect(), planned.decisions)
    return {
        "longest_wait_nights": dg.MetadataValue.int(waits.longest_nights),
        "people_waiting_long": dg.MetadataValue.int(waits.people_count),
    }


def _inputs(night: Night) -> PlanningInputs:
    """All that planning looks at; collected once, as planner and checker read the same rows."""
    inputs = planning_inputs(
        night.read,
        lambda table, nights: night.history(table, nights=nights),
        config=night.config,
        night=night.on,
        as_of=night.as_of,
    )
    inputs = replace(inputs, overrides=overrides_in_force(night).lazy())
    frames = pl.collect_all([getattr(inputs, name) for name in INPUTS])
    return PlanningInputs(**{name: frame.lazy() for name, frame in zip(INPUTS, frames, strict=True)})


def _prove(
    night: Night, inputs: PlanningInputs, planned: NightPlan, switches: Sequence[KillSwitch]
) -> pl.DataFrame:
    frames = {name: getattr(inputs, name).collect() for name in INPUTS}
    frames |= {
        "plan": planned.plan,
        "decisions": planned.decisions,
        "decision_candidates": planned.decision_candidates,
        "limit_prices": planned.limit_prices,
    }
    return prove_plan(
        frames,
        config=night.config,
        kill_switches=switches,
        night=night.on,
        as_of=night.as_of,
    )


def _verdict(proof: pl.DataFrame) -> CheckOutcome:
    broken = proof.filter(~pl.col("is_held")).sort("guardrail")
    facts: dict[str, float | int | str] = {"guardrails": proof.height, "violated": broken.height}
    facts |= {row["guardrail"]: row["violation_count"] for row in broken.iter_rows(named=True)}
    return CheckOutcome(is_held=broken.is_empty() and not proof.is_empty(), facts=facts)


def _fates(put_in: int, came_out: int) -> CheckOutcome:
    return CheckOutcome(is_held=put_in == came_out, facts={"candidates": put_in, "outcomes": came_out})


STEPS = (
    Step(
        name="planning",
        compute=decide_plan,
        reads=(*READ, IDENTITY_EVENTS, SOURCE_READS),
        continues=(PLAN,),
        publishes=(DECISIONS, DECISION_CANDIDATES, PLAN, LIMIT_PRICES, ALLOCATION_ROUNDS, HELD_BACK, PROOF),
        expectations=(GUARDRAILS_HOLD, EVERY_CANDIDATE_HAS_A_FATE),
        plots={PLAN: plots.messages_by_channel, HELD_BACK: plots.reasons_held_back},
        retries=0,
        freshness=BY_BREAKFAST,
    ),
)
