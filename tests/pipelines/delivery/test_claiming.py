from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.codes import ContactReason
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.delivery.claiming import recheck_messages

NOON = datetime(2024, 3, 2, 12, tzinfo=UTC)
SPRING = {"product": "033-omnichannel-journey-orchestrator", "programme": "spring", "channel": "email"}
AUTUMN = {"product": "035-sequential-messaging-engine", "programme": "autumn", "channel": "sms"}


def message(send_id: str, customer_id: int, **facts: object) -> dict[str, object]:
    return {
        "send_id": send_id,
        "decision_id": f"decision of {send_id}",
        "customer_id": customer_id,
        "purpose": "marketing",
        "not_after": NOON + timedelta(hours=1),
        **SPRING,
        **facts,
    }


def verdict(customer_id: int, *, is_allowed: bool = True, channel: str = "email", reason: str = "granted"):
    return {
        "customer_id": customer_id,
        "purpose": "marketing",
        "channel": channel,
        "is_allowed": is_allowed,
        "reason": reason,
    }


def recheck(messages, verdicts, *, switches=(), waiting=None, at=NOON):
    plan = pl.LazyFrame(messages)
    ids = [row["send_id"] for row in messages] if waiting is None else waiting
    schema = {"customer_id": pl.Int64, "purpose": pl.String, "channel": pl.String, "is_allowed": pl.Boolean}
    contactability = pl.LazyFrame(verdicts, schema=schema | {"reason": pl.String})
    verdicts = recheck_messages(
        pl.LazyFrame({"send_id": ids}, schema={"send_id": pl.String}),
        plan,
        contactability,
        kill_switches=switches,
        dispatched_at=at,
    )
    claimable = verdicts.claimable.collect()
    assert claimable.columns == plan.collect_schema().names()
    withheld = verdicts.withheld.sort("send_id").collect()
    return sorted(claimable["send_id"]), [tuple(row) for row in withheld.rows()]


def test_an_allowed_message_is_claimable():
    assert recheck([message("a", 1)], [verdict(1)]) == (["a"], [])


@pytest.mark.parametrize("reason", ["withdrawn", "suppressed", "erased"])
def test_a_permission_that_ended_after_planning_cancels(reason):
    assert ContactReason(reason)
    found = recheck([message("a", 1)], [verdict(1, is_allowed=False, reason=reason)])
    assert found == ([], [("a", "CANCELLED", reason)])


def test_a_person_without_a_verdict_is_not_contacted():
    assert recheck([message("a", 1)], []) == ([], [("a", "CANCELLED", "not_contactable")])


def test_permission_is_that_of_the_channel():
    found = recheck([message("a", 1)], [verdict(1, channel="sms")])
    assert found == ([], [("a", "CANCELLED", "not_contactable")])


@pytest.mark.parametrize(
    ("switch", "stopped"),
    [
        (KillSwitch(scope="all", reason="incident"), ["a", "b"]),
        (KillSwitch(scope="channel", value="sms", reason="incident"), ["b"]),
        (KillSwitch(scope="product", value=SPRING["product"], reason="incident"), ["a"]),
        (KillSwitch(scope="campaign", value="autumn", reason="incident"), ["b"]),
        (KillSwitch(scope="campaign", value="winter", reason="incident"), []),
    ],
)
def test_a_kill_switch_stops_what_it_names(switch, stopped):
    messages = [message("a", 1), message("b", 2, **AUTUMN)]
    claimable, withheld = recheck(messages, [verdict(1), verdict(2, channel="sms")], switches=[switch])
    assert withheld == [(send_id, "CANCELLED", "kill_switch") for send_id in stopped]
    assert claimable == sorted({"a", "b"}.difference(stopped))


def test_any_of_several_switches_stops():
    switches = [
        KillSwitch(scope="channel", value="sms", reason="incident"),
        KillSwitch(scope="channel", value="email", reason="incident"),
    ]
    assert recheck([message("a", 1)], [verdict(1)], switches=switches)[0] == []


def test_a_message_that_waits_but_is_in_no_plan_is_cancelled():
    assert recheck([message("a", 1)], [verdict(1)], waiting=["a", "z"]) == (
        ["a"],
        [("z", "CANCELLED", "superseded")],
    )


def test_only_waiting_messages_are_judged():
    assert recheck([message("a", 1), message("b", 1)], [verdict(1)], waiting=["b"]) == (["b"], [])


@given(st.integers(-2, 2), st.sampled_from([1, 1_000_000, 3_600_000_000]))
def test_a_message_expires_right_after_its_window(steps, microseconds):
    not_after = NOON + timedelta(microseconds=steps * microseconds)
    claimable, withheld = recheck([message("a", 1, not_after=not_after)], [verdict(1)])
    if not_after < NOON:
        assert (claimable, withheld) == ([], [("a", "EXPIRED", "window_passed")])
    else:
        assert (claimable, withheld) == (["a"], [])


def test_a_withdrawn_permission_outweighs_a_passed_window():
    late = message("a", 1, not_after=NOON - timedelta(hours=1))
    assert recheck([late], [verdict(1, is_allowed=False, reason="withdrawn")]) == (
        [],
        [("a", "CANCELLED", "withdrawn")],
    )
