"""Approvals: a person's yes to one plan under one configuration, and to no other."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from resources.control.activities import Activity, lock_chain, record_activity
from resources.control.codes import ApprovalStatus
from resources.control.columns import Clock, utc_now
from resources.control.database import reading, writing
from resources.control.tables import APPROVALS

_LIVE = (ApprovalStatus.REQUESTED, ApprovalStatus.APPROVED)


class ApprovalError(Exception):
    """The decision cannot be taken: nothing is asked for, or the wrong person decides."""


class Approvals:
    """The approvals of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now

    def request(
        self,
        night: date,
        *,
        plan_hash: str,
        config_hash: str,
        thresholds: Mapping[str, Any],
        requested_by: str,
    ) -> ApprovalStatus:
        """Ask for approval of a plan; asking again for the same one changes nothing.

        Requests and approvals of other plans of the night, and of the same plan
        under another configuration, become void.

        Args:
            night: Logical date of the plan.
            plan_hash: Content hash of the plan.
            config_hash: Content hash of the configuration that made it.
            thresholds: What makes the approval necessary, for the person who decides.
            requested_by: Person or run that asks.
        """
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            self._void_others(connection, night, plan_hash, config_hash, requested_by)
            is_this = self._is_plan(night, plan_hash, config_hash)
            known: str | None = connection.execute(
                sa.select(APPROVALS.c.status).where(is_this)
            ).scalar_one_or_none()
            if known is not None and known != ApprovalStatus.VOID:
                return ApprovalStatus(known)
            asked = {
                "status": ApprovalStatus.REQUESTED,
                "thresholds": dict(thresholds),
                "requested_by": requested_by,
                "requested_at": self._now(),
                "decided_by": None,
                "decided_at": None,
                "reason": None,
            }
            if known is None:
                of_plan = {
                    "workspace_id": self._workspace_id,
                    "night": night,
                    "plan_hash": plan_hash,
                    "config_hash": config_hash,
                }
                connection.execute(sa.insert(APPROVALS).values(asked | of_plan))
            else:
                connection.execute(sa.update(APPROVALS).where(is_this).values(asked))
            self._record(connection, "requested", requested_by, night, plan_hash)
        return ApprovalStatus.REQUESTED

    def approve(self, night: date, *, plan_hash: str, config_hash: str, decided_by: str, reason: str) -> None:
        """Say yes.

        Raises:
            ApprovalError: This plan does not wait for approval, or its author approves it.
        """
        self._decide(night, (plan_hash, config_hash), ApprovalStatus.APPROVED, by=decided_by, reason=reason)

    def reject(self, night: date, *, plan_hash: str, config_hash: str, decided_by: str, reason: str) -> None:
        """Say no.

        Raises:
            ApprovalError: This plan does not wait for approval.
        """
        self._decide(night, (plan_hash, config_hash), ApprovalStatus.REJECTED, by=decided_by, reason=reason)

    def status_of(self, night: date, *, plan_hash: str, config_hash: str) -> ApprovalStatus | None:
        """Where exactly this plan under exactly this configuration stands; null when nobody asked."""
        wanted = sa.select(APPROVALS.c.status).where(self._is_plan(night, plan_hash, config_hash))
        with reading(self._engine) as connection:
            status = connection.execute(wanted).scalar_one_or_none()
        return None if status is None else ApprovalStatus(status)

    def _decide(
        self, night: date, hashes: tuple[str, str], status: ApprovalStatus, *, by: str, reason: str
    ) -> None:
        is_waiting = self._is_plan(night, *hashes) & (APPROVALS.c.status == ApprovalStatus.REQUESTED)
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            waiting = connection.execute(sa.select(APPROVALS.c.requested_by).where(is_waiting)).one_or_none()
            if waiting is None:
                raise ApprovalError(
                    f"the plan {hashes[0]} of {night} does not wait for approval; it was decided, or another "
                    "plan or configuration took its place. Look at the current plan and decide on that"
                )
            if status is ApprovalStatus.APPROVED and waiting.requested_by == by:
                raise ApprovalError(f"{by} asked for this approval; a second person must give it")
            connection.execute(
                sa.update(APPROVALS)
                .where(is_waiting)
                .values(status=status, decided_by=by, decided_at=self._now(), reason=reason)
            )
            self._record(connection, status.value.lower(), by, night, hashes[0], reason=reason)

    def _void_others(
        self, connection: sa.Connection, night: date, plan_hash: str, config_hash: str, by: str
    ) -> None:
        is_other = (APPROVALS.c.plan_hash != plan_hash) | (APPROVALS.c.config_hash != config_hash)
        voided: sa.ScalarResult[str] = connection.execute(
            sa.update(APPROVALS)
            .where(
                APPROVALS.c.workspace_id == self._workspace_id,
                APPROVALS.c.night == night,
                APPROVALS.c.status.in_(_LIVE),
                is_other,
            )
            .values(status=ApprovalStatus.VOID)
            .returning(APPROVALS.c.plan_hash)
        ).scalars()
        for other in sorted(voided):
            self._record(connection, "void", by, night, other)

    def _is_plan(self, night: date, plan_hash: str, config_hash: str) -> sa.ColumnElement[bool]:
        return (
            (APPROVALS.c.workspace_id == self._workspace_id)
            & (APPROVALS.c.night == night)
            & (APPROVALS.c.plan_hash == plan_hash)
            & (APPROVALS.c.config_hash == config_hash)
        )

    def _record(
        self,
        connection: sa.Connection,
        verb: str,
        user_id: str,
        night: date,
        plan_hash: str,
        *,
        reason: str | None = None,
    ) -> None:
        details = {"night": night.isoformat(), "plan_hash": plan_hash}
        details |= {} if reason is None else {"reason": reason}
        activity = Activity(f"approval.{verb}", user_id, details=details)
        record_activity(connection, self._workspace_id, activity, at=self._now())
