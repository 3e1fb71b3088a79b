"""One night of one sequence: answers, removals, entries, and which step is due.

Steps are days, not instants: a step is due on the night that lies its
`after_days` after the night on which the step before it was planned.
"""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from pipelines.contracts.codes import DecisionOutcome, EnrolmentStatus, LossPolicy
from pipelines.contracts.sequencing import SequenceState
from pipelines.contracts.settings.sequences import SequenceSettings
from pipelines.expressions.answers import SENT, is_given_up
from pipelines.expressions.digest import identifier
from pipelines.expressions.time import INSTANT, local_date
from pipelines.expressions.windows import at_wall_clock

IS_ACTIVE = pl.col("status") == EnrolmentStatus.ACTIVE.value
_NO_TEXT = pl.lit(None, pl.String)
_COLUMNS = SequenceState.column_names()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A sequence on a night.

    Attributes:
        previous_night: The night whose plan answered the pending decisions.
        is_held: Paused: facts are noted and erased people leave, nothing else happens.
    """

    sequence: SequenceSettings
    night: date
    as_of: datetime
    previous_night: date
    time_zone: str
    version: int
    is_held: bool

    @property
    def step_count(self) -> int:
        return len(self.sequence.steps)

    def after_days(self, step_number: pl.Expr) -> pl.Expr:
        """Days that a step comes after the one before it; null behind the last."""
        days = {number: step.after_days for number, step in enumerate(self.sequence.steps, start=1)}
        return step_number.replace_strict(days, default=None, return_dtype=pl.Int64)


def valid_until(course: Course) -> pl.Expr:
    """End of validity of the current step: it counts from the end of the night that it is due on."""
    spans = {number: step.valid_for for number, step in enumerate(course.sequence.steps, start=1)}
    span = pl.col("step_number").replace_strict(spans, default=None, return_dtype=pl.Duration("us"))
    due_end = at_wall_clock(pl.col("due_on").cast(pl.Datetime("us")) + pl.duration(days=1), course.time_zone)
    return due_end + span


def _changed(condition: pl.Expr, columns: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    return {name: pl.when(condition).then(value).otherwise(pl.col(name)) for name, value in columns.items()}


def _go_on(course: Course, since: date) -> dict[str, pl.Expr]:
    """Columns of a person whose step is over: the next one is due, or the sequence is."""
    following = pl.col("step_number") + 1
    is_last = pl.col("step_number") >= course.step_count
    due_on = pl.lit(since) + pl.duration(days=course.after_days(following))
    return {
        "status": pl.when(is_last).then(pl.lit(EnrolmentStatus.COMPLETED.value)).otherwise(pl.col("status")),
        "exit_reason": pl.when(is_last).then(pl.lit("all_steps_done")),
        "ended_on": pl.when(is_last).then(pl.lit(course.night)),
        "step_number": pl.when(is_last).then(pl.col("step_number")).otherwise(following),
        "due_on": pl.when(is_last).then(pl.col("due_on")).otherwise(due_on),
        "waiting_nights": pl.lit(0, pl.Int64),
        "pending_decision_id": _NO_TEXT,
    }


def _resolve(state: pl.LazyFrame, course: Course) -> pl.LazyFrame:
    """Planned steps are done, for the held out too; lost ones are skipped, wait another night, or end it."""
    asked = IS_ACTIVE & pl.col("pending_decision_id").is_not_null()
    is_done = asked & pl.col("answer").is_in(SENT).fill_null(False)
    goes_on, waits, leaves = is_done, pl.lit(False), pl.lit(False)
    if not course.is_held:
        if course.sequence.on_loss is LossPolicy.EXIT:
            leaves = asked & is_given_up()
        if course.sequence.on_loss is LossPolicy.SKIP:
            goes_on = is_done | (asked & is_given_up())
        waits = asked & ~goes_on & ~leaves
    is_planned = asked & (pl.col("answer") == DecisionOutcome.PLANNED.value).fill_null(False)
    moved = _changed(goes_on, _go_on(course, course.previous_night))
    moved["waiting_nights"] = (
        pl.when(goes_on).then(0).otherwise(pl.col("waiting_nights") + waits.cast(pl.Int64))
    )
    return state.with_columns(
        sent_count=pl.col("sent_count") + is_planned.cast(pl.Int64), **moved
    ).with_columns(**_changed(leaves, _ended(course, EnrolmentStatus.EXITED, pl.col("answer_detail"))))


def _ended(course: Course, status: EnrolmentStatus, reason: pl.Expr) -> dict[str, pl.Expr]:
    """Columns of a stay that is over tonight."""
    return {
        "status": pl.lit(status.value),
        "exit_reason": reason,
        "ended_on": pl.lit(course.night),
        "pending_decision_id": _NO_TEXT,
    }


def _remove(state: pl.LazyFrame, course: Course) -> pl.LazyFrame:
    """Ends the stay of everyone who should get nothing more; the most important reason is told."""
    erased = (pl.col("is_erased").fill_null(False), "erased", EnrolmentStatus.EXITED)
    ordered_on = local_date(pl.col("last_ordered_at"), course.time_zone)
    rules = [erased]
    if not course.is_held:
        rules.append((pl.col("step_number") > course.step_count, "step_removed", EnrolmentStatus.EXITED))
    if not course.is_held and course.sequence.stop_on_leave:
        rules.append((pl.col("is_member").is_null(), "left_segment", EnrolmentStatus.EXITED))
    if not course.is_held and course.sequence.stop_on_order:
        has_ordered = (ordered_on > pl.col("entered_on")).fill_null(False)
        rules.append((has_ordered, "ordered", EnrolmentStatus.COMPLETED))
    for applies, reason, status in rules:
        ended = _ended(course, status, pl.lit(reason))
        state = state.with_columns(**_changed(IS_ACTIVE & applies, ended))
    return state


def _may_enter(course: Course) -> pl.Expr:
    """Joined tonight, or a member on the first night, or rested long enough since the last stay."""
    joined = pl.col("entered_on") > course.previous_night
    is_new = pl.col("was_active").is_null() & (pl.col("is_first") | joined)
    pause = course.sequence.reentry_after_days
    if pause is None:
        return is_new
    is_rested = pl.col("last_ended_on") + pl.duration(days=pause) <= course.night
    return is_new | (~pl.col("was_active") & is_rested).fill_null(False)


def _enter(
    state: pl.LazyFrame,
    course: Course,
    *,
    members: pl.LazyFrame,
    erased: pl.LazyFrame,
    earlier: pl.LazyFrame,
    ghost: pl.Expr,
) -> pl.LazyFrame:
    """The stays of the night, with those that begin; a person has at most one at a time."""
    stays = earlier.group_by("customer_id").agg(
        last_ended_on=pl.col("ended_on").max(), was_active=IS_ACTIVE.any()
    )
    born = (
        members.join(stays, on="customer_id", how="left", validate="1:1")
        .join(earlier.select(is_first=pl.len() == 0), how="cross")
        .filter(_may_enter(course))
        .join(erased, on="customer_id", how="anti")
        .with_columns(
            sequence=pl.lit(course.sequence.name),
            entered_on=pl.lit(course.night),
            sequence_version=pl.lit(course.version, pl.Int64),
            status=pl.lit(EnrolmentStatus.ACTIVE.value),
            step_number=pl.lit(1, pl.Int64),
            due_on=pl.lit(course.night) + pl.duration(days=course.sequence.steps[0].after_days),
            pending_decision_id=_NO_TEXT,
            waiting_nights=pl.lit(0, pl.Int64),
            sent_count=pl.lit(0, pl.Int64),
            is_ghost=ghost,
            exit_reason=_NO_TEXT,
            ended_on=pl.lit(None, pl.Date),
        )
    )
    return pl.concat([state.select(_COLUMNS), born.select(_COLUMNS)])


def _ask(state: pl.LazyFrame, course: Course) -> pl.LazyFrame:
    """Gives up steps whose validity is over and asks for those that are due, one decision per step."""
    is_stale = IS_ACTIVE & (valid_until(course) <= pl.lit(course.as_of, INSTANT)).fill_null(False)
    identity = ("workspace_id", "sequence", "customer_id", "entered_on", "step_number")
    question = identifier("sequence decision", *(pl.col(name) for name in identity))
    is_due = IS_ACTIVE & (pl.col("due_on") <= course.night)
    return state.with_columns(**_changed(is_stale, _go_on(course, course.night))).with_columns(
        pending_decision_id=pl.when(is_due).then(question)
    )


def step_course(
    walking: pl.LazyFrame,
    course: Course,
    *,
    members: pl.LazyFrame,
    erased: pl.LazyFrame,
    purchases: pl.LazyFrame,
    earlier: pl.LazyFrame,
    ghost: pl.Expr,
) -> pl.LazyFrame:
    """All stays of a sequence that were or are on their way tonight.

    Args:
        walking: Active stays of last night with `answer`.
        course: Sequence and night.
        members: Members of the segment tonight.
        erased: People to be forgotten.
        purchases: Last order of each person.
        earlier: All stays of the sequence up to last night, ended ones too.
        ghost: Whether a person is held out from the sequence.
    """
    is_member = members.select("customer_id", is_member=pl.lit(True))
    state = (
        _resolve(walking, course)
        .join(erased, on="customer_id", how="left", validate="m:1")
        .join(is_member, on="customer_id", how="left", validate="m:1")
        .join(purchases, on="customer_id", how="left", validate="m:1")
        .pipe(_remove, course)
        .select(_COLUMNS)
    )
    if course.is_held:
        return state
    entered = _enter(state, course, members=members, erased=erased, earlier=earlier, ghost=ghost)
    return _ask(entered, course)
