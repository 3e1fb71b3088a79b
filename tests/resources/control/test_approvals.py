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


def test_whoever_changed_the_config_last_does_not_approve_what_it_plans(approvals, ask):
    ask(**PLAN)
    with pytest.raises(ApprovalError, match="last change to the configuration"):
        approvals.approve(NIGHT, **PLAN, decided_by=" Ana ", reason="mine", config_author="ana")
    approvals.approve(NIGHT, **PLAN, decided_by="ben", reason="looked at it", config_author="ana")
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.APPROVED


@pytest.mark.parametrize(("who", "reason"), [("", "fine"), (" ", "fine"), ("ana", ""), ("ana", " ")])
def test_a_decision_has_a_person_and_a_reason(approvals, ask, who, reason):
    ask(**PLAN)
    for decide in (approvals.approve, approvals.reject):
        with pytest.raises(ApprovalError, match="needs the person who takes it, and a reason"):
            decide(NIGHT, **PLAN, decided_by=who, reason=reason)
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.REQUESTED


def test_an_approval_can_be_taken_back_and_a_no_cannot(engine, approvals, ask):
    ask(**PLAN)
    approvals.approve(NIGHT, **PLAN, decided_by="ana", reason="looks right")
    approvals.reject(NIGHT, **PLAN, decided_by="ana", reason="wrong offer")
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.REJECTED
    with pytest.raises(ApprovalError):
        approvals.reject(NIGHT, **PLAN, decided_by="ana", reason="again")
    assert ask(**PLAN) is ApprovalStatus.REJECTED
    assert ActivityLog(engine, "w").newest()[0].activity.activity_type == "approval.revoked"


def test_the_plan_that_was_asked_about_last_is_the_current_one(approvals, ask, clock):
    assert approvals.current(NIGHT) is None
    ask(**PLAN)
    clock.advance(hours=1)
    ask(**OTHER_PLAN)
    current = approvals.current(NIGHT)
    assert (current.plan_hash, current.status) == ("plan-2", ApprovalStatus.REQUESTED)
    assert (current.requested_at, current.thresholds) == (clock.at, {"messages": 5000})
    approvals.reject(NIGHT, **OTHER_PLAN, decided_by="ana", reason="too many")
    current = approvals.current(NIGHT)
    assert (current.status, current.decided_by, current.reason) == ("REJECTED", "ana", "too many")
    approvals.keep_only(NIGHT, **PLAN, by="run 2")
    assert approvals.current(NIGHT) == current  # a no stays: it is no permission that could be misused


def test_only_what_is_the_same_is_kept(approvals, ask):
    ask(**PLAN)
    approvals.approve(NIGHT, **PLAN, decided_by="ana", reason="looks right")
    approvals.keep_only(NIGHT, **PLAN, by="run 2")
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.APPROVED
    approvals.keep_only(NIGHT, **OTHER_CONFIG, by="run 2")
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.VOID


def test_plans_of_earlier_nights_expire(engine, approvals, ask):
    ask(**PLAN)
    ask(date(2025, 3, 2), **OTHER_PLAN)
    approvals.approve(date(2025, 3, 2), **OTHER_PLAN, decided_by="ana", reason="fine")
    assert approvals.expire(NIGHT, by="run 2") == []
    assert approvals.expire(date(2025, 3, 3), by="run 2") == [NIGHT]
    assert approvals.status_of(NIGHT, **PLAN) is ApprovalStatus.VOID
    assert approvals.status_of(date(2025, 3, 2), **OTHER_PLAN) is ApprovalStatus.APPROVED
    log = ActivityLog(engine, "w")
    assert log.newest()[0].activity.activity_type == "approval.expired"
    assert log.verify() is None
    with pytest.raises(ApprovalError):
        approvals.approve(NIGHT, **PLAN, decided_by="ana", reason="late")


#: From the specification: state → what each step leaves it in; a missing step is refused or changes nothing.
STEPS = {
    "REQUESTED": {
        "approve": "APPROVED",
        "reject": "REJECTED",
        "other plan": "VOID",
        "other config": "VOID",
        "expire": "VOID",
    },
    "APPROVED": {"reject": "REJECTED", "other plan": "VOID", "other config": "VOID"},
    "REJECTED": {},
    "VOID": {"ask": "REQUESTED"},
}


@pytest.mark.parametrize("state", STEPS)
@pytest.mark.parametrize("step", ["ask", "approve", "reject", "other plan", "other config", "expire"])
def test_every_step_from_every_state_leads_where_it_should(engine, approvals, ask, state, step):
    ways = {
        "ask": lambda: ask(**PLAN),
        "approve": lambda: approvals.approve(NIGHT, **PLAN, decided_by="ana", reason="x"),
        "reject": lambda: approvals.reject(NIGHT, **PLAN, decided_by="ana", reason="x"),
        "other plan": lambda: ask(**OTHER_PLAN),
        "other config": lambda: ask(**OTHER_CONFIG),
        "expire": lambda: approvals.expire(date(2025, 3, 2), by="run 2"),
    }
    to_state = {"REQUESTED": [], "APPROVED": ["approve"], "REJECTED": ["reject"], "VOID": ["expire"]}
    for way in ("ask", *to_state[state]):
        ways[way]()
    assert approvals.status_of(NIGHT, **PLAN) == state
    is_refused = step in {"approve", "reject"} and step not in STEPS[state]
    if is_refused:
        with pytest.raises(ApprovalError):
            ways[step]()
    else:
        ways[step]()
    assert approvals.status_of(NIGHT, **PLAN) == STEPS[state].get(step, state)
    assert ActivityLog(engine, "w").verify() is None
