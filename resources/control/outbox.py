"""The outbox: what has to leave, what has left, and what became of it.

A row's key is the message's own (`send_id`), so planning a night again adds
nothing twice. Rows hold no address and no content: a dispatcher reads those
from the plan. Whoever enqueues, claims or moves rows names its lease, and is
refused when that lease is over.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.control_codes import WAITING
from resources.control.columns import Clock, utc_now
from resources.control.database import reading, writing
from resources.control.enqueueing import SUPERSEDED, put_planned
from resources.control.leases import Lease, require_current
from resources.control.tables import OUTBOX
from resources.control.transitions import OPEN_TO_ABANDONED, IllegalTransitionError, sources_of

#: Well under the number of parameters that either engine takes in a statement.
_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message of the plan."""

    send_id: str
    customer_id: int
    channel: str
    destination: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """A message as it stands."""

    send_id: str
    night: date
    customer_id: int
    channel: str
    destination: str
    not_before: datetime
    not_after: datetime
    status: DispatchStatus
    reason: str | None
    batch: str | None
    request_id: str | None
    attempt_count: int


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What a plan did to the outbox."""

    added_count: int
    superseded_count: int


_RECORD = tuple(OUTBOX.c[name] for name in OutboxRecord.__slots__)


class Outbox:
    """The outbox of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now
        self._is_ours = OUTBOX.c.workspace_id == workspace_id

    def enqueue(self, rows: Sequence[OutboxRow], *, night: date, lease: Lease) -> Enqueued:
        """Make the waiting rows of the night equal to its plan, which `rows` holds in full.

        New messages are added. Those that still wait take their window and
        destination from the plan, and are cancelled when it no longer holds
        them. Whatever was claimed, or ended, stays as it is.

        Raises:
            StaleEpochError: The lease is over.
        """
        plan_mark = uuid4().hex
        with writing(self._engine) as connection:
            require_current(connection, lease)
            size_before = self._size(connection)
            self._put(connection, rows, night=night, plan_mark=plan_mark)
            superseded = connection.execute(
                sa.update(OUTBOX)
                .where(
                    self._is_ours,
                    OUTBOX.c.night == night,
                    OUTBOX.c.status == DispatchStatus.PLANNED,
                    OUTBOX.c.plan_mark != plan_mark,
                )
                .values(status=DispatchStatus.CANCELLED, reason=SUPERSEDED, updated_at=self._now())
            )
            return Enqueued(self._size(connection) - size_before, superseded.rowcount)

    def claim(self, night: date, destination: str, limit: int, lease: Lease) -> list[OutboxRecord]:
        """Take up to `limit` waiting messages for a destination, in order of their ids.

        Raises:
            StaleEpochError: The lease is over.
        """
        waiting = (
            sa.select(OUTBOX.c.send_id)
            .where(
                self._is_ours,
                OUTBOX.c.night == night,
                OUTBOX.c.destination == destination,
                OUTBOX.c.status == DispatchStatus.PLANNED,
                OUTBOX.c.reason.is_(None) | OUTBOX.c.reason.not_in(WAITING),
            )
            .order_by(OUTBOX.c.send_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            # As a plain subquery PostgreSQL may run it more than once and claim more than the limit.
            .cte("waiting")
        )
        with writing(self._engine) as connection:
            require_current(connection, lease)
            is_waiting = OUTBOX.c.send_id.in_(sa.select(waiting.c.send_id))
            taken = connection.execute(self._taking(lease).where(is_waiting).returning(*_RECORD))
            return sorted((_record(row) for row in taken), key=lambda record: record.send_id)

    def abandoned(self, night: date, lease: Lease) -> list[OutboxRecord]:
        """Messages that were claimed under another lease or an earlier epoch and never moved on."""
        return self._records(
            OUTBOX.c.night == night, OUTBOX.c.status == DispatchStatus.CLAIMED, ~_is_claim_of(lease)
        )

    def reclaim(self, send_ids: Iterable[str], lease: Lease) -> None:
        """Take over abandoned messages; only where sending one twice has one effect.

        Raises:
            StaleEpochError: The lease is over.
            IllegalTransitionError: A message is not claimed.
        """
        taking = self._taking(lease).where(OUTBOX.c.status == DispatchStatus.CLAIMED)
        with writing(self._engine) as connection:
            require_current(connection, lease)
            self._change(connection, taking, send_ids, target=DispatchStatus.CLAIMED)

    def move(
        self,
        send_ids: Iterable[str],
        status: DispatchStatus,
        *,
        lease: Lease,
        reason: str | None = None,
        batch: str | None = None,
        request_id: str | None = None,
    ) -> None:
        """Move messages to another state: all of them, or none.

        Batch and request id stay as they are unless given.

        Raises:
            StaleEpochError: The lease is over.
            IllegalTransitionError: A message is missing, in a state that does not lead there, or was claimed
                under another lease (then only unknown and dead are open to it).
        """
        is_open = OUTBOX.c.status.in_(sources_of(status))
        is_mine = (OUTBOX.c.status != DispatchStatus.CLAIMED) | _is_claim_of(lease)
        may_move = is_open if status in OPEN_TO_ABANDONED else is_open & is_mine
        values = {"status": status, "reason": reason, "updated_at": self._now()}
        values |= {name: value for name, value in (("batch", batch), ("request_id", request_id)) if value}
        moving = sa.update(OUTBOX).where(self._is_ours, may_move).values(values)
        with writing(self._engine) as connection:
            require_current(connection, lease)
            self._change(connection, moving, send_ids, target=status)

    def cancel(self, send_ids: Iterable[str], reason: str) -> int:
        """Cancel messages that still wait, from outside of the dispatch; returns how many.

        Messages that were already claimed stay: they may be on their way.
        """
        with writing(self._engine) as connection:
            return sum(
                connection.execute(
                    sa.update(OUTBOX)
                    .where(
                        self._is_ours, OUTBOX.c.send_id.in_(chunk), OUTBOX.c.status == DispatchStatus.PLANNED
                    )
                    .values(status=DispatchStatus.CANCELLED, reason=reason, updated_at=self._now())
                ).rowcount
                for chunk in _chunks(send_ids)
            )

    def counts(self, night: date) -> dict[DispatchStatus, int]:
        """Messages of the night by state; states without any are missing."""
        wanted = (
            sa.select(OUTBOX.c.status, sa.func.count().label("message_count"))
            .where(self._is_ours, OUTBOX.c.night == night)
            .group_by(OUTBOX.c.status)
            .order_by(OUTBOX.c.status)
        )
        with reading(self._engine) as connection:
            return {DispatchStatus(row.status): row.message_count for row in connection.execute(wanted)}

    def rows(self, night: date) -> list[OutboxRecord]:
        """All messages of the night, in order of their ids."""
        return self._records(OUTBOX.c.night == night)

    def _records(self, *conditions: sa.ColumnElement[bool]) -> list[OutboxRecord]:
        wanted = sa.select(*_RECORD).where(self._is_ours, *conditions).order_by(OUTBOX.c.send_id)
        with reading(self._engine) as connection:
            return [_record(row) for row in connection.execute(wanted)]

    def _size(self, connection: sa.Connection) -> int:
        count = connection.execute(sa.select(sa.func.count()).select_from(OUTBOX).where(self._is_ours))
        return int(count.scalar_one())

    def _put(
        self, connection: sa.Connection, rows: Sequence[OutboxRow], *, night: date, plan_mark: str
    ) -> None:
        if len({row.send_id for row in rows}) < len(rows):
            raise ValueError("the plan holds a message more than once; nothing was enqueued")
        now = self._now()
        same = {
            "workspace_id": self._workspace_id,
            "night": night,
            "status": DispatchStatus.PLANNED.value,
            "reason": None,
            "attempt_count": 0,
            "plan_mark": plan_mark,
            "created_at": now,
            "updated_at": now,
        }
        for start in range(0, len(rows), _CHUNK):
            put_planned(connection, [same | _planned(row) for row in rows[start : start + _CHUNK]])

    def _taking(self, lease: Lease) -> sa.Update:
        return (
            sa.update(OUTBOX)
            .where(self._is_ours)
            .values(
                status=DispatchStatus.CLAIMED,
                lease=lease.name,
                epoch=lease.epoch,
                attempt_count=OUTBOX.c.attempt_count + 1,
                updated_at=self._now(),
            )
        )

    def _change(
        self,
        connection: sa.Connection,
        statement: sa.Update,
        send_ids: Iterable[str],
        *,
        target: DispatchStatus,
    ) -> None:
        for chunk in _chunks(send_ids):
            changing = statement.where(OUTBOX.c.send_id.in_(chunk)).returning(OUTBOX.c.send_id)
            left = set(chunk).difference(connection.execute(changing).scalars())
            if left:
                raise IllegalTransitionError(self._refusal(connection, min(left), target))

    def _refusal(self, connection: sa.Connection, send_id: str, target: DispatchStatus) -> str:
        row = connection.execute(
            sa.select(OUTBOX.c.status, OUTBOX.c.lease, OUTBOX.c.epoch).where(
                self._is_ours, OUTBOX.c.send_id == send_id
            )
        ).one_or_none()
        if row is None:
            return f"message {send_id} is not in the outbox, so it cannot become {target}"
        claim = "" if row.lease is None else f" (claimed under {row.lease}, epoch {row.epoch})"
        return (
            f"message {send_id} is {row.status}{claim}, which cannot become {target} here. Nothing was moved"
        )


def _is_claim_of(lease: Lease) -> sa.ColumnElement[bool]:
    return (OUTBOX.c.lease == lease.name) & (OUTBOX.c.epoch == lease.epoch)


def _chunks(send_ids: Iterable[str]) -> Iterator[list[str]]:
    distinct = sorted(set(send_ids))
    for start in range(0, len(distinct), _CHUNK):
        yield distinct[start : start + _CHUNK]


def _planned(row: OutboxRow) -> dict[str, object]:
    # `dataclasses.asdict` copies every value deeply: half of the time for 100,000 rows.
    return {name: getattr(row, name) for name in OutboxRow.__slots__}


def _record(row: sa.Row[Any]) -> OutboxRecord:
    values = row._asdict()
    return OutboxRecord(**values | {"status": DispatchStatus(values["status"])})
