"""How one enrolment moves: arrivals at a node, and the step that is told about it.

The walk is a chain of column expressions, one link per node: a journey is a path,
so whoever is at a node when its turn comes, from last night or from the node
before, is moved by it at most once a night. That is also the visit budget.

Columns of a walk beside those of an enrolment: `position` of the node, `answer`
of last night's planning with `answer_detail`, `is_waiting` for people whose
message was asked for on an earlier night.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from pipelines.contracts.codes import DecisionOutcome, EnrolmentStatus, LossPolicy, TransitionReason
from pipelines.contracts.journeys import Enrolment
from pipelines.contracts.settings.fields import Wait
from pipelines.contracts.settings.journeys import JourneySettings, MessageAction, Node
from pipelines.expressions.answers import SENT, is_given_up
from pipelines.expressions.digest import identifier
from pipelines.expressions.time import INSTANT
from pipelines.expressions.windows import days_later, next_local_midnight

STEP = pl.Struct(
    {
        "from_node_id": pl.String,
        "to_node_id": pl.String,
        "occurred_at": INSTANT,
        "reason": pl.String,
        "detail": pl.String,
    }
)
#: Steps that are told before the walk along the nodes, in this order.
OPENING_STEPS = ("resolved", "removed", "entered")
WALK_COLUMNS = (
    *Enrolment.column_names(),
    "position",
    "answer",
    "answer_detail",
    "is_waiting",
    *OPENING_STEPS,
)
IS_ACTIVE = pl.col("status") == EnrolmentStatus.ACTIVE.value
_REASONS = {
    DecisionOutcome.PLANNED.value: TransitionReason.PLANNED.value,
    DecisionOutcome.HOLDOUT.value: TransitionReason.HELD_OUT.value,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A journey on a night."""

    journey: JourneySettings
    as_of: datetime
    time_zone: str

    @property
    def now(self) -> pl.Expr:
        return pl.lit(self.as_of, INSTANT)


def step(to_node: str | pl.Expr, *, at: pl.Expr, reason: str | pl.Expr, detail: pl.Expr) -> pl.Expr:
    """A step from the node that the person is at."""
    return pl.struct(
        from_node_id=pl.col("node_id"),
        to_node_id=pl.lit(to_node) if isinstance(to_node, str) else to_node,
        occurred_at=at,
        reason=pl.lit(reason) if isinstance(reason, str) else reason,
        detail=detail.cast(pl.String),
    )


def _end_of_wait(wait: Wait, clock: pl.Expr, time_zone: str) -> pl.Expr:
    return days_later(clock, wait.days, time_zone) if wait.days else clock + wait.exact


def arrival(path: Path, position: int, clock: pl.Expr) -> dict[str, pl.Expr]:
    """Columns of a person who comes to a node.

    A message is asked for by the night that can see the arrival, so that is when
    its validity starts; a wait starts at the exact instant, so waits do not drift.
    """
    node = path.journey.nodes[position]
    is_message = node.message is not None
    nothing = pl.lit(None, INSTANT)
    return {
        "position": pl.lit(position, pl.Int64),
        "node_id": pl.lit(node.id),
        "visit_number": pl.lit(1, pl.Int64),
        "node_entered_at": next_local_midnight(clock, path.time_zone) if is_message else clock,
        "due_at": nothing if node.wait_for is None else _end_of_wait(node.wait_for, clock, path.time_zone),
        "waiting_nights": pl.lit(0, pl.Int64),
        "answer": pl.lit(None, pl.String),
        "is_waiting": pl.lit(False),
    }


