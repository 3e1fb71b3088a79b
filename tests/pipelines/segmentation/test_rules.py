from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.enrichment import CustomerFeatures, CustomerValue, Trait
from pipelines.contracts.settings.segments import SegmentSettings, SegmentsFile
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.segmentation.people import People
from pipelines.segmentation.problems import UnknownTrait, rule_problems, unknown_traits
from pipelines.segmentation.references import SegmentCycleError
from pipelines.segmentation.rules import evaluate_segments
from pipelines.segmentation.vocabulary import COLUMN_KINDS, TRAIT_NAMES, SegmentRuleError

SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="UTC", currency="USD")


def _segments(**rules: dict[str, Any]) -> dict[str, SegmentSettings]:
    return SegmentsFile.model_validate(
        {"segments": {name: {"rule": rule} for name, rule in rules.items()}}
    ).segments


def _frame(schema: Any, rows: list[dict[str, Any]]) -> pl.LazyFrame:
    dtypes = {name: column.dtype for name, column in schema.columns().items()}
    filled = [
        {name: row.get(name, "shop" if name == "workspace_id" else None) for name in dtypes} for row in rows
    ]
    return pl.LazyFrame(filled, schema=dtypes, orient="row")


def _members(people: list[dict[str, Any]], segments: dict[str, SegmentSettings]) -> dict[str, list[int]]:
    """Members by segment; a person is a row of columns and traits, with ids from 1."""
    rows = [{**person, "customer_id": number} for number, person in enumerate(people, 1)]
    traits = [
        {"customer_id": row["customer_id"], "trait": name, "value": value}
        for row in rows
        for name, value in row.items()
        if name in TRAIT_NAMES
    ]
    evaluated = evaluate_segments(
        People(
            features=_frame(CustomerFeatures, rows),
            value=_frame(CustomerValue, rows),
            traits=_frame(Trait, traits),
        ),
        segments=segments,
        workspace=SHOP,
    ).collect()
    assert evaluated.schema == {"workspace_id": pl.String, "customer_id": pl.Int64, "segment": pl.String}
    assert evaluated["workspace_id"].unique().to_list() in ([], ["shop"])
    members: dict[str, list[int]] = {}
    for customer, segment in sorted(evaluated.select("customer_id", "segment").rows()):
        members.setdefault(segment, []).append(customer)
    return members


@pytest.mark.parametrize(
    ("comparison", "members"),
    [
        ({"at_least": 5}, [2, 3]),
        ({"more_than": 5}, [3]),
        ({"at_most": 5}, [1, 2]),
        ({"less_than": 5}, [1]),
        ({"equals": 5}, [2]),
        ({"equals": 5.0}, [2]),
        ({"one_of": [4, 6]}, [1, 3]),
        ({"one_of": []}, []),
        ({"at_least": 5, "less_than": 6}, [2]),
        ({"is_known": True}, [1, 2, 3]),
        ({"is_known": False}, [4]),
        ({"is_known": True, "more_than": 5}, [3]),
    ],
)
def test_comparison_of_a_number(comparison, members):
    people = [{"recency_days": days} for days in (4, 5, 6, None)]
    segments = _segments(some={"trait": "recency_days", **comparison})
    assert _members(people, segments).get("some", []) == members


@pytest.mark.parametrize(
    ("comparison", "members"),
    [
        ({"equals": "weekly"}, [1]),
        ({"one_of": ["weekly", "rare"]}, [1, 2]),
        ({"is_known": True}, [1, 2]),
        ({"is_known": False}, [3, 4]),
    ],
)
def test_comparison_of_a_text(comparison, members):
    people = [{"shopping_rhythm": "weekly"}, {"shopping_rhythm": "rare"}, {"shopping_rhythm": None}, {}]
    segments = _segments(some={"trait": "shopping_rhythm", **comparison})
    assert _members(people, segments) == {"some": members}


def test_money_compares_as_it_is_written():
    people = [{"spend_amount": Decimal(text)} for text in ("0.29", "0.30", "0.31")]
    equal, more = {"trait": "spend_amount", "equals": 0.3}, {"trait": "spend_amount", "more_than": 0.3}
    assert _members(people, _segments(equal=equal, more=more)) == {"equal": [2], "more": [3]}


def test_date_can_be_known_or_not():
    people = [{"last_order_on": date(2024, 1, 1)}, {"last_order_on": None}]
    segments = _segments(
        buyers={"trait": "last_order_on", "is_known": True},
        prospects={"trait": "last_order_on", "is_known": False},
    )
    assert _members(people, segments) == {"buyers": [1], "prospects": [2]}


def test_unknown_is_no_member_also_under_not():
    rule = {"trait": "shopping_rhythm", "equals": "weekly"}
    people = [{"shopping_rhythm": "weekly"}, {"shopping_rhythm": "rare"}, {}]
    segments = _segments(weekly=rule, others={"not": rule}, again={"not": {"not": rule}})
    assert _members(people, segments) == {"weekly": [1], "others": [2], "again": [1]}


