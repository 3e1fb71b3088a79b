"""What planning publishes, from candidates whose fate is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.control_codes import DecidedBy
from pipelines.contracts.planning import (
    AllocationRound,
    Decision,
    DecisionCandidate,
    HeldBack,
    LimitPrice,
    PlannedMessage,
)
from pipelines.contracts.settings.night import NightConfig
from pipelines.expressions.digest import identifier
from pipelines.planning.choosing import ChoiceTerms
from pipelines.planning.contesting import Contest
from pipelines.planning.fates import NightLimits
from pipelines.planning.pricing import allocation_rounds, limit_prices
from pipelines.planning.rounds import Rounds

_IS_PLANNED = pl.col("outcome") == DecisionOutcome.PLANNED.value
_IS_DRAWN_FROM = pl.col("choice_id").is_not_null()
_IS_OVERRIDDEN = pl.col("is_forced") | (pl.col("outcome") == DecisionOutcome.OVERRIDE.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class NightPlan:
    """The tables of a night's plan, in no particular order.

    Attributes:
        rejected: Candidates whose numbers are not finite; they are in no other table.
    """

    decisions: pl.DataFrame
    decision_candidates: pl.DataFrame
    plan: pl.DataFrame
    limit_prices: pl.DataFrame
    allocation_rounds: pl.DataFrame
    held_back: pl.DataFrame
    rejected: pl.DataFrame


def _with_probability(judged: pl.DataFrame) -> pl.DataFrame:
    """The chance that the policy gave; 1 or 0 where nothing was drawn."""
    return judged.with_columns(
        probability=pl.when(_IS_DRAWN_FROM).then("drawn_probability").otherwise(_IS_PLANNED.cast(pl.Float64)),
        adjusted_value=pl.coalesce("adjusted_value", "value").round(9),
    )


def _decisions(judged: pl.DataFrame, terms: ChoiceTerms, config: NightConfig) -> pl.DataFrame:
    """One row per decision point; without a message, what its best candidate lost to.

    The best is the first in order of precedence among those that were allowed
    to compete, or among all when none was. The probability of no send is what the
    actions leave; it is not known any more once a hard limit has changed a draw,
    and there is none where a person decided.
    """
    count = judged.height
    rank = pl.col("place").cast(pl.Int64) + pl.when(_IS_PLANNED).then(0).when("is_eligible").then(
        count
    ).otherwise(2 * count)
    ranked = judged.with_columns(rank=rank)
    is_changed = _IS_DRAWN_FROM & (pl.col("is_chosen") != _IS_PLANNED)
    points = ranked.group_by("decision_id").agg(
        rank=pl.col("rank").min(),
        candidate_count=pl.len().cast(pl.Int64),
        eligible_count=pl.col("is_eligible").sum().cast(pl.Int64),
        is_drawn=_IS_DRAWN_FROM.any(),
        is_overridden=_IS_OVERRIDDEN.any(),
        is_changed=is_changed.any(),
        drawn_mass=pl.col("probability").filter(_IS_DRAWN_FROM).sort().sum(),
    )
    no_send = (1 - pl.col("drawn_mass")).clip(0.0, 1.0)
    return (
        points.drop("decision_id")
        .join(ranked, on="rank", how="inner", validate="1:1")
        .with_columns(
            decided_on=pl.lit(terms.night),
            chosen_candidate_id=pl.when(_IS_PLANNED).then(pl.col("candidate_id")),
            value=pl.when(_IS_PLANNED).then(pl.col("value")).otherwise(0.0),
            propensity=pl.when(_IS_PLANNED).then("probability").otherwise(no_send),
            is_propensity_valid=~pl.col("is_changed") & ~pl.col("is_overridden"),
            assigned_by=pl.when("is_overridden")
            .then(pl.lit(DecidedBy.PERSON.value))
            .when("is_drawn")
            .then(pl.lit(DecidedBy.DRAW.value))
            .otherwise(pl.lit(DecidedBy.BEST.value)),
            seed=pl.lit(terms.seed, pl.Int64),
            guardrails_version=pl.lit(config.version_of("guardrails"), pl.Int64),
        )
        .select(Decision.column_names())
    )


def _plan(judged: pl.DataFrame, stale_sources: Sequence[str]) -> pl.DataFrame:
    send_id = identifier("send", pl.col("decision_id"), pl.col("channel"))
    label = pl.lit(", ".join(sorted(stale_sources)) or None, pl.String)
    return (
        judged.filter(_IS_PLANNED)
        .with_columns(send_id=send_id, stale_sources=label)
        .select(PlannedMessage.column_names())
    )


def _held_back(decisions: pl.DataFrame) -> pl.DataFrame:
    return (
        decisions.filter(~_IS_PLANNED)
        .with_columns(pl.col("rule").fill_null(""))
        .group_by(HeldBack.primary_key())
        .agg(decision_count=pl.len().cast(pl.Int64))
        .select(HeldBack.column_names())
    )


def publish_plan(
    judged: pl.DataFrame,
    rejected: pl.DataFrame,
    *,
    contest: Contest,
    rounds: Rounds,
    limits: NightLimits,
    terms: ChoiceTerms,
    config: NightConfig,
    stale_sources: Sequence[str] = (),
) -> NightPlan:
    """Shape the tables from candidates with outcome, rule, winner, place in the order and window."""
    workspace = config.workspace.workspace
    judged = _with_probability(judged)
    decisions = _decisions(judged, terms, config)
    return NightPlan(
        decisions=decisions,
        decision_candidates=judged.with_columns(decided_on=pl.lit(terms.night)).select(
            DecisionCandidate.column_names()
        ),
        plan=_plan(judged, stale_sources),
        limit_prices=limit_prices(judged, limits, contest.used(), rounds.prices, workspace).select(
            LimitPrice.column_names()
        ),
        allocation_rounds=allocation_rounds(judged, rounds, terms, workspace).select(
            AllocationRound.column_names()
        ),
        held_back=_held_back(decisions),
        rejected=rejected.select(
            "workspace_id", "candidate_id", "decision_id", "customer_id", "product", "programme"
        ),
    )
