"""What may still go out at the moment of dispatch; planning's answer may be hours old by then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from pipelines.contracts.codes import DecisionOutcome, DispatchStatus
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.expressions.time import INSTANT

#: Reason of a message that an earlier plan of the night held and the current one does not.
SUPERSEDED = "superseded"
#: Reason of a message whose window was over before it could be handed over.
WINDOW_PASSED = "window_passed"

_SWITCHED_COLUMNS = {"channel": "channel", "product": "product", "campaign": "programme"}


@dataclass(frozen=True, slots=True)
class ClaimVerdicts:
    """Waiting messages, split by what dispatch may do with them.

    Attributes:
        claimable: Columns of the plan; these may be handed over.
        withheld: `send_id`, final `status` and `reason`; these must not.
    """

    claimable: pl.LazyFrame
    withheld: pl.LazyFrame


def is_switched_off(kill_switches: Sequence[KillSwitch]) -> pl.Expr:
    """Whether a kill switch stops the message."""
    conditions = [
        pl.lit(True) if switch.scope == "all" else pl.col(_SWITCHED_COLUMNS[switch.scope]) == switch.value
        for switch in kill_switches
    ]
    return pl.any_horizontal(*conditions) if conditions else pl.lit(False)


def _verdict(kill_switches: Sequence[KillSwitch], dispatched_at: datetime) -> tuple[pl.Expr, pl.Expr]:
    """Final status and reason, tested in the order of the outcomes of planning; null means claimable."""
    is_superseded = pl.col("decision_id").is_null()
    is_off = is_switched_off(kill_switches)
    # A person without a verdict is not contactable: unknown is no.
    is_refused = ~pl.col("is_allowed").fill_null(False)
    is_late = pl.col("not_after") < pl.lit(dispatched_at, INSTANT)
    status = (
        pl.when(is_superseded | is_off | is_refused)
        .then(pl.lit(DispatchStatus.CANCELLED.value))
        .when(is_late)
        .then(pl.lit(DispatchStatus.EXPIRED.value))
    )
    reason = (
        pl.when(is_superseded)
        .then(pl.lit(SUPERSEDED))
        .when(is_off)
        .then(pl.lit(DecisionOutcome.KILL_SWITCH.value))
        .when(is_refused)
        .then(pl.col("contact_reason").fill_null(DecisionOutcome.NOT_CONTACTABLE.value))
        .when(is_late)
        .then(pl.lit(WINDOW_PASSED))
    )
    return status, reason


def recheck_messages(
    waiting: pl.LazyFrame,
    plan: pl.LazyFrame,
    contactability: pl.LazyFrame,
    *,
    kill_switches: Sequence[KillSwitch],
    dispatched_at: datetime,
) -> ClaimVerdicts:
    """Split messages that wait in the outbox into claimable and withheld.

    Args:
        waiting: `send_id` of outbox rows that were not handed over yet.
        plan: The published plan of the night.
        contactability: The newest verdicts, not those that planning saw.
        kill_switches: Switches that are on now.
        dispatched_at: Instant of the dispatch; a message is expired after its `not_after`.
    """
    verdicts = contactability.select(
        "customer_id", "purpose", "channel", "is_allowed", contact_reason="reason"
    )
    status, reason = _verdict(kill_switches, dispatched_at)
    judged = (
        waiting.select("send_id")
        .join(plan, on="send_id", how="left", validate="1:1")
        .join(verdicts, on=("customer_id", "purpose", "channel"), how="left", validate="m:1")
        .with_columns(status=status, reason=reason)
    )
    return ClaimVerdicts(
        claimable=judged.filter(pl.col("status").is_null()).drop(
            "status", "reason", "is_allowed", "contact_reason"
        ),
        withheld=judged.filter(pl.col("status").is_not_null()).select("send_id", "status", "reason"),
    )
