"""What planning publishes, from candidates whose fate is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.planning import Decision, DecisionCandidate, HeldBack, LimitPrice, PlannedMessage
from pipelines.contracts.settings.night import NightConfig
from pipelines.expressions.digest import identifier
from pipelines.expressions.money import MINOR_PER_MAJOR
from pipelines.planning.allocation import Fates
from pipelines.planning.limits import SharedLimit

#: Outcomes of candidates that were not allowed to compete.
_INELIGIBLE = [
    outcome.value
    for outcome in (
        DecisionOutcome.KILL_SWITCH,
        DecisionOutcome.HOLDOUT,
        DecisionOutcome.NOT_CONTACTABLE,
        DecisionOutcome.EXCLUDED_SEGMENT,
        DecisionOutcome.OUT_OF_TIME,
    )
]
#: Outcomes that a shared limit decides.
_SHARED = [
    outcome.value for outcome in (DecisionOutcome.CAPACITY, DecisionOutcome.STOCK, DecisionOutcome.BUDGET)
]
_IS_PLANNED = pl.col("outcome") == DecisionOutcome.PLANNED.value
#: The policy that chose. It draws nothing, so what it does has probability 1.
POLICY = "greedy"


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
    held_back: pl.DataFrame
    rejected: pl.DataFrame


def _decision_candidates(judged: pl.DataFrame) -> pl.DataFrame:
    probability = _IS_PLANNED.cast(pl.Float64)
    return judged.with_columns(probability=probability).select(DecisionCandidate.column_names())


def _decisions(judged: pl.DataFrame, config: NightConfig) -> pl.DataFrame:
    """One row per decision point; without a message, what its best candidate lost to.

    The best is the first in order of precedence among those that were allowed
    to compete, or among all when none was.
    """
    count = judged.height
    rank = pl.col("place").cast(pl.Int64) + pl.when(_IS_PLANNED).then(0).when("is_eligible").then(
        count
    ).otherwise(2 * count)
    ranked = judged.with_columns(rank=rank)
    points = ranked.group_by("decision_id").agg(
        rank=pl.col("rank").min(),
        candidate_count=pl.len().cast(pl.Int64),
        eligible_count=pl.col("is_eligible").sum().cast(pl.Int64),
    )
    return (
        points.drop("decision_id")
        .join(ranked, on="rank", how="inner", validate="1:1")
        .with_columns(
            chosen_candidate_id=pl.when(_IS_PLANNED).then(pl.col("candidate_id")),
            value=pl.when(_IS_PLANNED).then(pl.col("value")).otherwise(0.0),
            propensity=pl.lit(1.0),
            is_propensity_valid=pl.lit(True),
            assigned_by=pl.lit(POLICY),
            seed=pl.lit(config.workspace.seed, pl.Int64),
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


def _limit_prices(
    judged: pl.DataFrame, shared: Sequence[SharedLimit], used: Sequence[int], workspace: str
) -> pl.DataFrame:
    """Size and use of every shared limit; its price is the best value that it turned away."""
    scale = [MINOR_PER_MAJOR if limit.is_money else 1 for limit in shared]
    limits = pl.DataFrame(
        {
            "workspace_id": [workspace] * len(shared),
            "limit_name": [limit.name for limit in shared],
            "kind": [limit.outcome.value for limit in shared],
            "limit_value": [limit.size / unit for limit, unit in zip(shared, scale, strict=True)],
            "used_value": [amount / unit for amount, unit in zip(used, scale, strict=True)],
        },
        schema_overrides={
            "workspace_id": pl.String,
            "limit_name": pl.String,
            "kind": pl.String,
            "limit_value": pl.Float64,
            "used_value": pl.Float64,
        },
    )
    turned_away = (
        judged.filter(pl.col("outcome").is_in(_SHARED))
        .group_by(limit_name="rule")
        .agg(turned_away_count=pl.len().cast(pl.Int64), price=pl.col("value").max().clip(lower_bound=0.0))
    )
    return (
        limits.join(turned_away, on="limit_name", how="left", validate="1:1")
        .with_columns(pl.col("turned_away_count").fill_null(0), pl.col("price").fill_null(0.0))
        .select(LimitPrice.column_names())
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
    fates: Fates,
    shared: Sequence[SharedLimit],
    config: NightConfig,
    stale_sources: Sequence[str] = (),
) -> NightPlan:
    """Shape the tables from candidates with outcome, rule, winner, place in the order and window."""
    judged = judged.with_columns(is_eligible=~pl.col("outcome").is_in(_INELIGIBLE))
    decisions = _decisions(judged, config)
    return NightPlan(
        decisions=decisions,
        decision_candidates=_decision_candidates(judged),
        plan=_plan(judged, stale_sources),
        limit_prices=_limit_prices(judged, shared, fates.used, config.workspace.workspace),
        held_back=_held_back(decisions),
        rejected=rejected.select(
            "workspace_id", "candidate_id", "decision_id", "customer_id", "product", "programme"
        ),
    )
