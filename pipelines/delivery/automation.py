"""How far a plan may go by itself: what is only recommended, what waits for a person, and what leaves.

Guardrails are not decided here. What consent, a kill switch or a passed window
keeps back is out already; this is about plans that are allowed and still not to
leave without somebody's word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl

from pipelines.contracts.codes import DispatchStatus, Product
from pipelines.contracts.control_codes import Automation, HoldReason, OverrideKind
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.delivery.claiming import WINDOW_PASSED
from pipelines.expressions.money import MINOR_PER_MAJOR, to_minor
from pipelines.expressions.overrides import with_overrides
from pipelines.expressions.time import INSTANT

_PROGRAMME = ("product", "programme")
_SPLIT = ("level", "is_forced_out", "held_as", "ended_as")
#: A night that is run within this time after its end is run in time; a later one replays the past.
_IN_TIME = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSize:
    """How large the part of a plan is that may leave.

    Attributes:
        person_count: People with a message.
        people_count: All people of the workspace.
        week_before_count: Messages that the same programmes had in the plan of a week before.
        discount_rate: Largest discount among the offers; 0 without one.
    """

    message_count: int
    cost_minor: int
    person_count: int
    people_count: int
    week_before_count: int
    discount_rate: float

    @property
    def cost(self) -> Decimal:
        return Decimal(self.cost_minor) / MINOR_PER_MAJOR

    @property
    def people_share(self) -> float:
        return self.person_count / self.people_count if self.people_count else float(self.person_count > 0)

    @property
    def change(self) -> float:
        """Share of last week's messages by which tonight's differ; from nothing on, it is infinite."""
        difference = abs(self.message_count - self.week_before_count)
        if difference == 0:
            return 0.0
        return difference / self.week_before_count if self.week_before_count else float("inf")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A size that a person must agree to from `limit` on."""

    name: str
    measured: float
    limit: float

    @property
    def is_reached(self) -> bool:
        return self.measured >= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What people said about a plan, as far as they were asked.

    Attributes:
        is_current: Whether the plan was made by the configuration that is in force.
        is_needed: Whether a threshold is reached, so that programmes that are `auto` wait too.
        is_approved: Null as long as nobody decided.
        heard_at: Instant up to which messages may have waited; those whose window is over by then expire.
    """

    is_current: bool
    is_needed: bool
    is_approved: bool | None
    heard_at: datetime


@dataclass(frozen=True, slots=True)
class AutomationVerdicts:
    """Messages that every guardrail allows, split by what people allow.

    Attributes:
        claimable: Columns of the plan; these leave.
        held: `send_id` and `reason`; these wait.
        withheld: `send_id`, final `status` and `reason`; these never leave.
    """

    claimable: pl.LazyFrame
    held: pl.LazyFrame
    withheld: pl.LazyFrame


def with_levels(messages: pl.LazyFrame, levels: Mapping[Product, Mapping[str, Automation]]) -> pl.LazyFrame:
    """Adds the `level` of each message's programme; one that nobody knows is only recommended."""
    rows = [
        (product.value, programme, level.value)
        for product, by_programme in levels.items()
        for programme, level in by_programme.items()
    ]
    known = pl.LazyFrame(rows, schema=dict.fromkeys((*_PROGRAMME, "level"), pl.String), orient="row")
    return messages.join(known, on=_PROGRAMME, how="left", validate="m:1").with_columns(
        pl.col("level").fill_null(Automation.MANUAL.value)
    )


def measure_plan(
    plan: pl.LazyFrame,
    week_before: pl.LazyFrame,
    contactability: pl.LazyFrame,
    *,
    levels: Mapping[Product, Mapping[str, Automation]],
    discounts: Mapping[str, float],
) -> pl.LazyFrame:
    """One row with the fields of `PlanSize`, of programmes that are more than a recommendation tonight.

    Args:
        plan: Tonight's plan.
        week_before: Plan of the same weekday a week before; empty when there was none.
        contactability: Tonight's verdicts; everyone is in them.
        levels: Product → programme → level.
        discounts: Offer → rate.
    """
    may_leave = pl.col("level") != Automation.MANUAL.value
    discount = pl.col("offer_id").replace_strict(dict(discounts), default=0.0, return_dtype=pl.Float64)
    tonight = with_levels(plan, levels).filter(may_leave)
    before = with_levels(week_before, levels).filter(may_leave)
    return pl.concat(
        [
            tonight.select(
                message_count=pl.len().cast(pl.Int64),
                cost_minor=to_minor(pl.col("cost_amount")).sum(),
                person_count=pl.col("customer_id").n_unique().cast(pl.Int64),
                discount_rate=discount.max().fill_null(0.0),
            ),
            contactability.select(people_count=pl.col("customer_id").n_unique().cast(pl.Int64)),
            before.select(week_before_count=pl.len().cast(pl.Int64)),
        ],
        how="horizontal",
    )


