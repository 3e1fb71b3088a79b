"""Overrides: what a person forces in or out for one customer, until a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from resources.control.activities import Activity, lock_chain, record_activity
from resources.control.codes import OverrideKind, Scope
from resources.control.columns import Clock, utc_now
from resources.control.database import reading, writing
from resources.control.tables import OVERRIDES


class OverrideError(Exception):
    """The override lacks something, contradicts itself, or does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A person's choice for one customer; it never goes past consent or a guardrail.

    Attributes:
        value: Channel, product or campaign; null for the scope `all`.
        action: What is forced, for `force_action` only.
    """

    customer_id: int
    kind: OverrideKind
    author: str
    reason: str
    expires_at: datetime
    scope: Scope = Scope.ALL
    value: str | None = None
    action: Mapping[str, Any] | None = None


class Overrides:
    """The overrides of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now

    def add(self, override: Override) -> UUID:
        """Put an override in force from now on; returns its id.

        Raises:
            OverrideError: Author, reason, a later expiry, or what the kind and scope need is missing.
        """
        now = self._now()
        _require_complete(override, now)
        identifier = uuid4()
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            connection.execute(
                sa.insert(OVERRIDES).values(
                    workspace_id=self._workspace_id,
                    id=identifier,
                    customer_id=override.customer_id,
                    kind=override.kind,
                    scope=override.scope,
                    value=override.value,
                    action=None if override.action is None else dict(override.action),
                    author=override.author,
                    reason=override.reason,
                    created_at=now,
                    expires_at=override.expires_at,
                )
            )
            details = {"override_id": str(identifier), "kind": override.kind, "scope": override.scope}
            activity = Activity("override.added", override.author, details=details)
            record_activity(connection, self._workspace_id, activity, at=now)
        return identifier

    def revoke(self, override_id: UUID, *, author: str) -> None:
        """End an override before its expiry.

        Raises:
            OverrideError: There is none of that id that was not revoked yet.
        """
        now = self._now()
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            revoked = connection.execute(
                sa.update(OVERRIDES)
                .where(
                    OVERRIDES.c.workspace_id == self._workspace_id,
                    OVERRIDES.c.id == override_id,
                    OVERRIDES.c.revoked_at.is_(None),
                )
                .values(revoked_by=author, revoked_at=now)
            )
            if revoked.rowcount == 0:
                raise OverrideError(f"there is no override {override_id} that could be revoked")
            activity = Activity("override.revoked", author, details={"override_id": str(override_id)})
            record_activity(connection, self._workspace_id, activity, at=now)

    def active(self, at: datetime) -> dict[UUID, Override]:
        """Overrides in force at an instant: made at or before it, and neither over nor revoked by then."""
        wanted = (
            sa.select(OVERRIDES)
            .where(
                OVERRIDES.c.workspace_id == self._workspace_id,
                OVERRIDES.c.created_at <= at,
                OVERRIDES.c.expires_at > at,
                OVERRIDES.c.revoked_at.is_(None) | (OVERRIDES.c.revoked_at > at),
            )
            .order_by(OVERRIDES.c.created_at, OVERRIDES.c.id)
        )
        with reading(self._engine) as connection:
            return {row["id"]: _override(row) for row in connection.execute(wanted).mappings()}


def _require_complete(override: Override, now: datetime) -> None:
    problems = {
        "an author": override.author.strip(),
        "a reason": override.reason.strip(),
        "an expiry in the future": override.expires_at > now,
        "a value, unless its scope is all": (override.scope is Scope.ALL) == (override.value is None),
        "an action, if it forces one": (override.kind is OverrideKind.FORCE_ACTION)
        == (override.action is not None),
    }
    missing = [what for what, is_there in problems.items() if not is_there]
    if missing:
        raise OverrideError(f"an override needs {' and '.join(missing)}")


def _override(row: sa.RowMapping) -> Override:
    return Override(
        customer_id=row["customer_id"],
        kind=OverrideKind(row["kind"]),
        author=row["author"],
        reason=row["reason"],
        expires_at=row["expires_at"],
        scope=Scope(row["scope"]),
        value=row["value"],
        action=row["action"],
    )
