"""Messages that wait for a person: in the outbox, planned, with a reason that keeps them from being claimed.

The next dispatch of the night puts its plan into the outbox again, which takes
the reasons away, and judges every message anew.
"""

from collections.abc import Iterable
from datetime import date, datetime

import sqlalchemy as sa

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.control_codes import WAITING
from resources.control.columns import Clock, utc_now
from resources.control.database import reading, writing
from resources.control.leases import Lease, require_current
from resources.control.tables import OUTBOX


class HeldMessages:
    """The held messages of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._now = now
        self._is_planned = (OUTBOX.c.workspace_id == workspace_id) & (
            OUTBOX.c.status == DispatchStatus.PLANNED
        )
        self._is_held = self._is_planned & OUTBOX.c.reason.in_(WAITING)

    def hold(self, send_ids: Iterable[str], reason: str, *, lease: Lease) -> None:
        """Keep messages that still wait from being claimed; those that do not wait any more stay as they are.

        Raises:
            StaleEpochError: The lease is over.
        """
        rows = [{"held_id": send_id} for send_id in sorted(set(send_ids))]
        if not rows:
            return
        holding = (
            sa.update(OUTBOX)
            .where(self._is_planned, OUTBOX.c.send_id == sa.bindparam("held_id"))
            .values(reason=reason, updated_at=self._now())
        )
        with writing(self._engine) as connection:
            require_current(connection, lease)
            connection.execute(holding, rows)

    def expire(self, *, before: date, at: datetime, reason: str, lease: Lease) -> int:
        """End what was held on earlier nights and whose window was over at an instant; returns how many.

        Raises:
            StaleEpochError: The lease is over.
        """
        with writing(self._engine) as connection:
            require_current(connection, lease)
            expired = connection.execute(
                sa.update(OUTBOX)
                .where(self._is_held, OUTBOX.c.night < before, OUTBOX.c.not_after < at)
                .values(status=DispatchStatus.EXPIRED, reason=reason, updated_at=self._now())
            )
        return expired.rowcount

    def nights(self) -> list[date]:
        """Nights of which something is held."""
        wanted = sa.select(OUTBOX.c.night).where(self._is_held).distinct().order_by(OUTBOX.c.night)
        with reading(self._engine) as connection:
            return list(connection.execute(wanted).scalars())

    def counts(self, night: date) -> dict[str, int]:
        """Held messages of the night by reason."""
        wanted = (
            sa.select(OUTBOX.c.reason, sa.func.count().label("message_count"))
            .where(self._is_held, OUTBOX.c.night == night)
            .group_by(OUTBOX.c.reason)
            .order_by(OUTBOX.c.reason)
        )
        with reading(self._engine) as connection:
            return {row.reason: row.message_count for row in connection.execute(wanted)}