def thresholds_of(size: PlanSize, guardrails: Guardrails) -> list[Threshold]:
    """The configured thresholds with what is measured; one that is exactly met is reached."""
    approval = guardrails.approval
    limits = {} if approval is None else approval.model_dump()
    measured = {
        "messages": float(size.message_count),
        "cost": float(size.cost),
        "people_share": size.people_share,
        "discount_rate": size.discount_rate,
        "change": size.change,
    }
    limits["change"] = guardrails.maximum_change
    return [
        Threshold(name, value, float(limits[name]))
        for name, value in measured.items()
        if limits.get(name) is not None
    ]


def waited_until(now: datetime, *, asked_at: datetime, as_of: datetime) -> datetime:
    """The instant up to which messages have waited, on the clock of their night.

    A night that is run in time goes by the wall clock. One that is run later is
    handed over at its logical time; its messages wait as long as they would have.
    """
    return now if asked_at < as_of + _IN_TIME else as_of + (now - asked_at)


def _waits(*, is_needed: bool) -> pl.Expr:
    """Whether a message needs a person's word."""
    is_recommended = pl.col("level") == Automation.MANUAL.value
    is_asked_for = pl.col("level") == Automation.APPROVAL.value
    return ~is_recommended & (is_asked_for | pl.lit(is_needed))


def waiting_messages(messages: pl.LazyFrame, *, is_needed: bool) -> pl.LazyFrame:
    """Messages with a `level` that a person is to be asked about.

    Args:
        messages: Columns of the plan, and `level`.
        is_needed: Whether a threshold is reached.
    """
    return messages.filter(_waits(is_needed=is_needed))


def _end_of(answer: Answer) -> pl.Expr:
    """Why a message will never leave; null when it may."""
    waits = _waits(is_needed=answer.is_needed)
    is_over = pl.col("not_after") < pl.lit(answer.heard_at, INSTANT)
    return (
        pl.when(pl.col("is_forced_out"))
        .then(pl.lit(HoldReason.FORCED_OUT.value))
        .when(pl.col("level") == Automation.MANUAL.value)
        .then(pl.lit(HoldReason.RECOMMENDED_ONLY.value))
        .when((waits | pl.lit(not answer.is_current)) & is_over)
        .then(pl.lit(WINDOW_PASSED))
        .when(waits & pl.lit(answer.is_current and answer.is_approved is False))
        .then(pl.lit(HoldReason.APPROVAL_REJECTED.value))
    )


def _hold_of(answer: Answer) -> pl.Expr:
    """What a message waits for; null when for nothing."""
    if not answer.is_current:
        return pl.lit(HoldReason.CONFIG_CHANGED.value)
    is_open = pl.lit(answer.is_approved is None)
    return pl.when(_waits(is_needed=answer.is_needed) & is_open).then(
        pl.lit(HoldReason.AWAITING_APPROVAL.value)
    )


def split_by_automation(
    messages: pl.LazyFrame, answer: Answer, *, overrides: pl.LazyFrame
) -> AutomationVerdicts:
    """What becomes of messages that every guardrail allows.

    Args:
        messages: Columns of the plan, and `level`.
        answer: What people said.
        overrides: Overrides in force now; planning knew those of the night.
    """
    forced_out = with_overrides(messages, overrides, kind=OverrideKind.FORCE_OUT).select(
        pl.col("send_id").unique(), is_forced_out=pl.lit(True)
    )
    judged = (
        messages.join(forced_out, on="send_id", how="left", validate="1:1")
        .with_columns(pl.col("is_forced_out").fill_null(False))
        .with_columns(ended_as=_end_of(answer), held_as=_hold_of(answer))
    )
    has_ended, is_held = pl.col("ended_as").is_not_null(), pl.col("held_as").is_not_null()
    status = (
        pl.when(pl.col("ended_as") == WINDOW_PASSED)
        .then(pl.lit(DispatchStatus.EXPIRED.value))
        .otherwise(pl.lit(DispatchStatus.CANCELLED.value))
    )
    return AutomationVerdicts(
        claimable=judged.filter(~has_ended, ~is_held).drop(*_SPLIT),
        held=judged.filter(~has_ended, is_held).select("send_id", reason="held_as"),
        withheld=judged.filter(has_ended).select("send_id", status=status, reason="ended_as"),
    )
