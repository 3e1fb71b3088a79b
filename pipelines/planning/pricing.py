"""What the shared limits cost, and how close the plan came to what no plan could exceed."""

from collections.abc import Sequence

import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.planning import AllocationRound, LimitPrice
from pipelines.expressions.money import MINOR_PER_MAJOR
from pipelines.planning.allocation.dual import Prices
from pipelines.planning.choosing import ChoiceTerms
from pipelines.planning.fates import NightLimits
from pipelines.planning.rounds import BY_VALUE, Rounds, people_reached

#: Outcomes that a shared limit decides.
_SHARED = [
    outcome.value for outcome in (DecisionOutcome.CAPACITY, DecisionOutcome.STOCK, DecisionOutcome.BUDGET)
]
_IS_PLANNED = pl.col("outcome") == DecisionOutcome.PLANNED.value
_DECIMALS = 9


def limit_prices(
    judged: pl.DataFrame, limits: NightLimits, used: Sequence[int], prices: Prices | None, workspace: str
) -> pl.DataFrame:
    """Size and use of every shared limit and minimum, and what one more unit would be worth.

    Under prices that is the dual price; else the value of the best candidate that
    the limit turned away. A minimum that is not reached was lowered by what is
    missing: nobody is left who could be sent to.
    """
    planned = judged.filter(_IS_PLANNED)
    shared, minimums = limits.round.shared, limits.round.minimums
    reached = [people_reached(planned, minimum, limits.round.members) for minimum in minimums]
    everything = [*shared, *minimums]
    scale = [MINOR_PER_MAJOR if limit.is_money else 1 for limit in everything]
    rows = pl.DataFrame(
        {
            "workspace_id": [workspace] * len(everything),
            "limit_name": [limit.name for limit in everything],
            "kind": [limit.kind for limit in everything],
            "limit_value": [limit.size / unit for limit, unit in zip(everything, scale, strict=True)],
            "used_value": [amount / unit for amount, unit in zip([*used, *reached], scale, strict=True)],
            "dual_price": None
            if prices is None
            else [
                round(float(price) * unit, _DECIMALS) for price, unit in zip(prices.price, scale, strict=True)
            ],
            "relaxation": [0.0] * len(shared)
            + [float(max(minimum.size - count, 0)) for minimum, count in zip(minimums, reached, strict=True)],
        },
        schema_overrides={
            name: LimitPrice.create_empty().schema[name]
            for name in ("workspace_id", "limit_name", "kind", "limit_value", "used_value", "relaxation")
        }
        | {"dual_price": pl.Float64},
    )
    turned_away = (
        judged.filter(pl.col("outcome").is_in(_SHARED))
        .group_by(limit_name="rule")
        .agg(
            turned_away_count=pl.len().cast(pl.Int64), best_value=pl.col("value").max().clip(lower_bound=0.0)
        )
    )
    return rows.join(turned_away, on="limit_name", how="left", validate="1:1").with_columns(
        pl.col("turned_away_count").fill_null(0), price=pl.coalesce("dual_price", "best_value", 0.0)
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
