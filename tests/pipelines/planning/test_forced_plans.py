"""Whole small nights with overrides: what force does in a plan, and what it never does."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.overrides import ActiveOverride
from pipelines.planning.publishing import NightPlan
from tests.pipelines.planning.night_worlds import World, candidate, fates, hexadecimal, past, world

CAPS = [{"name": "one_a_day", "max": 1, "window": "1d"}]
ADAPTIVE = {"is_adaptive": True}


@dataclass(frozen=True)
class ForcedWorld(World):
    """A night in which people forced something."""

    overrides: list[dict[str, Any]] = field(default_factory=list)

    def frames(self) -> dict[str, pl.DataFrame]:
        rows = [
            {"override_id": hexadecimal(number), "started_at": self.as_of - timedelta(days=1), **row}
            for number, row in enumerate(self.overrides)
        ]
        forced = pl.DataFrame(rows, schema=ActiveOverride.create_empty().schema)
        return super().frames() | {"overrides": forced}


def plan(*candidates: dict[str, Any], overrides: list[dict[str, Any]], **changes: Any) -> NightPlan:
    bare = world(*candidates, **changes)
    facts = {name: getattr(bare, name) for name in World.__dataclass_fields__}
    return ForcedWorld(**facts, overrides=overrides).plan()


def force(kind: str, who: int = 1, **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "customer_id": who, **changes}


def test_who_is_forced_out_has_no_message_and_the_reason_says_so():
    planned = plan(candidate(1), candidate(2), overrides=[force("force_out")])
    assert planned.plan["customer_id"].to_list() == [2]
    refused = planned.decisions.row(by_predicate=pl.col("customer_id") == 1, named=True)
    assert (refused["outcome"], refused["rule"]) == ("override", "force_out")
    assert (refused["assigned_by"], refused["is_propensity_valid"]) == ("override", False)
    kept = planned.decisions.row(by_predicate=pl.col("customer_id") == 2, named=True)
    assert (kept["assigned_by"] != "override", kept["is_propensity_valid"]) == (True, True)


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"value": -1.0}, {}),
        ({}, {"excluded": frozenset({1}), "guardrails": {"excluded_segments": ["protected"]}}),
        ({"value": -1.0, **ADAPTIVE}, {"guardrails": {"exploration": 0.5, "arbitration": "value"}}),
    ],
)
def test_force_goes_past_worth_exploration_and_excluded_segments(changes, facts):
    planned = plan(candidate(1, **changes), overrides=[force("force_in")], **facts)
    assert planned.plan["customer_id"].to_list() == [1]
    decision = planned.decisions.row(0, named=True)
    assert (decision["assigned_by"], decision["is_propensity_valid"]) == ("override", False)
    assert decision["propensity"] == 1.0


def test_exactly_the_forced_action_is_taken_however_little_it_is_worth():
    actions = [candidate(1, number, value=10.0 - number, **ADAPTIVE) for number in range(4)]
    forced = [force("force_action", action_template_id="t3")]
    for guardrails in ({}, {"arbitration": "value", "exploration": 0.9}):
        planned = plan(*actions, overrides=forced, guardrails=guardrails)
        assert planned.plan["template_id"].to_list() == ["t3"]
        assert Counter(outcome for outcome, _ in fates(planned).values()) == {"planned": 1, "override": 3}


def test_force_is_first_within_its_class_and_not_before_another():
    places = {"guardrails": {"capacity": {"email": 1}}}
    ahead = candidate(2, priority=900, value=99.0)
    planned = plan(candidate(1), ahead, overrides=[force("force_in")], **places)
    assert planned.plan["customer_id"].to_list() == [1]
    service = candidate(2, priority_class="service", priority=0)
    planned = plan(candidate(1), service, overrides=[force("force_in")], **places)
    assert planned.plan["customer_id"].to_list() == [2]


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({"allowed": {(1, "marketing", "email"): False}}, "not_contactable"),
        ({"guardrails": {"holdout": {"universal": 1.0}}}, "holdout"),
        ({"guardrails": {"capacity": {"email": 0}}}, "capacity"),
        ({"guardrails": {"caps": [{"name": "none", "max": 0, "window": "1d"}]}}, "frequency_cap"),
        ({"guardrails": {"budgets": [{"name": "small", "amount": "0.04", "per": "night"}]}}, "budget"),
        ({"paused": frozenset({"next_best"})}, "kill_switch"),
        ({"send_times": {}}, "out_of_time"),
    ],
)
@pytest.mark.parametrize("kind", ["force_in", "force_action"])
def test_force_never_goes_past_a_guardrail(facts, outcome, kind):
    action = {"action_channel": "email"} if kind == "force_action" else {}
    planned = plan(candidate(1), overrides=[force(kind, **action)], **facts)
    assert planned.plan.is_empty()
    assert [told for told, _ in fates(planned).values()] == [outcome]


FORCES = st.lists(
    st.tuples(
        st.sampled_from(["force_in", "force_out", "force_action"]),
        st.integers(1, 4),
        st.sampled_from([None, "email", "sms"]),
        st.sampled_from(["t0", "t1"]),
    ),
    max_size=6,
)


@given(
    FORCES,
    st.sets(st.tuples(st.integers(1, 4), st.sampled_from(["email", "sms"]))),
    st.sets(st.integers(1, 4)),
    st.integers(0, 3),
    st.sampled_from(["value", "priority"]),
)
def test_no_force_breaks_consent_caps_or_capacity(drawn, denied, tired, places, arbitration):
    rows = [
        candidate(who, number, programme=programme, channel=channel, value=float(who - 2))
        for who in range(1, 5)
        for programme in ("next_best", "winback")
        for number, channel in enumerate(("email", "sms"))
    ]
    overrides = [
        force(
            kind, who, channel=channel, **({"action_template_id": template} if kind == "force_action" else {})
        )
        for kind, who, channel, template in drawn
    ]
    bare = world(*rows)
    earlier = [past(who, bare.as_of - timedelta(hours=1)) for who in sorted(tired)]
    planned = plan(
        *rows,
        overrides=overrides,
        allowed={key: (key[0], key[2]) not in denied for key in bare.allowed},
        ledger=earlier,
        guardrails={"caps": CAPS, "capacity": {"email": places}, "arbitration": arbitration},
    ).plan
    reached = list(planned.select("customer_id", "channel").iter_rows())
    assert not set(reached) & denied
    assert max(Counter(who for who, _ in reached).values(), default=0) <= 1
    assert sum(channel == "email" for _, channel in reached) <= places
    # Whoever got one an hour before the night ended may have none before 23:00.
    late = planned.filter(pl.col("not_before") < bare.as_of + timedelta(hours=23))
    assert not set(late["customer_id"]) & tired
    out = {(who, channel) for kind, who, channel, _ in drawn if kind == "force_out"}
    assert not [one for one in reached if one in out or (one[0], None) in out]