def test_empty_list_matches_nobody_and_its_opposite_everyone_who_is_known():
    rule = {"trait": "recency_days", "one_of": []}
    segments = _segments(none=rule, others={"not": rule})
    assert _members([{"recency_days": 4}, {"recency_days": None}], segments) == {"others": [1]}


def test_people_who_are_in_one_table_only_can_be_members():
    segments = _segments(
        some={"trait": "order_count", "at_least": 1}, valued={"trait": "expected_spend_28d", "at_least": 1}
    )
    evaluated = evaluate_segments(
        People(
            features=_frame(CustomerFeatures, [{"customer_id": 1, "order_count": 1}]),
            value=_frame(CustomerValue, [{"customer_id": 2, "expected_spend_28d": 1.0}]),
            traits=Trait.create_empty(lazy=True),
        ),
        segments=segments,
        workspace=SHOP,
    ).collect()
    assert sorted(evaluated.rows()) == [("shop", 1, "some"), ("shop", 2, "valued")]


def test_unknown_does_not_spoil_what_is_decided_without_it():
    unknown, true = {"trait": "age_band", "equals": "65+"}, {"trait": "order_count", "at_least": 1}
    people = [{"order_count": 1}]
    segments = _segments(
        either={"any": [true, unknown]},
        both={"all": [true, unknown]},
        neither={"not": {"all": [{"not": true}, unknown]}},
        nothing={"not": {"any": [{"not": true}, unknown]}},
    )
    assert _members(people, segments) == {"either": [1], "neither": [1]}


def test_segments_build_on_each_other_whatever_their_names():
    segments = _segments(
        a_last={"all": [{"segment": "m_middle"}, {"not": {"segment": "z_first"}}]},
        m_middle={"any": [{"segment": "z_first"}, {"trait": "order_count", "at_least": 2}]},
        z_first={"trait": "order_count", "at_least": 5},
    )
    people = [{"order_count": count} for count in (1, 2, 5)]
    assert _members(people, segments) == {"a_last": [2], "m_middle": [2, 3], "z_first": [3]}


def test_reference_to_a_segment_keeps_what_is_unknown_in_it():
    segments = _segments(old={"trait": "age_band", "equals": "65+"}, not_old={"not": {"segment": "old"}})
    assert _members([{"age_band": "65+"}, {"age_band": "19-24"}, {}], segments) == {
        "old": [1],
        "not_old": [2],
    }


def test_segment_may_be_called_like_a_column():
    segments = _segments(
        order_count={"trait": "order_count", "at_least": 2}, value={"segment": "order_count"}
    )
    assert _members([{"order_count": 1}, {"order_count": 2}], segments) == {"order_count": [2], "value": [2]}


def test_no_segments_have_no_members():
    assert _members([{"order_count": 1}], {}) == {}


def test_values_of_both_tables_can_be_combined():
    rule = {"all": [{"trait": "order_count", "at_least": 1}, {"trait": "expected_spend_28d", "at_least": 10}]}
    people = [{"order_count": 1, "expected_spend_28d": 10.0}, {"order_count": 1, "expected_spend_28d": 9.9}]
    assert _members(people, _segments(some=rule)) == {"some": [1]}


def test_cycle_is_named():
    segments = _segments(
        a={"segment": "b"},
        b={"any": [{"segment": "c"}, {"trait": "order_count", "equals": 1}]},
        c={"not": {"segment": "a"}},
    )
    with pytest.raises(SegmentCycleError) as raised:
        _members([], segments)
    circle = str(raised.value).partition(": ")[2].split(" → ")
    assert circle[0] == circle[-1]
    assert " → ".join(circle[:-1]) in {"a → b → c", "b → c → a", "c → a → b"}
    assert rule_problems(segments) == [str(raised.value)]


