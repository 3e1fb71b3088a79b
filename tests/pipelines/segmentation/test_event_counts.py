from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.enrichment import CustomerFeatures, CustomerValue, Trait
from pipelines.contracts.settings.segments import SegmentsFile
from pipelines.segmentation.event_counts import compare_count, count_columns
from pipelines.segmentation.people import People
from pipelines.segmentation.rules import verdicts_of
from pipelines.segmentation.vocabulary import PROPERTY_KINDS, SegmentRuleError, Stream, segment_column

ORDER = {"customer_id": pl.Int64, "age_days": pl.Int64, "channel": pl.String, "net_amount": pl.Decimal(18, 2)}
EVENT = {
    "customer_id": pl.Int64,
    "age_days": pl.Int64,
    "event_type": pl.String,
    "category": pl.String,
    "properties": pl.String,
}


def _segments(**rules):
    return SegmentsFile.model_validate(
        {"segments": {name: {"rule": rule} for name, rule in rules.items()}}
    ).segments


def _verdicts(rule, people, streams):
    """Verdict by person of one rule; people are ids."""
    features = pl.LazyFrame(
        {"workspace_id": ["shop"] * len(people), "customer_id": people},
        schema_overrides={"customer_id": pl.Int64},
    )
    everyone = People(
        features=features,
        value=CustomerValue.create_empty(lazy=True),
        traits=Trait.create_empty(lazy=True),
        streams=streams,
    )
    found = verdicts_of(everyone, _segments(some=rule)).collect()
    return dict(found.sort("customer_id").select("customer_id", segment_column("some")).iter_rows())


def _orders(*rows):
    """Orders of person 1 unless said otherwise: age, channel, amount."""
    filled = [(1, age, channel, Decimal(amount)) for age, channel, amount in rows]
    return {Stream.ORDER: pl.LazyFrame(filled, schema=ORDER, orient="row")}


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ({}, True),
        ({"at_least": 3}, True),
        ({"at_least": 4}, False),
        ({"more_than": 2}, True),
        ({"more_than": 3}, False),
        ({"at_most": 3}, True),
        ({"at_most": 2}, False),
        ({"less_than": 4}, True),
        ({"less_than": 3}, False),
        ({"equals": 3}, True),
        ({"equals": 2}, False),
        ({"within_days": 10}, True),
        ({"within_days": 10, "at_least": 2}, False),  # ages 0, 10, 30: the window holds days 0 to 9
        ({"within_days": 11, "at_least": 2}, True),
        ({"older_than_days": 10, "equals": 2}, True),
        ({"older_than_days": 11, "equals": 1}, True),
        ({"within_days": 30, "older_than_days": 1, "equals": 1}, True),
        ({"where": {"channel": "web"}, "equals": 2}, True),
        ({"where": {"channel": ["web", "store"]}, "equals": 3}, True),
        ({"where": {"net_amount": {"at_least": 20.1}}, "equals": 1}, True),
        ({"where": {"channel": "web", "net_amount": {"less_than": 20.1}}, "equals": 1}, True),
    ],
)
def test_orders_are_counted_in_a_window_and_by_property(condition, verdict):
    streams = _orders((0, "web", "10.00"), (10, "store", "20.00"), (30, "web", "20.10"))
    assert _verdicts({"event": "order", **condition}, [1], streams) == {1: verdict}


def test_nobody_of_whom_nothing_is_recorded_has_an_order():
    streams = _orders((0, "web", "10.00"))
    assert _verdicts({"event": "order"}, [1, 2], streams) == {1: True, 2: False}
    assert _verdicts({"not": {"event": "order"}}, [1, 2], streams) == {1: False, 2: True}


def test_without_the_source_nothing_is_known_also_under_not():
    rule = {"event": "message", "where": {"channel": "email"}}
    assert _verdicts(rule, [1], {}) == {1: None}
    assert _verdicts({"not": rule}, [1], {}) == {1: None}


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ({"at_least": 1}, True),
        ({"at_least": 2}, None),
        ({"at_least": 3}, False),
        ({"at_most": 0}, False),
        ({"at_most": 1}, None),
        ({"at_most": 2}, True),
        ({"equals": 1}, None),
        ({"equals": 2}, None),
        ({"equals": 0}, False),
        ({"equals": 3}, False),
    ],
)
def test_an_unknown_property_makes_a_count_an_interval(condition, verdict):
    """One order is surely from the web, one perhaps."""
    streams = _orders((0, "web", "1.00"), (0, None, "1.00"), (0, "store", "1.00"))
    rule = {"event": "order", "where": {"channel": "web"}, **condition}
    assert _verdicts(rule, [1], streams) == {1: verdict}
    assert _verdicts({"not": rule}, [1], streams) == {1: None if verdict is None else not verdict}


def test_a_name_that_is_no_stream_is_a_type_of_event():
    rows = [
        (1, 0, "app_open", None, '{"plan": "gold", "a.b": 1}'),
        (2, 0, "order", None, None),
        (3, 5, "page_view", "tea", None),
    ]
    streams = {Stream.EVENT: pl.LazyFrame(rows, schema=EVENT, orient="row")}

    def members(rule):
        return [person for person, verdict in _verdicts(rule, [1, 2, 3], streams).items() if verdict]

    assert members({"event": "app_open"}) == [1]
    assert members({"event": "event"}) == [1, 2, 3]
    assert members({"event": "event", "where": {"event_type": "order"}}) == [2]
    assert members({"event": "page_view", "where": {"category": "tea"}}) == [3]
    assert members({"event": "app_open", "where": {"properties.plan": "gold"}}) == [1]
    assert members({"event": "app_open", "where": {"properties.plan": "silver"}}) == []
    assert members({"event": "app_open", "where": {"properties.a.b": "1"}}) == [1]
    assert members({"any": [{"event": "app_open"}, {"event": "page_view", "within_days": 5}]}) == [1]