def where(condition: pl.Expr, columns: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    """The columns, changed where the condition holds."""
    return {name: pl.when(condition).then(value).otherwise(pl.col(name)) for name, value in columns.items()}


def _resolve_node(
    walk: pl.LazyFrame, path: Path, position: int, action: MessageAction, *, is_held: bool
) -> pl.LazyFrame:
    here = IS_ACTIVE & (pl.col("position") == position) & pl.col("answer").is_not_null()
    goes_on = pl.col("answer").is_in(SENT)
    if action.on_loss is LossPolicy.SKIP and not is_held:
        goes_on |= is_given_up()
    moves = here & goes_on
    reason = pl.col("answer").replace_strict(_REASONS, default=TransitionReason.SKIPPED.value)
    following = path.journey.nodes[position + 1]
    told = step(following.id, at=path.now, reason=reason, detail=pl.col("answer_detail"))
    return walk.with_columns(
        resolved=pl.when(moves).then(told).otherwise(pl.col("resolved")),
        **where(moves, arrival(path, position + 1, path.now)),
    )


def _end_node(walk: pl.LazyFrame, path: Path, position: int) -> pl.LazyFrame:
    """Ends the enrolment of everyone whose message lost its place; the rule that decided is the reason."""
    lost = IS_ACTIVE & (pl.col("position") == position) & is_given_up()
    told = step(
        pl.col("node_id"),
        at=path.now,
        reason=TransitionReason.LOST_PLACE.value,
        detail=pl.col("answer_detail"),
    )
    ended = {"status": pl.lit(EnrolmentStatus.EXITED.value), "exit_reason": pl.col("answer_detail")}
    return walk.with_columns(
        resolved=pl.when(lost).then(told).otherwise(pl.col("resolved")), **where(lost, ended)
    )


def resolve_answers(walk: pl.LazyFrame, path: Path, *, is_held: bool) -> pl.LazyFrame:
    """Moves everyone on whose message was planned or given up last night.

    The clock after a message is tonight's `as_of`, the end of the span in which
    it could go out; ghosts have no other clock, so nobody does. While a journey
    is held, only facts count: what was planned was sent.
    """
    for position, node in enumerate(path.journey.nodes):
        if node.message is not None:
            walk = _resolve_node(walk, path, position, node.message, is_held=is_held)
            if node.message.on_loss is LossPolicy.EXIT and not is_held:
                walk = _end_node(walk, path, position)
    return walk


def _pass_message(
    walk: pl.LazyFrame, path: Path, position: int, node: Node, action: MessageAction
) -> pl.LazyFrame:
    """Stale messages are given up; one that was asked for before has waited another night."""
    here = IS_ACTIVE & (pl.col("position") == position)
    is_stale = pl.col("node_entered_at") + action.valid_for <= path.now
    expires, waits = here & is_stale, here & ~is_stale & pl.col("is_waiting")
    following = path.journey.nodes[position + 1]
    lost = pl.col("answer_detail")
    told = (
        pl.when(expires)
        .then(step(following.id, at=path.now, reason=TransitionReason.EXPIRED.value, detail=lost))
        .when(waits)
        .then(step(node.id, at=path.now, reason=TransitionReason.DEFERRED.value, detail=lost))
    )
    moved = where(expires, arrival(path, position + 1, path.now))
    moved["waiting_nights"] = (
        pl.when(expires).then(0).when(waits).then(pl.col("waiting_nights") + 1).otherwise("waiting_nights")
    )
    return walk.with_columns(**{f"step_{position}": told}, **moved)


def _pass_wait(walk: pl.LazyFrame, path: Path, position: int) -> pl.LazyFrame:
    is_over = IS_ACTIVE & (pl.col("position") == position) & (pl.col("due_at") <= path.now)
    following = path.journey.nodes[position + 1]
    due = pl.col("due_at")
    told = step(following.id, at=due, reason=TransitionReason.WAIT_OVER.value, detail=pl.lit(None))
    return walk.with_columns(
        **{f"step_{position}": pl.when(is_over).then(told)},
        **where(is_over, arrival(path, position + 1, due)),
    )


def _pass_exit(walk: pl.LazyFrame, path: Path, position: int, node: Node) -> pl.LazyFrame:
    here = IS_ACTIVE & (pl.col("position") == position)
    told = step(node.id, at=path.now, reason=TransitionReason.COMPLETED.value, detail=pl.lit(node.exit))
    ended = {"status": pl.lit(EnrolmentStatus.COMPLETED.value), "exit_reason": pl.lit(node.exit)}
    return walk.with_columns(**{f"step_{position}": pl.when(here).then(told)}, **where(here, ended))


def pass_nodes(walk: pl.LazyFrame, path: Path) -> pl.LazyFrame:
    """Moves everyone until they wait, have a message pending, or are through."""
    for position, node in enumerate(path.journey.nodes):
        if node.message is not None:
            walk = _pass_message(walk, path, position, node, node.message)
        elif node.wait_for is not None:
            walk = _pass_wait(walk, path, position)
        else:
            walk = _pass_exit(walk, path, position, node)
    return walk


def pending_decision(journey: JourneySettings) -> pl.Expr:
    """The question of everyone who stands at a message; null for all others.

    One decision per visit, for ever: a deferred message asks the same question again.
    """
    messages = [position for position, node in enumerate(journey.nodes) if node.message is not None]
    visit = (pl.col("enrolment_id"), pl.col("node_id"), pl.col("visit_number"))
    return pl.when(IS_ACTIVE & pl.col("position").is_in(messages)).then(
        identifier("journey decision", *visit)
    )
