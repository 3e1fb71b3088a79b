"""Approvals: a person's yes to one plan under one configuration, and to no other.

What may become of one: requested → approved or rejected; approved → rejected,
which takes the yes back; requested or approved → void, when plan or
configuration change or the night is over; void → requested, when the same plan
comes back. A no is final.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A plan that somebody was asked about.

    Attributes:
        thresholds: What makes the approval necessary.
    """

    night: date
    plan_hash: str
    config_hash: str
    status: ApprovalStatus
    thresholds: Mapping[str, Any]
    requested_at: datetime
    decided_by: str | None
    reason: str | None


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

    def approve(
        self,
        night: date,
        *,
        plan_hash: str,
        config_hash: str,
        decided_by: str,
        reason: str,
        config_author: str | None = None,
    ) -> None:
        """Say yes.

        Args:
            night: Logical date of the plan.
            plan_hash: Content hash of the plan.
            config_hash: Content hash of the configuration that made it.
            decided_by: Who says yes.
            reason: Why.
            config_author: Who changed the configuration last, where that is known: not the one who says yes.

        Raises:
            ApprovalError: This plan does not wait for approval, nobody is named, or its author approves it.
        """
        _require_named(decided_by, reason)
        if config_author is not None and _is_same_person(config_author, decided_by):
            raise ApprovalError(
                f"{decided_by} made the last change to the configuration of {night}; a second person must "
                "approve what it plans"
            )
        self._decide(night, (plan_hash, config_hash), ApprovalStatus.APPROVED, by=decided_by, reason=reason)

    def reject(self, night: date, *, plan_hash: str, config_hash: str, decided_by: str, reason: str) -> None:
        """Say no, or take a yes back: what was not handed over yet will not be.

        Raises:
            ApprovalError: This plan neither waits for approval nor is approved, or nobody is named.
        """
        _require_named(decided_by, reason)
        self._decide(night, (plan_hash, config_hash), ApprovalStatus.REJECTED, by=decided_by, reason=reason)

    def status_of(self, night: date, *, plan_hash: str, config_hash: str) -> ApprovalStatus | None:
        """Where exactly this plan under exactly this configuration stands; null when nobody asked."""
        wanted = sa.select(APPROVALS.c.status).where(self._is_plan(night, plan_hash, config_hash))
        with reading(self._engine) as connection:
            status = connection.execute(wanted).scalar_one_or_none()
        return None if status is None else ApprovalStatus(status)

    def current(self, night: date) -> Approval | None:
        """The plan of the night that somebody was asked about last and that is not void; null without one."""
        wanted = (
            sa.select(*(APPROVALS.c[name] for name in Approval.__slots__))
            .where(
                APPROVALS.c.workspace_id == self._workspace_id,
                APPROVALS.c.night == night,
                APPROVALS.c.status != ApprovalStatus.VOID,
            )
            .order_by(APPROVALS.c.requested_at.desc(), APPROVALS.c.id)
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(wanted).mappings().one_or_none()
        return None if row is None else Approval(**{**row, "status": ApprovalStatus(row["status"])})

    def keep_only(self, night: date, *, plan_hash: str, config_hash: str, by: str) -> None:
        """Void what was asked or said of other plans of the night, or of this one under another config."""
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            self._void_others(connection, night, plan_hash, config_hash, by)

    def expire(self, before: date, *, by: str) -> list[date]:
        """Void what nobody can use any more: plans of earlier nights. Returns these nights."""
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            is_over = (
                (APPROVALS.c.workspace_id == self._workspace_id)
                & (APPROVALS.c.night < before)
                & (APPROVALS.c.status == ApprovalStatus.REQUESTED)
            )
            return self._void(connection, is_over, "expired", by)

    def _decide(
        self, night: date, hashes: tuple[str, str], status: ApprovalStatus, *, by: str, reason: str
    ) -> None:
        sources = _LIVE if status is ApprovalStatus.REJECTED else (ApprovalStatus.REQUESTED,)
        is_waiting = self._is_plan(night, *hashes) & APPROVALS.c.status.in_(sources)
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            wanted = sa.select(APPROVALS.c.requested_by, APPROVALS.c.status).where(is_waiting)
            waiting = connection.execute(wanted).one_or_none()
            if waiting is None:
                raise ApprovalError(
                    f"the plan {hashes[0]} of {night} does not wait for approval; it was decided, or another "
                    "plan or configuration took its place. Look at the current plan and decide on that"
                )
            if status is ApprovalStatus.APPROVED and _is_same_person(waiting.requested_by, by):
                raise ApprovalError(f"{by} asked for this approval; a second person must give it")
            connection.execute(
                sa.update(APPROVALS)
                .where(is_waiting)
                .values(status=status, decided_by=by, decided_at=self._now(), reason=reason)
            )
            verb = "revoked" if waiting.status == ApprovalStatus.APPROVED else status.value.lower()
            self._record(connection, verb, by, night, hashes[0], reason=reason)

    def _void_others(
        self, connection: sa.Connection, night: date, plan_hash: str, config_hash: str, by: str
    ) -> None:
        is_other = (APPROVALS.c.plan_hash != plan_hash) | (APPROVALS.c.config_hash != config_hash)
        is_of_night = (APPROVALS.c.workspace_id == self._workspace_id) & (APPROVALS.c.night == night)
        self._void(connection, is_of_night & APPROVALS.c.status.in_(_LIVE) & is_other, "void", by)

    def _void(
        self, connection: sa.Connection, which: sa.ColumnElement[bool], verb: str, by: str
    ) -> list[date]:
        voided: Sequence[sa.Row[tuple[date, str]]] = connection.execute(
            sa.update(APPROVALS)
            .where(which)
            .values(status=ApprovalStatus.VOID)
            .returning(APPROVALS.c.night, APPROVALS.c.plan_hash)
        ).all()
        for night, plan_hash in sorted((row.night, row.plan_hash) for row in voided):
            self._record(connection, verb, by, night, plan_hash)
        return sorted({row.night for row in voided})

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


def _is_same_person(one: str, other: str) -> bool:
    """Names are written by hand: blanks around them and capitals make nobody another person."""
    return one.strip().casefold() == other.strip().casefold()


def _require_named(decided_by: str, reason: str) -> None:
    if not decided_by.strip() or not reason.strip():
        raise ApprovalError("a decision about a plan needs the person who takes it, and a reason")
