"""Overrides: what a person forces in or out for one customer, until a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from pipelines.contracts.control_codes import OverrideKind
from resources.control.activities import Activity, lock_chain, record_activity
from resources.control.codes import Scope
from resources.control.columns import Clock, utc_now
from resources.control.database import reading, writing
from resources.control.tables import OVERRIDES

#: What a forced action may name, as candidates do.
ACTION = frozenset({"channel", "template_id", "offer_id"})


class OverrideError(Exception):
    """The override lacks something, contradicts itself, or does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A person's choice for one customer; it never goes past consent or a guardrail.

    Attributes:
        value: Channel, product or campaign; null for the scope `all`.
        action: For `force_action` only, what is forced: any of `channel`, `template_id` and `offer_id`.
        starts_at: From when on; null while it was not added, for from then on. A past instant changes nights
            of the past on purpose, as a config does that is applied from a past date.
    """

    customer_id: int
    kind: OverrideKind
    author: str
    reason: str
    expires_at: datetime
    scope: Scope = Scope.ALL
    value: str | None = None
    action: Mapping[str, Any] | None = None
    starts_at: datetime | None = None


class Overrides:
    """The overrides of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now

    def add(self, override: Override) -> UUID:
        """Put an override in force; returns its id.

        Raises:
            OverrideError: Author, reason, a later expiry, or what the kind and scope need is missing.
        """
        now = self._now()
        starts_at = override.starts_at or now
        _require_complete(override, starts_at)
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
                    # The activity tells when it was made.
                    created_at=starts_at,
                    expires_at=override.expires_at,
                )
            )
            details = {
                "override_id": str(identifier),
                "kind": override.kind,
                "scope": override.scope,
                "starts_at": starts_at.isoformat(),
                "reason": override.reason,
            }
            activity = Activity("override.added", override.author, details=details)
            record_activity(connection, self._workspace_id, activity, at=now)
        return identifier

    def revoke(
        self, override_id: UUID, *, author: str, reason: str = "", since: datetime | None = None
    ) -> None:
        """End an override before its expiry.

        Args:
            override_id: Which.
            author: Who ends it.
            reason: Why.
            since: From when on; now when not given. A past instant changes nights of the past on purpose.

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
                .values(revoked_by=author, revoked_at=since or now)
            )
            if revoked.rowcount == 0:
                raise OverrideError(f"there is no override {override_id} that could be revoked")
            details = {"override_id": str(override_id), "reason": reason}
            activity = Activity("override.revoked", author, details=details)
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


def _require_complete(override: Override, starts_at: datetime) -> None:
    problems = {
        "an author": override.author.strip(),
        "a reason": override.reason.strip(),
        "an expiry in the future": override.expires_at > starts_at,
        "a value, unless its scope is all": (override.scope is Scope.ALL) == (override.value is None),
        "an action, if it forces one": (override.kind is OverrideKind.FORCE_ACTION) == bool(override.action),
        f"an action of {', '.join(sorted(ACTION))}": set(override.action or ()) <= ACTION,
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
        starts_at=row["created_at"],
    )
