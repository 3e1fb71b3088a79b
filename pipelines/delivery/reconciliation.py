"""Planned = sent + rejected + cancelled + expired + dead + unknown + held, message by message."""

import polars as pl

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.control_codes import WAITING

#: What each final state counts as. `PLANNED` and `CLAIMED` are missing on purpose: after a dispatch
#: every message is accounted for, or waits for a person.
BALANCE = {
    DispatchStatus.SENT.value: "sent_count",
    DispatchStatus.ACKED.value: "sent_count",
    DispatchStatus.RECONCILED.value: "sent_count",
    DispatchStatus.REJECTED.value: "rejected_count",
    DispatchStatus.CANCELLED.value: "cancelled_count",
    DispatchStatus.EXPIRED.value: "expired_count",
    DispatchStatus.DEAD.value: "dead_count",
    DispatchStatus.UNKNOWN.value: "unknown_count",
}
_HELD = "held_count"
_COUNTS = (*dict.fromkeys(BALANCE.values()), _HELD)


def _counted_as() -> pl.Expr:
    is_held = (pl.col("status") == DispatchStatus.PLANNED.value) & pl.col("reason").is_in(WAITING)
    final = pl.col("status").replace_strict(BALANCE, default=None, return_dtype=pl.String)
    return pl.when(is_held.fill_null(False)).then(pl.lit(_HELD)).otherwise(final)


def _count(condition: pl.Expr) -> pl.Expr:
    return condition.fill_null(False).sum().cast(pl.Int64)


def reconcile_dispatches(plan: pl.LazyFrame, dispatch_log: pl.LazyFrame) -> pl.LazyFrame:
    """One row per channel with a message: where its planned messages are.

    `open_count` are messages without a final state or without a row at all;
    `unplanned_count` are rows that the plan does not hold and that were still
    not cancelled or handed over by an earlier plan of the night. Either one
    means that a message was lost or invented, and `is_balanced` is false.
    """
    planned = plan.select("send_id", "channel", is_planned=pl.lit(True))
    logged = dispatch_log.select("send_id", "channel", counted_as=_counted_as())
    is_planned = pl.col("is_planned").fill_null(False)
    counted_as = pl.col("counted_as")
    return (
        planned.join(logged, on=("send_id", "channel"), how="full", coalesce=True)
        .group_by("channel")
        .agg(
            planned_count=_count(is_planned),
            **{name: _count(is_planned & (counted_as == name)) for name in _COUNTS},
            open_count=_count(is_planned & counted_as.is_null()),
            superseded_count=_count(~is_planned & counted_as.is_not_null()),
            unplanned_count=_count(~is_planned & counted_as.is_null()),
        )
        .with_columns(is_balanced=(pl.col("open_count") == 0) & (pl.col("unplanned_count") == 0))
        .sort("channel")
    )


def describe_imbalance(balance: pl.DataFrame) -> list[str]:
    """One sentence per channel that does not balance; no sentence means that all is accounted for."""
    return [
        f"{line['channel']}: {line['planned_count']} messages planned, {line['open_count']} of them without "
        f"a final state, {line['unplanned_count']} in the dispatch log that no plan holds"
        for line in balance.filter(~pl.col("is_balanced")).to_dicts()
    ]
