from datetime import date

import pytest

from resources.control.activities import ActivityLog
from resources.control.approvals import ApprovalError, Approvals
from resources.control.codes import ApprovalStatus

NIGHT = date(2025, 3, 1)
PLAN = {"plan_hash": "plan-1", "config_hash": "config-1"}
OTHER_PLAN = {"plan_hash": "plan-2", "config_hash": "config-1"}
OTHER_CONFIG = {"plan_hash": "plan-1", "config_hash": "config-2"}


@pytest.fixture
def approvals(engine, clock):
    return Approvals(engine, "w", now=clock)


@pytest.fixture
def ask(approvals):
    def ask(night=NIGHT, **hashes):
        return approvals.request(night, **hashes, thresholds={"messages": 5000}, requested_by="run 1")

    return ask


def test_plan_waits_until_a_person_decides(approvals, ask):
    assert approvals.status_of(NIGHT, **PLAN) is None
    assert ask(**PLAN) is ApprovalStatus.REQUESTED
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.REQUESTED
    approvals.approve(NIGHT, **PLAN, decided_by="ana", reason="looks right")
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.APPROVED


def test_rejected_plan_stays_rejected(approvals, ask):
    ask(**PLAN)
    approvals.reject(NIGHT, **PLAN, decided_by="ana", reason="too many")
    assert ask(**PLAN) is ApprovalStatus.REJECTED
    with pytest.raises(ApprovalError, match="does not wait for approval"):
        approvals.approve(NIGHT, **PLAN, decided_by="ben", reason="looks right")


def test_asking_again_for_the_same_plan_keeps_the_approval(approvals, ask):
    ask(**PLAN)
    approvals.approve(NIGHT, **PLAN, decided_by="ana", reason="looks right")
    assert ask(**PLAN) is ApprovalStatus.APPROVED


@pytest.mark.parametrize("changed", [OTHER_PLAN, OTHER_CONFIG], ids=["plan", "config"])
@pytest.mark.parametrize("is_approved", [True, False])
def test_approval_is_void_when_plan_or_config_changes(approvals, ask, changed, is_approved):
    ask(**PLAN)
    if is_approved:
        approvals.approve(NIGHT, **PLAN, decided_by="ana", reason="looks right")
    assert ask(**changed) is ApprovalStatus.REQUESTED
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.VOID
    with pytest.raises(ApprovalError):
        approvals.approve(NIGHT, **PLAN, decided_by="ben", reason="late")


def test_plan_that_comes_back_waits_again(approvals, ask):
    ask(**PLAN)
    approvals.approve(NIGHT, **PLAN, decided_by="ana", reason="looks right")
    ask(**OTHER_PLAN)
    assert ask(**PLAN) is ApprovalStatus.REQUESTED
    assert approvals.status_of(NIGHT, **OTHER_PLAN) is ApprovalStatus.VOID


def test_nights_and_workspaces_are_their_own(engine, approvals, ask):
    ask(**PLAN)
    ask(date(2025, 3, 2), **OTHER_PLAN)
    Approvals(engine, "other").request(NIGHT, **OTHER_PLAN, thresholds={}, requested_by="run 2")
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.REQUESTED
    assert approvals.status_of(NIGHT, **OTHER_PLAN) is None


def test_nobody_approves_what_they_asked_for(approvals, ask):
    ask(**PLAN)
    with pytest.raises(ApprovalError, match="a second person"):
        approvals.approve(NIGHT, **PLAN, decided_by="run 1", reason="mine")
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.REQUESTED
    approvals.reject(NIGHT, **PLAN, decided_by="run 1", reason="withdrawn")


def test_plan_that_nobody_asked_for_cannot_be_approved(approvals):
    with pytest.raises(ApprovalError, match="plan-1 of 2025-03-01 does not wait"):
        approvals.approve(NIGHT, **PLAN, decided_by="ana", reason="looks right")


def test_every_step_is_an_activity(engine, approvals, ask):
    ask(**PLAN)
    ask(**PLAN)
    approvals.approve(NIGHT, **PLAN, decided_by="ana", reason="looks right")
    ask(**OTHER_PLAN)
    recorded = [entry.activity for entry in reversed(ActivityLog(engine, "w").newest())]
    assert [(activity.activity_type, activity.details["plan_hash"]) for activity in recorded] == [
        ("approval.requested", "plan-1"),
        ("approval.approved", "plan-1"),
        ("approval.void", "plan-1"),
        ("approval.requested", "plan-2"),
    ]
    assert recorded[1].details == {"night": "2025-03-01", "plan_hash": "plan-1", "reason": "looks right"}
