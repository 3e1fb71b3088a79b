import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.off_policy import NO_SEND, BuiltInPolicy
from pipelines.measurement.candidate_policies import (
    given_policy_problems,
    with_built_in_policy,
    with_given_policy,
)

EMAIL, SMS = "email hello", "sms hello"


def _actions(rows):
    schema = {"choice_id": pl.String, "action_id": pl.String, "kind": pl.String, "value": pl.Float64}
    return pl.LazyFrame(rows, schema=schema, orient="row")


#: Three people: the first prefers SMS, the second must not get one, the third is worth nothing.
ACTIONS = _actions(
    [
        ("one", "a", EMAIL, 1.0),
        ("one", "b", SMS, 1.5),
        ("one", NO_SEND, NO_SEND, 0.0),
        ("two", "c", EMAIL, 1.0),
        ("two", NO_SEND, NO_SEND, 0.0),
        ("three", "d", EMAIL, -0.4),
        ("three", "e", SMS, -0.5),
        ("three", NO_SEND, NO_SEND, 0.0),
    ]
)


def _chances(policy, actions=ACTIONS):
    frame = with_built_in_policy(actions, policy).collect()
    return {
        (row["choice_id"], row["action_id"]): row["probability"]
        for row in frame.iter_rows(named=True)
        if row["probability"]
    }


def test_greedy_takes_the_most_valuable_if_it_is_worth_something():
    assert _chances(BuiltInPolicy.GREEDY) == {("one", "b"): 1, ("two", "c"): 1, ("three", NO_SEND): 1}


def test_greedy_sends_nothing_that_is_worth_nothing_and_breaks_ties_by_id():
    actions = _actions(
        [
            ("one", "b", EMAIL, 2.0),
            ("one", "a", SMS, 2.0),
            ("two", "c", EMAIL, 0.0),
            ("two", NO_SEND, NO_SEND, 0.0),
        ]
    )
    assert _chances(BuiltInPolicy.GREEDY, actions) == {("one", "a"): 1, ("two", NO_SEND): 1}


def test_uniform_gives_every_action_of_a_choice_the_same_chance():
    chances = _chances(BuiltInPolicy.UNIFORM)
    assert chances["one", "a"] == chances["three", NO_SEND] == pytest.approx(1 / 3)
    assert chances["two", "c"] == chances["two", NO_SEND] == 0.5


def test_best_action_is_one_kind_for_everyone_who_may_get_it():
    # Email is worth 1 + 1 - .4, SMS 1.5 - .5.
    assert _chances(BuiltInPolicy.BEST_ACTION) == {("one", "a"): 1, ("two", "c"): 1, ("three", "d"): 1}
    without_email = ACTIONS.with_columns(value=pl.when(pl.col("kind") == EMAIL).then(-1.0).otherwise("value"))
    assert _chances(BuiltInPolicy.BEST_ACTION, without_email) == {
        ("one", "b"): 1,
        ("two", NO_SEND): 1,
        ("three", "e"): 1,
    }


def test_best_action_is_no_send_when_every_kind_costs_more_than_it_brings():
    costly = ACTIONS.with_columns(value=pl.when(pl.col("kind") == NO_SEND).then(0.0).otherwise(-1.0))
    assert _chances(BuiltInPolicy.BEST_ACTION, costly) == _chances(BuiltInPolicy.NO_SEND, costly)


def test_a_kind_that_a_choice_has_twice_counts_once():
    actions = _actions(
        [
            ("one", "a", EMAIL, 1.0),
            ("one", "b", EMAIL, 1.0),
            ("one", "c", SMS, 1.5),
            ("one", NO_SEND, NO_SEND, 0.0),
        ]
    )
    assert _chances(BuiltInPolicy.BEST_ACTION, actions) == {("one", "c"): 1}


def test_no_send_sends_nothing():
    assert set(_chances(BuiltInPolicy.NO_SEND)) == {("one", NO_SEND), ("two", NO_SEND), ("three", NO_SEND)}


values = st.floats(-3, 3)


@given(st.lists(st.tuples(st.sampled_from("abc"), values, values), min_size=1, max_size=6), st.data())
def test_every_policy_sums_to_one_and_knows_no_order(rows, data):
    actions = [
        row
        for place, (kind, first, second) in enumerate(rows)
        for row in (
            (f"choice {place}", f"{place} first", kind, first),
            (f"choice {place}", f"{place} second", "other", second),
            (f"choice {place}", NO_SEND, NO_SEND, 0.0),
        )
    ]
    shuffled = data.draw(st.permutations(actions))
    for policy in BuiltInPolicy:
        found = with_built_in_policy(_actions(actions), policy).collect()
        totals = found.group_by("choice_id").agg(pl.col("probability").sum())
        assert totals["probability"].to_list() == pytest.approx([1.0] * len(rows))
        again = with_built_in_policy(_actions(shuffled), policy).collect()
        assert again.sort("choice_id", "action_id").equals(found.sort("choice_id", "action_id"))


def _given(rows):
    schema = {"candidate_id": pl.String, "probability": pl.Float64}
    return pl.LazyFrame(rows, schema=schema, orient="row")


def test_a_given_policy_leaves_the_rest_to_no_send_and_other_choices_out():
    found = with_given_policy(ACTIONS, _given([("a", 0.25), ("b", 0.5), ("d", 0.0)])).collect()
    chances = {
        (row["choice_id"], row["action_id"]): row["probability"] for row in found.iter_rows(named=True)
    }
    assert chances == {
        ("one", "a"): 0.25,
        ("one", "b"): 0.5,
        ("one", NO_SEND): 0.25,
        ("three", "d"): 0.0,
        ("three", "e"): 0.0,
        ("three", NO_SEND): 1.0,
    }


@pytest.mark.parametrize(
    ("rows", "problems"),
    [
        ([("a", 0.25), ("b", 0.75)], (0, 0, 0, 0)),
        ([("a", 0.25), ("b", 0.76)], (0, 0, 0, 1)),
        ([("a", -0.1), ("b", None), ("c", 1.5)], (3, 0, 0, 1)),
        ([("a", 0.1), ("a", 0.1)], (0, 1, 0, 0)),
        ([("x", 0.1), ("y", 0.0)], (0, 0, 1, 0)),
        ([], (0, 0, 0, 0)),
    ],
)
def test_problems_of_a_given_policy_are_counted(rows, problems):
    assert given_policy_problems(ACTIONS, _given(rows)).collect().row(0) == problems
