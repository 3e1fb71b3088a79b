"""What became of every planned message, and what the destinations answered."""

from datetime import datetime

import polars as pl

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.delivery import DispatchedMessage, Receipt
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.digest import identifier
from pipelines.expressions.time import INSTANT

#: Answer that each state stands for; other states have no answer yet.
_ANSWERS = {DispatchStatus.ACKED.value: "accepted", DispatchStatus.REJECTED.value: "rejected"}


#: States in which a destination has dealt with the message, at the last of however many attempts.
_DEALT_WITH = (
    DispatchStatus.SENT.value,
    DispatchStatus.ACKED.value,
    DispatchStatus.RECONCILED.value,
    DispatchStatus.REJECTED.value,
)
_TRIED_IN_VAIN = (DispatchStatus.UNKNOWN.value, DispatchStatus.DEAD.value)


def _attempt_count() -> pl.Expr:
    """Attempts that left a trace outside; a claim that a crash cut short is none, or a rerun would differ."""
    status = pl.col("status")
    return (
        pl.when(status.is_in(_DEALT_WITH))
        .then(pl.lit(1, pl.Int64))
        .when(status.is_in(_TRIED_IN_VAIN))
        .then(pl.col("attempt_count"))
        .otherwise(pl.lit(0, pl.Int64))
    )


def record_dispatches(outbox: pl.LazyFrame, *, workspace: WorkspaceSettings) -> pl.LazyFrame:
    """One row per message of the night, as it stands in the outbox after dispatch."""
    return outbox.with_columns(
        workspace_id=pl.lit(workspace.workspace), attempt_count=_attempt_count()
    ).select(DispatchedMessage.column_names())


def record_receipts(dispatch_log: pl.LazyFrame, *, as_of: datetime) -> pl.LazyFrame:
    """One row per message that its destination accepted or rejected.

    Destinations that answer at once, such as a folder of files, are heard at
    the end of the night; their receipts carry its logical time.
    """
    return (
        dispatch_log.filter(pl.col("status").is_in(list(_ANSWERS)))
        .with_columns(
            status=pl.col("status").replace_strict(_ANSWERS, return_dtype=pl.String),
            received_at=pl.lit(as_of, INSTANT),
        )
        .with_columns(
            receipt_id=identifier("receipt", pl.col("workspace_id"), pl.col("send_id"), pl.col("status"))
        )
        .select(Receipt.column_names())
    )
