"""The one statement that brings the outbox in line with a plan, row by row."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from pipelines.contracts.codes import DispatchStatus
from resources.control.database import upsert
from resources.control.tables import OUTBOX

#: Reason of a message that an earlier plan of the night held and the current one does not.
SUPERSEDED = "superseded"
#: What a new plan of the night says about a message that still waits.
_FROM_PLAN = (
    "night",
    "customer_id",
    "channel",
    "destination",
    "not_before",
    "not_after",
    "status",
    "reason",
    "plan_mark",
    "updated_at",
)


def put_planned(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add messages, and bring those up to date that still wait or were only superseded by another plan.

    Anything else about them stays: what was claimed, cancelled for a reason, or
    ended is not planned again.
    """
    insert = upsert(connection, OUTBOX)
    planned = insert.excluded
    is_waiting = OUTBOX.c.status == DispatchStatus.PLANNED
    is_superseded = (OUTBOX.c.status == DispatchStatus.CANCELLED) & (OUTBOX.c.reason == SUPERSEDED)
    # An earlier night that is run again does not take a message back from a later one.
    is_not_earlier = OUTBOX.c.night <= planned.night
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["workspace_id", "send_id"],
            set_={name: planned[name] for name in _FROM_PLAN},
            where=(is_waiting | is_superseded) & is_not_earlier,
        ),
        rows,
    )