def test_segment_that_refers_to_itself_is_a_cycle():
    with pytest.raises(SegmentCycleError, match="a → a"):
        _members([], _segments(a={"segment": "a"}))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            {"trait": "recency", "at_least": 3},
            "segment some: there is no column or trait recency; did you mean recency_days",
        ),
        ({"trait": "xyzzy", "at_least": 3}, r"there is no column or trait xyzzy$"),
        ({"trait": "kids_count", "at_least": 1}, "segment some: kids_count is text, so at_least cannot hold"),
        (
            {"trait": "kids_count", "equals": 2},
            "segment some: kids_count is text and cannot equal the number 2; write '2' in quotes",
        ),
        ({"trait": "kids_count", "one_of": ["1", True]}, "kids_count is text and cannot equal true or false"),
        (
            {"trait": "order_count", "equals": "many"},
            "segment some: order_count is a number and cannot equal the text 'many'$",
        ),
        ({"trait": "order_count", "equals": True}, "order_count is a number and cannot equal true or false"),
        ({"trait": "last_order_on", "at_least": 3}, "last_order_on is a date; compare recency_days"),
        ({"trait": "last_order_on", "equals": "2024-01-01"}, "last_order_on is a date; compare recency_days"),
        ({"trait": "order_count", "equals": None}, "compares with null; write is_known: false"),
        ({"trait": "workspace_id", "equals": "shop"}, "there is no column or trait workspace_id"),
    ],
)
def test_rule_that_cannot_hold_is_an_error(condition, message):
    segments = _segments(some={"not": {"any": [{"trait": "order_count", "equals": 1}, condition]}})
    with pytest.raises(SegmentRuleError, match=message):
        _members([], segments)
    assert len(rule_problems(segments)) == 1


def test_reference_to_a_missing_segment_is_an_error():
    segments = _segments(loyal={"trait": "order_count", "at_least": 9}, some={"segment": "loyall"})
    with pytest.raises(
        SegmentRuleError, match="some refers to segment loyall, which does not exist; did you mean loyal"
    ):
        _members([], segments)
    assert len(rule_problems(segments)) == 1


def test_all_problems_are_reported_at_once():
    segments = _segments(
        a={"segment": "gone"},
        b={"trait": "kids_count", "equals": 1},
        c={"trait": "recency", "equals": 1},
        d={"trait": "order_count", "equals": 1},
    )
    problems = rule_problems(segments)
    assert [problem.split()[1].rstrip(":") for problem in problems] == ["a", "b", "c"]
    assert rule_problems(_segments(d={"trait": "order_count", "equals": 1})) == []


def test_unknown_traits_come_with_close_matches():
    segments = _segments(
        b={"all": [{"trait": "kid_count", "equals": "1"}, {"trait": "order_count", "equals": 1}]},
        a={"any": [{"trait": "xyzzy", "equals": 1}, {"segment": "b"}]},
    )
    assert unknown_traits(segments) == [
        UnknownTrait(segment="a", trait="xyzzy", close_matches=()),
        UnknownTrait(segment="b", trait="kid_count", close_matches=("kids_count", "order_count")),
    ]


def test_names_of_columns_and_traits_do_not_overlap():
    assert not TRAIT_NAMES & COLUMN_KINDS.keys()


_LEAVES = st.one_of(
    st.builds(
        lambda name, key, limit: {"trait": name, key: limit},
        st.sampled_from(["order_count", "recency_days"]),
        st.sampled_from(["at_least", "at_most", "more_than", "less_than", "equals"]),
        st.integers(0, 3),
    ),
    st.builds(lambda text: {"trait": "kids_count", "equals": text}, st.sampled_from(["0", "1"])),
    st.builds(
        lambda name, known: {"trait": name, "is_known": known},
        st.sampled_from(["recency_days", "kids_count"]),
        st.booleans(),
    ),
)
_RULES = st.recursive(
    _LEAVES,
    lambda parts: st.one_of(
        st.builds(lambda some: {"all": some}, st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda some: {"any": some}, st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda one: {"not": one}, parts),
    ),
    max_leaves=8,
)
_PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "order_count": st.integers(0, 3),
            "recency_days": st.none() | st.integers(0, 3),
            "kids_count": st.none() | st.sampled_from(["0", "1"]),
        }
    ),
    min_size=1,
    max_size=8,
)


def _truth(rule: dict[str, Any], person: dict[str, Any]) -> bool | None:
    """Kleene's logic by cases."""
    if "not" in rule:
        inner = _truth(rule["not"], person)
        return None if inner is None else not inner
    if "all" in rule or "any" in rule:
        decisive = "any" in rule
        verdicts = [_truth(part, person) for part in rule["any" if decisive else "all"]]
        if decisive in verdicts:
            return decisive
        return None if None in verdicts else not decisive
    (key, limit), value = next((k, v) for k, v in rule.items() if k != "trait"), person[rule["trait"]]
    if key == "is_known":
        return (value is not None) == limit
    if value is None:
        return None
    comparisons = {
        "at_least": lambda: value >= limit,
        "at_most": lambda: value <= limit,
        "more_than": lambda: value > limit,
        "less_than": lambda: value < limit,
        "equals": lambda: value == limit,
    }
    return comparisons[key]()


@given(_RULES, _PEOPLE)
def test_rules_follow_three_valued_logic(rule, people):
    expected = [number for number, person in enumerate(people, 1) if _truth(rule, person) is True]
    opposite = [number for number, person in enumerate(people, 1) if _truth(rule, person) is False]
    members = _members(people, _segments(some=rule, other={"not": {"segment": "some"}}))
    assert (members.get("some", []), members.get("other", [])) == (expected, opposite)
