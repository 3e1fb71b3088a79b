from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts.codes import Product
from pipelines.contracts.plan_changes import ChangeKind, PlanChange
from pipelines.contracts.planning import Decision, PlannedMessage
from pipelines.planning.comparison import (
    PlanSide,
    compare_plans,
    summarise_changes,
    summarise_people,
    summarise_reasons,
)

NIGHT = date(2024, 3, 7)
ZONE = "America/New_York"
PRODUCT = Product.PERSONALIZATION.value


def _frame(schema, rows):
    types = {name: column.dtype for name, column in schema.columns().items()}
    return pl.LazyFrame([{"workspace_id": "acme", **row} for row in rows], schema=types)


def _place(person, *, programme="spring", node="slot", salt=""):
    return {
        "decision_id": f"{person}{programme}{node}{salt}",
        "customer_id": person,
        "product": PRODUCT,
        "programme": programme,
        "node_id": node,
    }


def _sent(person, night=NIGHT, salt="", **values):
    """A decision and its message, which starts at 9 in New York on the day after the night."""
    place = {name: values.pop(name) for name in ("programme", "node") if name in values}
    place = _place(person, salt=salt, **place)
    start = datetime.combine(night + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=14)
    message = {
        **place,
        "channel": "email",
        "template_id": "hello",
        "not_before": start,
        "not_after": start + timedelta(hours=4),
        "value": 1.5,
        "cost_amount": Decimal("0.10"),
        **values,
    }
    return {**place, "decided_on": night, "outcome": "planned"}, message


def _silent(person, outcome, rule=None, night=NIGHT, **place):
    return {**_place(person, **place), "decided_on": night, "outcome": outcome, "rule": rule}, None


def _side(*answers):
    return PlanSide(
        decisions=_frame(Decision, [decision for decision, _ in answers]),
        plan=_frame(PlannedMessage, [message for _, message in answers if message is not None]),
    )


def _compare(before, after):
    changes = compare_plans(_side(*before), _side(*after), time_zone=ZONE).collect()
    return PlanChange.validate(changes)


def _kinds(changes):
    return dict(changes.select("customer_id", "change").iter_rows())


def test_known_edits_give_exactly_the_expected_rows():
    before = [_sent(1), _sent(2), _sent(3), _silent(4, "capacity", "capacity:email"), _silent(5, "holdout")]
    after = [
        _sent(1),
        _silent(2, "frequency_cap", "one_a_day"),
        _sent(3, channel="sms", offer_id="ten_off"),
        _sent(4),
        _silent(5, "holdout"),
        _sent(6),
    ]
    changes = _compare(before, after)
    assert _kinds(changes) == {1: "kept", 2: "lost", 3: "changed", 4: "gained", 6: "gained"}
    rows = {row["customer_id"]: row for row in changes.iter_rows(named=True)}
    assert (rows[2]["after_outcome"], rows[2]["after_rule"]) == ("frequency_cap", "one_a_day")
    assert rows[2]["before_channel"] == "email"
    assert rows[3]["changed_parts"] == "channel,offer"
    assert (rows[4]["before_outcome"], rows[4]["before_rule"]) == ("capacity", "capacity:email")
    assert rows[6]["before_outcome"] is None
    assert {rows[person]["changed_parts"] for person in (1, 2, 4, 6)} == {""}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"channel": "sms"}, "channel"),
        ({"template_id": "bye"}, "template"),
        ({"offer_id": "ten_off"}, "offer"),
        ({"not_before": datetime(2024, 3, 8, 15, tzinfo=UTC)}, "window"),
        ({"not_after": datetime(2024, 3, 8, 19, tzinfo=UTC)}, "window"),
    ],
)
def test_each_part_of_a_message_is_compared(change, part):
    changes = _compare([_sent(1)], [_sent(1, **change)])
    assert changes.select("change", "changed_parts").row(0) == ("changed", part)


def test_value_and_cost_alone_change_no_message():
    assert _kinds(_compare([_sent(1)], [_sent(1, value=9.0, cost_amount=Decimal(1))])) == {1: "kept"}


