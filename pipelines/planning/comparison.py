"""Two plans side by side, person by person: of two nights, two versions of one, or one and what it could be.

Decision points of two nights have different ids, so messages are matched by
person, programme and node. Where a person has several decisions at a node, they
are matched in the order of what they send.
"""

from dataclasses import dataclass

import polars as pl

from pipelines.contracts.plan_changes import ChangedPart, ChangeKind, PlanChange
from pipelines.expressions.time import INSTANT

_PLACE = ("customer_id", "product", "programme", "node_id")
_MESSAGE = ("channel", "template_id", "offer_id", "not_before", "not_after", "value", "cost_amount")
_SIDES = ("before", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSide:
    """Decisions of a night and the messages that came of them."""

    decisions: pl.LazyFrame
    plan: pl.LazyFrame


def compare_plans(before: PlanSide, after: PlanSide, *, time_zone: str) -> pl.LazyFrame:
    """One row per message that is in at least one of the plans, as `PlanChange`.

    Args:
        before: One plan.
        after: The other.
        time_zone: Zone of the workspace; windows are the same when its clock reads the same, as many days
            after each night.
    """
    keys = (*_PLACE, "slot")
    joined = _side(before, "before", time_zone).join(
        _side(after, "after", time_zone), on=keys, how="full", coalesce=True, validate="1:1"
    )
    was_sent, is_sent = (pl.col(f"{side}_channel").is_not_null() for side in _SIDES)
    parts = pl.concat_str(
        [
            pl.when(pl.any_horizontal(_differs(name) for name in names)).then(pl.lit(part.value))
            for part, names in _PARTS.items()
        ],
        separator=",",
        ignore_nulls=True,
    )
    change = (
        pl.when(~was_sent)
        .then(pl.lit(ChangeKind.GAINED.value))
        .when(~is_sent)
        .then(pl.lit(ChangeKind.LOST.value))
        .when(pl.col("changed_parts") != "")
        .then(pl.lit(ChangeKind.CHANGED.value))
        .otherwise(pl.lit(ChangeKind.KEPT.value))
    )
    return (
        joined.filter(was_sent | is_sent)
        .with_columns(changed_parts=pl.when(was_sent & is_sent).then(parts).otherwise(pl.lit("")))
        .with_columns(change=change)
        .select(PlanChange.column_names())
        .sort(keys)
    )


_PARTS = {
    ChangedPart.CHANNEL: ("channel",),
    ChangedPart.TEMPLATE: ("template_id",),
    ChangedPart.OFFER: ("offer_id",),
    ChangedPart.WINDOW: ("starts_after", "ends_after"),
}


def _differs(name: str) -> pl.Expr:
    return pl.col(f"before_{name}").ne_missing(pl.col(f"after_{name}"))


def _side(side: PlanSide, name: str, time_zone: str) -> pl.LazyFrame:
    """Decisions with their messages, numbered within each place; all but the keys named after the side."""
    sent = side.plan.select("decision_id", *_MESSAGE)
    decided = side.decisions.select(*_PLACE, "decision_id", "decided_on", "outcome", "rule")
    rows = decided.join(sent, on="decision_id", how="left", validate="1:m").with_columns(
        starts_after=_after_night("not_before", time_zone), ends_after=_after_night("not_after", time_zone)
    )
    order = ["is_silent", "channel", "template_id", "offer_id", "not_before", "decision_id"]
    number = pl.int_range(pl.len()).over(_PLACE, order_by=order).cast(pl.Int64)
    carried = ("outcome", "rule", *_MESSAGE, "starts_after", "ends_after")
    return (
        rows.with_columns(is_silent=pl.col("channel").is_null())
        .with_columns(slot=number)
        .select(*_PLACE, "slot", **{f"{name}_{column}": pl.col(column) for column in carried})
    )


def _after_night(instant: str, time_zone: str) -> pl.Expr:
    """Time by the local clock since the day of the night began."""
    reading = pl.col(instant).cast(INSTANT).dt.convert_time_zone(time_zone).dt.replace_time_zone(None)
    return reading - pl.col("decided_on").cast(pl.Datetime("us"))


def summarise_changes(changes: pl.LazyFrame) -> pl.LazyFrame:
    """Messages per programme and channel: before, after, and by what became of them.

    A message whose channel changed moves out of the one and into the other; it counts as changed there.
    """
    moved = pl.col("before_channel") != pl.col("after_channel")
    sides = [
        changes.filter(pl.col(f"{side}_channel").is_not_null()).select(
            "product",
            "programme",
            channel=f"{side}_channel",
            before_count=pl.lit(int(side == "before"), pl.Int64),
            after_count=pl.lit(int(side == "after"), pl.Int64),
            gained_count=_is(ChangeKind.GAINED) if side == "after" else pl.lit(0, pl.Int64),
            lost_count=_is(ChangeKind.LOST) if side == "before" else pl.lit(0, pl.Int64),
            moved_in_count=moved.fill_null(value=False).cast(pl.Int64) * int(side == "after"),
            moved_out_count=moved.fill_null(value=False).cast(pl.Int64) * int(side == "before"),
            changed_count=_is(ChangeKind.CHANGED) if side == "after" else pl.lit(0, pl.Int64),
        )
        for side in _SIDES
    ]
    keys = ("product", "programme", "channel")
    return pl.concat(sides).group_by(keys).agg(pl.all().sum()).sort(keys)


def _is(kind: ChangeKind) -> pl.Expr:
    return (pl.col("change") == kind.value).cast(pl.Int64)


def summarise_people(changes: pl.LazyFrame) -> pl.LazyFrame:
    """One row: people with a message before, after, on one side only, and those for whom nothing changes."""
    per_person = changes.group_by("customer_id").agg(
        before=pl.col("before_channel").is_not_null().any(),
        after=pl.col("after_channel").is_not_null().any(),
        is_same=(pl.col("change") == ChangeKind.KEPT.value).all(),
    )
    had, has = pl.col("before"), pl.col("after")
    return per_person.select(
        before_count=had.sum().cast(pl.Int64),
        after_count=has.sum().cast(pl.Int64),
        gaining_count=(has & ~had).sum().cast(pl.Int64),
        losing_count=(had & ~has).sum().cast(pl.Int64),
        unchanged_count=pl.col("is_same").sum().cast(pl.Int64),
    )


def summarise_reasons(changes: pl.LazyFrame, kind: ChangeKind) -> pl.LazyFrame:
    """Why messages are missing on the side that has none: outcome and rule, most frequent first."""
    side = "before" if kind is ChangeKind.GAINED else "after"
    return (
        changes.filter(pl.col("change") == kind.value)
        .group_by(outcome=f"{side}_outcome", rule=f"{side}_rule")
        .agg(message_count=pl.len().cast(pl.Int64))
        .sort("message_count", "outcome", "rule", descending=[True, False, False], nulls_last=True)
    )
