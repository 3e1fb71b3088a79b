"""What the shared limits cost, and how close the plan came to what no plan could exceed."""

from collections.abc import Sequence

import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.planning import AllocationRound, LimitPrice
from pipelines.expressions.money import MINOR_PER_MAJOR
from pipelines.planning.allocation.dual import Prices
from pipelines.planning.choosing import ChoiceTerms
from pipelines.planning.fates import NightLimits
from pipelines.planning.limits import SharedLimit
from pipelines.planning.rounds import BY_VALUE, Rounds, people_reached

#: Outcomes that a shared limit decides.
_SHARED = [
    outcome.value for outcome in (DecisionOutcome.CAPACITY, DecisionOutcome.STOCK, DecisionOutcome.BUDGET)
]
_IS_PLANNED = pl.col("outcome") == DecisionOutcome.PLANNED.value
_DECIMALS = 9
_LINE = {
    name: LimitPrice.create_empty().schema[name]
    for name in ("workspace_id", "limit_name", "kind", "limit_value", "used_value", "price", "relaxation")
}


def limit_prices(
    judged: pl.DataFrame, limits: NightLimits, used: Sequence[int], prices: Prices | None, workspace: str
) -> pl.DataFrame:
    """Size and use of every shared limit and minimum, and what one more unit would be worth.

    Under prices that is the dual price; where precedence decides, the most that a
    candidate which was turned away would have brought per unit. A minimum that is
    not reached was lowered by what is missing.
    """
    minimums = limits.round.minimums
    planned = judged.filter(_IS_PLANNED)
    reached = [people_reached(planned, minimum, limits.round.members) for minimum in minimums]
    everything = [*limits.round.shared, *minimums]
    dual = [None] * len(everything) if prices is None else prices.price.tolist()
    amounts = zip(everything, [*used, *reached], dual, strict=True)
    rows = [_line(workspace, limit, amount, price) for limit, amount, price in amounts]
    return (
        pl.DataFrame(rows, schema=_LINE, orient="row")
        .join(_turned_away(judged), on="limit_name", how="left", validate="1:1")
        .with_columns(
            turned_away_count=pl.col("turned_away_count").fill_null(0),
            price=pl.coalesce("price", "best_value", 0.0).round(_DECIMALS),
        )
    )


def _line(workspace: str, limit: SharedLimit, amount: int, price: float | None) -> tuple[object, ...]:
    unit = MINOR_PER_MAJOR if limit.is_money else 1
    missing = max(limit.size - amount, 0) if limit.is_minimum else 0
    return (
        workspace,
        limit.name,
        limit.kind,
        limit.size / unit,
        amount / unit,
        None if price is None else price * unit,
        float(missing),
    )


def _turned_away(judged: pl.DataFrame) -> pl.DataFrame:
    """Candidates that each limit turned away, and the most that one of them is worth per unit."""
    is_money = pl.col("outcome") == DecisionOutcome.BUDGET.value
    per_money = pl.col("value") * MINOR_PER_MAJOR / pl.col("cost_minor")
    per_unit = pl.when(is_money).then(per_money).otherwise("value")
    return (
        judged.filter(pl.col("outcome").is_in(_SHARED))
        .group_by(limit_name="rule")
        .agg(turned_away_count=pl.len().cast(pl.Int64), best_value=per_unit.max().clip(lower_bound=0.0))
    )


def allocation_rounds(
    judged: pl.DataFrame, rounds: Rounds, terms: ChoiceTerms, workspace: str
) -> pl.DataFrame:
    """One row per round that anyone competed in."""
    is_drawn = pl.col("choice_id").is_not_null() & pl.col("is_chosen")
    bound = None if rounds.prices is None else rounds.prices.bound
    return (
        judged.filter("competes")
        .group_by("round_name")
        .agg(
            row_count=pl.len().cast(pl.Int64),
            choice_count=pl.col("choice_id").drop_nulls().n_unique().cast(pl.Int64),
            planned_count=_IS_PLANNED.sum().cast(pl.Int64),
            repaired_count=(is_drawn & ~_IS_PLANNED).sum().cast(pl.Int64),
            value=pl.col("worth").filter(_IS_PLANNED).sort().sum().round(_DECIMALS),
        )
        .with_columns(
            workspace_id=pl.lit(workspace),
            bound=pl.when(pl.col("round_name") == BY_VALUE).then(pl.lit(bound, pl.Float64)).round(_DECIMALS),
            exploration_rate=pl.lit(terms.exploration),
        )
        .with_columns(
            gap_rate=pl.when(pl.col("bound") > 0)
            .then((1 - pl.col("value") / pl.col("bound")).clip(lower_bound=0.0))
            .when(pl.col("bound").is_not_null())
            .then(0.0)
            .round(_DECIMALS)
        )
        .select(AllocationRound.column_names())
    )
