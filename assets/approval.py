"""Who must agree before messages of a night leave, whether they did, and what changed while it leaves."""

import math
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta

import polars as pl

from assets.steps import Night
from pipelines.contracts.control_codes import OverrideKind
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.contracts.tables import CONTACTABILITY, PLAN
from pipelines.delivery.automation import (
    Answer,
    PlanSize,
    Threshold,
    measure_plan,
    thresholds_of,
    waited_until,
    waiting_messages,
)
from resources.control.codes import ApprovalStatus
from resources.control.columns import utc_now
from resources.control.pointers import Pointers
from resources.control.workspace.night import load_night

_WEEK = timedelta(days=7)
#: Longer than any window: it ends with the local day after the night.
_TO_THE_END = timedelta(days=2)
_IS_APPROVED = {ApprovalStatus.APPROVED: True, ApprovalStatus.REJECTED: False}


class PermissionChangedError(Exception):
    """Somebody changed, while messages were handed over, what may leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """All that people can change about what may leave, at one instant.

    Attributes:
        status: Of the approval of tonight's plan; null when nobody was asked.
        forced_out: Ids of overrides that force somebody out.
        read_at: That instant.
    """

    kill_switches: tuple[KillSwitch, ...]
    config_hash: str
    status: ApprovalStatus | None
    forced_out: frozenset[str]
    read_at: datetime = field(compare=False)


def plan_hash_of(night: Night) -> str:
    return night.lake.require(PLAN, night.on).content_hash


def permission_now(night: Night) -> Permission:
    """Read anew from the control database, whatever the step read when it began."""
    workspace_id = night.workspace.workspace
    config_hash = load_night(night.home.configs(workspace_id), night.on).content_hash
    now = utc_now()
    overrides = night.home.overrides(workspace_id).active(now)
    return Permission(
        kill_switches=tuple(night.home.switches(workspace_id).active()),
        config_hash=config_hash,
        status=night.home.approvals(workspace_id).status_of(
            night.on, plan_hash=plan_hash_of(night), config_hash=config_hash
        ),
        forced_out=frozenset(
            str(identifier)
            for identifier, override in overrides.items()
            if override.kind is OverrideKind.FORCE_OUT
        ),
        read_at=now,
    )


def require_unchanged(night: Night, permission: Permission) -> None:
    """Called right before anything becomes visible outside.

    Raises:
        PermissionChangedError: Something is not as it was when the messages were judged.
    """
    now = permission_now(night)
    compared = [one.name for one in fields(Permission) if one.compare]
    changed = [name for name in compared if getattr(now, name) != getattr(permission, name)]
    if changed:
        raise PermissionChangedError(
            f"{' and '.join(changed)} changed while messages of the night {night.on} were handed over; what "
            "was not handed over yet stays here. Run the night again: what may still leave will"
        )


def thresholds_reached(night: Night) -> list[Threshold]:
    """What makes tonight's plan need a person although its programmes are `auto`."""
    is_known = night.lake.find(PLAN, night.on - _WEEK) is not None
    offers = night.config.personalization.catalogue.offers
    measured = measure_plan(
        night.read(PLAN),
        night.lake.scan(PLAN, night.on - _WEEK) if is_known else PLAN.schema.create_empty(lazy=True),
        night.read(CONTACTABILITY),
        levels=night.config.automation,
        discounts={name: offer.discount_rate for name, offer in offers.items()},
    ).collect()
    size = PlanSize(**measured.row(0, named=True))
    return [threshold for threshold in thresholds_of(size, night.config.guardrails) if threshold.is_reached]


def ask(night: Night, messages: pl.DataFrame, permission: Permission) -> tuple[Answer, Permission]:
    """What people said about tonight's plan; asks them when some of its messages need it.

    Args:
        night: The night.
        messages: Messages that every guardrail allows, with the `level` of their programmes.
        permission: As read before.

    Returns:
        The answer, and the permission with the approval's status as it is now.
    """
    approvals = night.home.approvals(night.workspace.workspace)
    version = night.lake.require(PLAN, night.on)
    hashes = {"plan_hash": version.content_hash, "config_hash": permission.config_hash}
    approvals.keep_only(night.on, **hashes, by=night.run_id)
    reached = thresholds_reached(night)
    answer = Answer(
        is_current=version.config_hash == permission.config_hash,
        is_needed=bool(reached),
        is_approved=None,
        heard_at=night.as_of + _TO_THE_END if _is_over(night) else night.as_of,
    )
    waiting = waiting_messages(messages.lazy(), is_needed=answer.is_needed).select("product", "programme")
    programmes = waiting.unique().sort("product", "programme").collect()
    if programmes.is_empty() or not answer.is_current:
        return answer, permission
    status = approvals.request(
        night.on,
        **hashes,
        thresholds={
            "reached": {
                one.name: {"measured": _written(one.measured), "limit": one.limit} for one in reached
            },
            "programmes": programmes["programme"].to_list(),
        },
        requested_by=night.run_id,
    )
    asked = approvals.current(night.on)
    now = utc_now()
    heard_at = waited_until(now, asked_at=now if asked is None else asked.requested_at, as_of=night.as_of)
    return (
        replace(answer, is_approved=_IS_APPROVED.get(status), heard_at=max(heard_at, answer.heard_at)),
        replace(permission, status=status),
    )


def _is_over(night: Night) -> bool:
    """Whether a later night was planned: its plan gave the places of what waits tonight to others."""
    pointers = Pointers(night.home.control, night.workspace.workspace)
    return bool(pointers.history(PLAN.identifier, since=night.on + timedelta(days=1), until=date.max))


def _written(measured: float) -> float | None:
    """As JSON has it: a change from nothing is no number there."""
    return measured if math.isfinite(measured) else None
