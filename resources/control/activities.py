"""What was done, by whom: an append-only chain per workspace.

Each activity carries the hash of the one before it, and a head keeps length and
last hash: an edit, a deletion, an insertion or another order shows. Who can
rewrite the whole chain and its head is only caught by a head kept elsewhere.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from resources.control.columns import Clock, canonical_json, utc_now
from resources.control.database import reading, upsert, writing
from resources.control.tables import ACTIVITIES, ACTIVITY_HEADS

#: Stands before the first activity.
GENESIS = "0" * 64
_READ_AHEAD = 5_000


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that a person or the system did.

    Attributes:
        activity_type: Subject and verb, for example `config.paused`.
        details: JSON object; never personal data.
    """

    activity_type: str
    user_id: str
    config_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedActivity:
    position: int
    activity: Activity
    created_at: datetime
    hash: str


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Length and last hash of a chain; kept elsewhere, it anchors the chain."""

    activity_count: int
    hash: str


class ActivityLog:
    """The chain of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now

    def append(
        self,
        *,
        activity_type: str,
        user_id: str,
        details: Mapping[str, Any],
        metrics: Mapping[str, Any] | None = None,
        config_id: UUID | None = None,
    ) -> int:
        """Record an activity that stands alone; returns its position, counted from 1."""
        activity = Activity(activity_type, user_id, config_id, details, metrics or {})
        with writing(self._engine) as connection:
            return record_activity(connection, self._workspace_id, activity, at=self._now())

    def head(self) -> ChainHead:
        with reading(self._engine) as connection:
            return self._head(connection)

    def newest(self, *, limit: int = 100, config_id: UUID | None = None) -> list[RecordedActivity]:
        """The latest activities, newest first; of one config if named."""
        wanted = sa.select(ACTIVITIES).where(ACTIVITIES.c.workspace_id == self._workspace_id)
        if config_id is not None:
            wanted = wanted.where(ACTIVITIES.c.config_id == config_id)
        with reading(self._engine) as connection:
            rows = connection.execute(wanted.order_by(ACTIVITIES.c.position.desc()).limit(limit))
            return [_recorded(row) for row in rows.mappings()]

    def verify(self) -> int | None:
        """First position at which the chain is broken; null when it is whole."""
        ordered = (
            sa.select(ACTIVITIES)
            .where(ACTIVITIES.c.workspace_id == self._workspace_id)
            .order_by(ACTIVITIES.c.position)
            .execution_options(yield_per=_READ_AHEAD)
        )
        position, last_hash = 0, GENESIS
        with reading(self._engine) as connection:
            head = self._head(connection)
            # The result holds a cursor on the server, and the loop may be left early.
            with connection.execute(ordered) as rows:
                for position, row in enumerate(rows.mappings(), start=1):
                    is_next = row["position"] == position and row["previous_hash"] == last_hash
                    if not is_next or row["hash"] != _hash_of(dict(row)):
                        return position
                    last_hash = row["hash"]
        if position != head.activity_count:
            return min(position, head.activity_count) + 1
        return None if last_hash == head.hash else max(position, 1)

    def _head(self, connection: sa.Connection) -> ChainHead:
        row = connection.execute(
            sa.select(ACTIVITY_HEADS).where(ACTIVITY_HEADS.c.workspace_id == self._workspace_id)
        ).one_or_none()
        return ChainHead(0, GENESIS) if row is None else ChainHead(row.activity_count, row.hash)


def lock_chain(connection: sa.Connection, workspace_id: str) -> ChainHead:
    """Make everyone else who changes the workspace wait until the transaction ends.

    Appends queue up here, so that the chain never forks. A change that decides
    by what it reads takes the lock before it reads.
    """
    connection.execute(
        upsert(connection, ACTIVITY_HEADS)
        .values(workspace_id=workspace_id, activity_count=0, hash=GENESIS)
        .on_conflict_do_nothing()
    )
    head = connection.execute(
        sa.select(ACTIVITY_HEADS).where(ACTIVITY_HEADS.c.workspace_id == workspace_id).with_for_update()
    ).one()
    return ChainHead(head.activity_count, head.hash)


def record_activity(connection: sa.Connection, workspace_id: str, activity: Activity, *, at: datetime) -> int:
    """Add an activity to the chain inside the transaction of what it tells about; returns its position."""
    head = lock_chain(connection, workspace_id)
    row: dict[str, Any] = {
        "workspace_id": workspace_id,
        "id": uuid4(),
        "position": head.activity_count + 1,
        "config_id": activity.config_id,
        "user_id": activity.user_id,
        "activity_type": activity.activity_type,
        "details": dict(activity.details),
        "metrics": dict(activity.metrics),
        "created_at": at,
        "previous_hash": head.hash,
    }
    row["hash"] = _hash_of(row)
    connection.execute(sa.insert(ACTIVITIES).values(row))
    connection.execute(
        sa.update(ACTIVITY_HEADS)
        .where(ACTIVITY_HEADS.c.workspace_id == workspace_id)
        .values(activity_count=row["position"], hash=row["hash"])
    )
    return int(row["position"])


def _hash_of(row: Mapping[str, Any]) -> str:
    """Hash over everything that a row says, and over the hash before it."""
    content = {
        "workspace_id": row["workspace_id"],
        "id": str(row["id"]),
        "position": row["position"],
        "config_id": None if row["config_id"] is None else str(row["config_id"]),
        "user_id": row["user_id"],
        "activity_type": row["activity_type"],
        "details": row["details"],
        "metrics": row["metrics"],
        "created_at": row["created_at"].astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return hashlib.sha256((row["previous_hash"] + canonical_json(content)).encode()).hexdigest()


def _recorded(row: sa.RowMapping) -> RecordedActivity:
    activity = Activity(
        activity_type=row["activity_type"],
        user_id=row["user_id"],
        config_id=row["config_id"],
        details=row["details"],
        metrics=row["metrics"],
    )
    return RecordedActivity(row["position"], activity, row["created_at"], row["hash"])
