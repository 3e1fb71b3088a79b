"""Outcome and rule of every candidate, in words that the tables know."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.planning.contesting import OTHER_ACTION_CHOSEN, PLANNED, UNDECIDED, Contest
from pipelines.planning.limits import PersonLimit, SharedLimit
from pipelines.planning.rounds import RoundLimits, Rounds

_IS_UNDECIDED = pl.col("fate") == UNDECIDED


@dataclass(frozen=True, slots=True, kw_only=True)
class NightLimits:
    """All limits of a night.

    Attributes:
        personal: Of one recipient each; the book numbers them first.
        round: Shared by all; numbered after them.
    """

    personal: Sequence[PersonLimit]
    round: RoundLimits


def tell_fates(
    candidates: pl.DataFrame, eligible: pl.DataFrame, contest: Contest, rounds: Rounds, limits: NightLimits
) -> pl.DataFrame:
    """All candidates with `outcome`, `rule`, `winner_candidate_id`, `is_eligible` and their choice.

    Rows that lost a draw have no fate of the book: another action was drawn, or
    none, since none was worth its price or because a draw said so.
    """
    competed = (
        eligible.drop("outcome", "rule").hstack(_fates(contest, limits)).hstack(rounds.rows.drop("number"))
    )
    competed = competed.join(_answers(competed), on="decision_id", how="left", validate="m:1").join(
        _chosen_of_choices(competed), on="choice_id", how="left", validate="m:1"
    )
    undecided = _told_undecided(limits)
    competed = competed.with_columns(
        outcome=pl.when(_IS_UNDECIDED).then(undecided["outcome"]).otherwise("outcome"),
        rule=pl.when(_IS_UNDECIDED).then(undecided["rule"]).otherwise("rule"),
        winner=pl.when(_IS_UNDECIDED).then(pl.coalesce("answer", "chosen_elsewhere")).otherwise("winner"),
        is_eligible=pl.col("competes") | ~pl.col("is_adaptive"),
    )
    names = eligible["candidate_id"]
    competed = competed.with_columns(
        winner_candidate_id=names.gather(competed["winner"].cast(pl.Int64).replace(-1, None))
    )
    refused = candidates.filter(pl.col("outcome").is_not_null()).with_columns(is_eligible=pl.lit(value=False))
    return pl.concat([competed, refused], how="diagonal")


def _fates(contest: Contest, limits: NightLimits) -> pl.DataFrame:
    """`fate`, `winner`, `outcome` and `rule` as the book told them."""
    all_limits: list[PersonLimit | SharedLimit] = [*limits.personal, *limits.round.shared]
    outcomes: dict[int, str] = {
        PLANNED: DecisionOutcome.PLANNED.value,
        OTHER_ACTION_CHOSEN: DecisionOutcome.OTHER_ACTION_CHOSEN.value,
    }
    outcomes |= {number: limit.outcome.value for number, limit in enumerate(all_limits)}
    rules = {number: limit.name for number, limit in enumerate(all_limits)}
    fate = pl.col("fate")
    return pl.DataFrame(
        {"fate": contest.fate, "winner": contest.winner}, schema={"fate": pl.Int64, "winner": pl.Int64}
    ).with_columns(
        outcome=fate.replace_strict(outcomes, default=None, return_dtype=pl.String),
        rule=fate.replace_strict(rules, default=None, return_dtype=pl.String),
    )


def _answers(competed: pl.DataFrame) -> pl.DataFrame:
    """The row that each decision point is answered by."""
    return competed.filter(pl.col("fate") == PLANNED).select("decision_id", answer="number")


def _chosen_of_choices(competed: pl.DataFrame) -> pl.DataFrame:
    """The row that was drawn for each choice, whatever became of it."""
    drawn = pl.col("is_chosen") & pl.col("choice_id").is_not_null()
    return competed.filter(drawn).select("choice_id", chosen_elsewhere="number")


def _told_undecided(limits: NightLimits) -> dict[str, pl.Expr]:
    """What became of rows that lost a draw."""
    is_outdone = pl.col("answer").is_not_null() | pl.col("chosen_elsewhere").is_not_null()
    is_worthless, is_priced_out = pl.col("value") <= 0, pl.col("adjusted_value") <= 0
    shared: list[SharedLimit] = [*limits.round.shared, *limits.round.minimums]
    by_price = {
        column: pl.col("priced_by").replace_strict(
            dict(enumerate(names)), default=None, return_dtype=pl.String
        )
        for column, names in (
            ("outcome", [limit.outcome.value for limit in shared]),
            ("rule", [limit.name for limit in shared]),
        )
    }
    return {
        "outcome": pl.when(is_outdone)
        .then(pl.lit(DecisionOutcome.OTHER_ACTION_CHOSEN.value))
        .when(is_worthless)
        .then(pl.lit(DecisionOutcome.NO_POSITIVE_VALUE.value))
        .when(is_priced_out)
        .then(by_price["outcome"])
        .otherwise(pl.lit(DecisionOutcome.NO_SEND_DRAWN.value)),
        "rule": pl.when(~is_outdone & ~is_worthless & is_priced_out).then(by_price["rule"]),
    }