def test_rules_that_count_the_same_share_a_column():
    one, other = (
        _segments(some={"event": "order", "within_days": 9, **bound})["some"].rule
        for bound in ({}, {"at_least": 7})
    )
    assert count_columns(one) == count_columns(other)
    assert count_columns(one).certain == count_columns(one).possible


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            {"event": "order_line", "where": {"categry": "TEA"}},
            "segment some: order_line has no property categry; did you mean category?",
        ),
        ({"event": "order", "where": {"zzzz": 1}}, "segment some: order has no property zzzz$"),
        ({"event": "order", "where": {"properties.plan": "x"}}, "order has no property properties.plan"),
        ({"event": "app_open", "where": {"properties.": "x"}}, r"app_open has no property properties\.$"),
        (
            {"event": "order", "where": {"net_amount": "ten"}},
            "net_amount of order is a number and cannot equal the text 'ten'",
        ),
        (
            {"event": "order_line", "where": {"category": 3}},
            "category of order_line is text and cannot equal the number 3; write '3' in quotes",
        ),
        (
            {"event": "order_line", "where": {"category": {"at_least": 3}}},
            "category of order_line is text, so at_least cannot hold",
        ),
    ],
)
def test_a_property_that_cannot_be_asked_for_is_an_error(condition, message):
    rule = _segments(some=condition)["some"].rule
    with pytest.raises(SegmentRuleError, match=message):
        compare_count(rule, segment="some")


def test_properties_are_columns_that_sources_have():
    assert all(PROPERTY_KINDS[stream] for stream in Stream)
    assert not set(CustomerFeatures.columns()) & set(Stream)


_BOUNDS = st.dictionaries(
    st.sampled_from(["at_least", "at_most", "more_than", "less_than", "equals"]),
    st.integers(0, 4),
    max_size=2,
)
_WINDOWS = st.fixed_dictionaries(
    {}, optional={"within_days": st.integers(3, 6), "older_than_days": st.integers(1, 2)}
)
_WHERE = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["web", "app"]) | st.lists(st.sampled_from(["web", "app"]), max_size=2),
        "net_amount": st.builds(
            lambda key, limit: {key: limit}, st.sampled_from(["at_least", "less_than"]), st.integers(0, 3)
        ),
    },
)
_CONDITIONS = st.builds(
    lambda bounds, window, where: {
        "event": "order",
        **bounds,
        **window,
        **({"where": where} if where else {}),
    },
    _BOUNDS,
    _WINDOWS,
    _WHERE,
)
_RULES = st.recursive(
    _CONDITIONS,
    lambda parts: st.one_of(
        st.builds(lambda some: {"all": some}, st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda some: {"any": some}, st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda one: {"not": one}, parts),
    ),
    max_leaves=4,
)
_ROWS = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.integers(0, 7),
        st.none() | st.sampled_from(["web", "app", "store"]),
        st.integers(0, 4).map(Decimal),
    ),
    max_size=8,
)


def _counts(condition, row):
    """Whether an order counts: Kleene's and over window and properties, by cases."""
    _, age, channel, amount = row
    if not condition.get("older_than_days", 0) <= age < condition.get("within_days", 99):
        return False
    known = []
    for name, wanted in condition.get("where", {}).items():
        if name == "net_amount":
            [(key, limit)] = wanted.items()
            known.append(float(amount) >= limit if key == "at_least" else float(amount) < limit)
        elif channel is None:
            known.append(None)
        else:
            known.append(channel in wanted if isinstance(wanted, list) else channel == wanted)
    return False if False in known else None if None in known else True


def _truth(rule, rows):
    """Every way in which the unknown orders could count decides the same, or it is unknown."""
    if "not" in rule:
        inner = _truth(rule["not"], rows)
        return None if inner is None else not inner
    if "all" in rule or "any" in rule:
        decisive = "any" in rule
        verdicts = [_truth(part, rows) for part in rule["any" if decisive else "all"]]
        return decisive if decisive in verdicts else None if None in verdicts else not decisive
    counted = [_counts(rule, row) for row in rows]
    holds = {
        "at_least": lambda count, bound: count >= bound,
        "at_most": lambda count, bound: count <= bound,
        "more_than": lambda count, bound: count > bound,
        "less_than": lambda count, bound: count < bound,
        "equals": lambda count, bound: count == bound,
    }
    bounds = {key: rule[key] for key in holds if key in rule} or {"at_least": 1}
    verdicts = []
    for key, bound in bounds.items():
        possible = {
            holds[key](count, bound)
            for count in range(counted.count(True), counted.count(True) + counted.count(None) + 1)
        }
        verdicts.append(possible.pop() if len(possible) == 1 else None)
    return False if False in verdicts else None if None in verdicts else True


@given(_RULES, _ROWS)
def test_counts_follow_three_valued_logic(rule, rows):
    streams = {Stream.ORDER: pl.LazyFrame(rows, schema=ORDER, orient="row")}
    expected = {person: _truth(rule, [row for row in rows if row[0] == person]) for person in (1, 2)}
    assert _verdicts(rule, [1, 2], streams) == expected
