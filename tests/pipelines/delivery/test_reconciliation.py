from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.codes import DispatchStatus
from pipelines.delivery.reconciliation import BALANCE, describe_imbalance, reconcile_dispatches

STATUSES = [status.value for status in DispatchStatus]


def reconcile(plan: dict[str, str], log: dict[str, str], channel: str = "email") -> list[dict]:
    planned = pl.LazyFrame(
        {"send_id": list(plan), "channel": list(plan.values())}, schema=["send_id", "channel"]
    )
    logged = pl.LazyFrame(
        [
            (send_id, plan.get(send_id, channel), *status.split("/"), None)[:4]
            for send_id, status in log.items()
        ],
        schema=["send_id", "channel", "status", "reason"],
        orient="row",
    ).cast(pl.String)
    return reconcile_dispatches(planned.cast(pl.String), logged).collect().to_dicts()


def test_every_final_state_is_counted_once():
    final = [status for status in STATUSES if status not in {"PLANNED", "CLAIMED"}]
    assert set(BALANCE) == set(final)
    plan = dict.fromkeys(final, "email")
    (line,) = reconcile(plan, {status: status for status in final})
    assert line["planned_count"] == len(final)
    assert line["sent_count"] == 3  # sent, acknowledged, and found afterwards
    assert sum(line[name] for name in set(BALANCE.values())) == len(final)
    assert line["is_balanced"]


def test_a_planned_message_without_a_row_is_an_error():
    (line,) = reconcile({"a": "email", "b": "email"}, {"a": "ACKED"})
    assert (line["planned_count"], line["sent_count"], line["open_count"]) == (2, 1, 1)
    assert not line["is_balanced"]


def test_a_message_that_still_waits_is_an_error():
    for status in ("PLANNED", "CLAIMED"):
        (line,) = reconcile({"a": "email"}, {"a": status})
        assert (line["open_count"], line["is_balanced"]) == (1, False)


@pytest.mark.parametrize("reason", ["awaiting_approval", "config_changed"])
def test_a_message_that_waits_for_a_person_is_accounted_for(reason):
    (line,) = reconcile({"a": "email", "b": "email"}, {"a": "ACKED", "b": f"PLANNED/{reason}"})
    assert (line["sent_count"], line["held_count"], line["open_count"]) == (1, 1, 0)
    assert line["is_balanced"]


def test_only_a_planned_message_waits_for_a_person():
    (line,) = reconcile(
        {"a": "email", "b": "email"}, {"a": "CLAIMED/awaiting_approval", "b": "PLANNED/other"}
    )
    assert (line["held_count"], line["open_count"], line["is_balanced"]) == (0, 2, False)


def test_what_an_earlier_plan_of_the_night_sent_is_shown_and_no_error():
    (line,) = reconcile({"a": "email"}, {"a": "ACKED", "earlier": "ACKED", "dropped": "CANCELLED"})
    assert (line["planned_count"], line["sent_count"], line["superseded_count"]) == (1, 1, 2)
    assert line["is_balanced"]


def test_a_waiting_message_that_no_plan_holds_is_an_error():
    (line,) = reconcile({"a": "email"}, {"a": "ACKED", "stray": "CLAIMED"})
    assert (line["unplanned_count"], line["is_balanced"]) == (1, False)


def test_a_message_that_left_on_another_channel_is_an_error():
    plan = pl.LazyFrame({"send_id": ["a"], "channel": ["email"]})
    log = pl.LazyFrame({"send_id": ["a"], "channel": ["sms"], "status": ["ACKED"], "reason": [None]})
    balance = reconcile_dispatches(plan, log).collect()
    assert balance.filter(channel="email")["is_balanced"].to_list() == [False]


def test_an_imbalance_is_told_in_words():
    plan = pl.LazyFrame({"send_id": ["a", "b"], "channel": ["email", "sms"]})
    log = pl.LazyFrame({"send_id": ["a"], "channel": ["email"], "status": ["ACKED"], "reason": [None]})
    (sentence,) = describe_imbalance(reconcile_dispatches(plan, log).collect())
    assert sentence.startswith("sms: 1 messages planned, 1 of them without a final state")


def test_a_night_without_messages_balances():
    assert reconcile({}, {}) == []


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=12))
def test_planned_is_the_sum_of_all_states(statuses):
    plan = {f"m{number}": "email" for number in range(len(statuses))}
    (line,) = reconcile(plan, dict(zip(plan, statuses, strict=True)))
    expected = Counter(statuses)
    waiting = expected["PLANNED"] + expected["CLAIMED"]
    assert line["planned_count"] == len(statuses)
    assert sum(line[name] for name in set(BALANCE.values())) == len(statuses) - waiting
    assert line["is_balanced"] == (waiting == 0)