def test_windows_of_two_nights_are_compared_by_the_local_clock():
    # Clocks go forward between the two: 9 o'clock is 14:00 UTC first, 13:00 UTC after.
    later = date(2024, 3, 10)
    assert _kinds(_compare([_sent(1)], [_sent(1, later, salt="later")])) == {1: "changed"}
    start = datetime(2024, 3, 11, 13, tzinfo=UTC)
    moved = _sent(1, later, salt="later", not_before=start, not_after=start + timedelta(hours=4))
    assert _kinds(_compare([_sent(1)], [moved])) == {1: "kept"}


def test_programmes_and_nodes_are_apart():
    changes = _compare([_sent(1)], [_sent(1, programme="summer"), _sent(1, node="second")])
    assert sorted(changes.select("programme", "node_id", "change").rows()) == [
        ("spring", "second", "gained"),
        ("spring", "slot", "lost"),
        ("summer", "slot", "gained"),
    ]


def test_several_decisions_at_a_node_are_matched_by_what_they_send():
    before = [_sent(1, salt="x"), _sent(1, salt="y", channel="sms"), _silent(1, "capacity", salt="z")]
    after = [_sent(1, salt="c", channel="sms"), _silent(1, "capacity", salt="a"), _sent(1, salt="b")]
    changes = _compare(before, after)
    assert changes.select("slot", "change").rows() == [(0, "kept"), (1, "kept")]


def test_nothing_against_nothing():
    assert _compare([], []).is_empty()
    assert summarise_people(_compare([], []).lazy()).collect().row(0) == (0, 0, 0, 0, 0)


BEFORE = [
    _sent(1),
    _sent(2),
    _sent(2, programme="summer"),
    _sent(3),
    _silent(4, "capacity", "capacity:email"),
    _silent(5, "capacity", "capacity:email"),
    _silent(6, "budget", "night"),
]
AFTER = [
    _sent(1),
    _silent(2, "frequency_cap", "one_a_day"),
    _sent(2, programme="summer", channel="sms"),
    _silent(3, "budget", "night"),
    *(_sent(person) for person in (4, 5, 6)),
]


def test_summary_by_programme_and_channel_by_hand():
    summary = summarise_changes(_compare(BEFORE, AFTER).lazy()).collect().drop("product")
    columns = ["programme", "channel", "before_count", "after_count", "gained_count", "lost_count"]
    columns += ["moved_in_count", "moved_out_count", "changed_count"]
    assert summary.columns == columns
    assert summary.rows() == [
        ("spring", "email", 3, 4, 3, 2, 0, 0, 0),
        ("summer", "email", 1, 0, 0, 0, 0, 1, 0),
        ("summer", "sms", 0, 1, 0, 0, 1, 0, 1),
    ]


def test_what_comes_and_goes_explains_the_difference():
    for row in summarise_changes(_compare(BEFORE, AFTER).lazy()).collect().iter_rows(named=True):
        gone = row["lost_count"] + row["moved_out_count"]
        come = row["gained_count"] + row["moved_in_count"]
        assert row["after_count"] == row["before_count"] + come - gone


def test_summary_of_people_by_hand():
    # Before 1, 2 and 3; after 1, 2, 4, 5 and 6; nothing changes for 1.
    assert summarise_people(_compare(BEFORE, AFTER).lazy()).collect().row(0) == (3, 5, 3, 1, 1)


def test_reasons_are_those_of_the_side_without_a_message():
    changes = _compare(BEFORE, AFTER).lazy()
    assert summarise_reasons(changes, ChangeKind.GAINED).collect().rows() == [
        ("capacity", "capacity:email", 2),
        ("budget", "night", 1),
    ]
    assert summarise_reasons(changes, ChangeKind.LOST).collect().rows() == [
        ("budget", "night", 1),
        ("frequency_cap", "one_a_day", 1),
    ]


def test_the_order_of_rows_makes_no_difference():
    assert _compare(BEFORE[::-1], AFTER[::-1]).equals(_compare(BEFORE, AFTER))
