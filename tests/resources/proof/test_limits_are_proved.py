"""Every kind of limit beside the basic ones: broken by one, kept at its very edge."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.resources.proof.cases import AS_OF, NIGHT, TEN, TICK, Case, message, past

OPEN = {"quiet_hours": None, "caps": [], "holdout": {"universal": 0.0}}


def case_with(*rows: dict[str, Any], **limits: Any) -> Case:
    case = Case(list(rows) or None, {**OPEN, **limits})
    case.stock = None
    return case


def cap(window: str, maximum: int = 1, **changes: Any) -> dict[str, Any]:
    return {"caps": [{"name": "cap", "max": maximum, "window": window, **changes}]}


#: Person 1 gets a mail at ten o'clock in London on Wednesday, 6 March 2024, or up to four hours later.
@pytest.mark.parametrize(
    ("limit", "past_at", "is_held"),
    [
        # The day is New York's: it began at 05:00 UTC.
        (cap("calendar_day"), datetime(2024, 3, 6, 5, tzinfo=UTC), False),
        (cap("calendar_day"), datetime(2024, 3, 6, 5, tzinfo=UTC) - TICK, True),
        # The week began on Monday, 4 March.
        (cap("calendar_week"), datetime(2024, 3, 4, 5, tzinfo=UTC), False),
        (cap("calendar_week"), datetime(2024, 3, 4, 5, tzinfo=UTC) - TICK, True),
        (cap("calendar_month"), datetime(2024, 3, 1, 5, tzinfo=UTC), False),
        (cap("calendar_month"), datetime(2024, 3, 1, 5, tzinfo=UTC) - TICK, True),
        (cap("lifetime"), datetime(1999, 3, 1, tzinfo=UTC), False),
        (cap("lifetime", 2), datetime(1999, 3, 1, tzinfo=UTC), True),
    ],
)
def test_a_calendar_cap_starts_with_its_period(
    *, limit: dict[str, Any], past_at: datetime, is_held: bool
) -> None:
    case = case_with(message(1), **limit)
    case.ledger = [past(1, past_at)]
    assert case.broken() == ({} if is_held else {"cap:cap": 1})


@pytest.mark.parametrize(("zone", "is_held"), [("person", True), ("workspace", False)])
def test_a_calendar_belongs_to_the_person_or_to_the_workspace(*, zone: str, is_held: bool) -> None:
    """18:00 UTC of 5 March is the 6th in Auckland and the 5th in New York; 23:00 UTC is the same there."""
    first, second = AS_OF - timedelta(hours=11), AS_OF + timedelta(hours=5)
    row = message(1, not_before=second, not_after=second)
    case = case_with(row, **cap("calendar_day", zone=zone))
    case.send_times = {1: "Pacific/Kiritimati"}
    case.ledger = [past(1, second - timedelta(hours=1)), past(1, first)]
    # On Kiritimati (UTC+14): 6 March 08:00, 6 March 23:00 and 7 March 00:00.
    assert case.broken() == ({} if is_held else {"cap:cap": 1})


def test_a_person_without_a_zone_has_the_workspace_s() -> None:
    case = case_with(message(1), **cap("calendar_day"))
    case.send_times = {}
    case.ledger = [past(1, datetime(2024, 3, 6, 5, tzinfo=UTC))]
    assert case.broken() == {"cap:cap": 1}


def test_a_window_over_midnight_counts_on_both_days() -> None:
    midnight = datetime(2024, 3, 7, 5, tzinfo=UTC)
    row = message(1, not_before=midnight - TICK, not_after=midnight - TICK)
    over = past(1, midnight, sent_from=midnight - 2 * TICK, sent_until=midnight)
    case = case_with(row, **cap("calendar_day"))
    case.ledger = [over]
    assert case.broken() == {"cap:cap": 1}
    case.ledger = [past(1, midnight)]
    assert case.broken() == {}


@pytest.mark.parametrize(
    ("tags", "is_held"), [("sale", False), ("a,sale", False), (None, False), ("", True), ("sales", True)]
)
def test_tags_are_whole_and_unknown_tags_count(*, tags: str | None, is_held: bool) -> None:
    case = case_with(message(1, tags="onboarding,sale"), **cap("1d", tag="sale"))
    case.ledger = [past(1, TEN, tags=tags)]
    assert case.broken() == ({} if is_held else {"cap:cap": 1})


def test_a_planned_message_without_tags_has_none() -> None:
    case = case_with(message(1), **cap("1d", 0, tag="sale"))
    assert case.broken() == {}
    assert case_with(message(1, tags="sale"), **cap("1d", 0, tag="sale")).broken() == {"cap:cap": 1}


@pytest.mark.parametrize("limit", ["caps", "minimum_gaps"])
def test_a_household_counts_together(limit: str) -> None:
    terms = {"max": 1, "window": "1d"} if limit == "caps" else {"gap": "1d"}
    kind = "cap" if limit == "caps" else "gap"
    for per, broken in (("person", {}), ("household", {f"{kind}:one": 2})):
        limits = {**OPEN, limit: [{"name": "one", "per": per, **terms}]}
        case = case_with(message(1), message(2), message(3), **limits)
        case.households = {1: 77, 2: 77, 3: 78}
        assert case.broken() == broken
    # Who has no household is in none of the others', whatever the numbers are.
    case.households = {1: 2}
    assert case.broken() == {}


def test_the_past_of_a_housemate_counts() -> None:
    case = case_with(message(1), **cap("1d", per="household"))
    case.households = {1: 5, 9: 5}
    case.ledger = [past(9, TEN)]
    assert case.broken() == {"cap:cap": 1}


def test_gaps_have_a_purpose_and_a_tag() -> None:
    gap = {"name": "gap", "gap": "1d", "purpose": "news", "tag": "sale"}
    case = case_with(message(1, purpose="news", tags="sale"), minimum_gaps=[gap])
    case.allowed[1, "news", "email"] = True
    case.ledger = [past(1, TEN, purpose="marketing", tags="sale"), past(1, TEN, purpose="news", tags="")]
    assert case.broken() == {}
    case.ledger = [past(1, TEN - timedelta(hours=20), purpose="news", tags="sale")]
    assert case.broken() == {"gap:gap": 1}


EXCLUSION = {
    "name": "apart",
    "one": {"programmes": ["winback"]},
    "other": {"tags": ["sale"], "programmes": ["outlet"]},
    "within": "7d",
}
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("row", "before", "is_held"),
    [
        (message(1), past(1, TEN - WEEK, tags="sale"), True),
        (message(1), past(1, TEN - WEEK + TICK, tags="sale"), False),
        (message(1), past(1, TEN + timedelta(hours=4) + WEEK, tags="sale"), True),
        (message(1), past(1, TEN + timedelta(hours=4) + WEEK - TICK, tags="sale"), False),
        (message(1), past(1, TEN, programme="outlet"), False),
        (message(1), past(1, TEN, programme=None, tags=None), False),
        (message(1), past(1, TEN, programme="winback"), True),
        (message(1), past(2, TEN, tags="sale"), True),
        (message(1, programme="sales", tags="a,sale"), past(1, TEN, programme="winback"), False),
        (message(1, programme="sales", tags="a,sale"), past(1, TEN, programme="other"), True),
        (message(1, programme="sales", tags="a,sale"), past(1, TEN, programme=None, tags=None), True),
        (message(1, programme="news"), past(1, TEN, programme="winback", tags="sale"), True),
    ],
)
def test_excluded_kinds_keep_their_distance_whichever_comes_first(
    *, row: dict[str, Any], before: dict[str, Any], is_held: bool
) -> None:
    case = case_with(row, exclusions=[EXCLUSION])
    case.ledger = [before]
    assert case.broken() == ({} if is_held else {"exclusion:apart": 1})


def test_excluded_kinds_of_one_plan_keep_their_distance_too() -> None:
    case = case_with(
        message(1), message(1, programme="outlet"), message(2, programme="outlet"), exclusions=[EXCLUSION]
    )
    assert case.broken() == {"exclusion:apart": 2}
    assert case.line("exclusion:apart")["checked_count"] == 3
    apart = case_with(
        message(1), message(2, programme="outlet"), exclusions=[{**EXCLUSION, "per": "household"}]
    )
    assert apart.broken() == {}
    apart.households = {1: 1, 2: 1}
    assert apart.broken() == {"exclusion:apart": 2}


def test_a_message_on_both_sides_does_not_exclude_itself() -> None:
    assert case_with(message(1, tags="sale"), exclusions=[EXCLUSION]).broken() == {}
    twice = case_with(message(1, tags="sale"), message(1, programme="outlet"), exclusions=[EXCLUSION])
    assert twice.broken() == {"exclusion:apart": 2}


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ({"programme": "winback"}, 3),
        ({"programme": "outlet"}, 0),
        ({"purpose": "marketing"}, 3),
        ({"tag": "sale"}, 1),
        ({"channel": "sms", "programme": "winback"}, 1),
    ],
)
def test_a_capacity_of_any_kind_is_counted(kind: dict[str, str], counted: int) -> None:
    rows = [message(1), message(2, tags="new,sale"), message(3, channel="sms", tags="sales")]
    for size in (counted, counted - 1):
        if size >= 0:
            case = case_with(*rows, capacities=[{"name": "kind", "max": size, **kind}])
            assert case.broken() == ({} if size == counted else {"capacity:kind": 1})
    assert case.line("capacity:kind")["worst_observed"] == float(counted)


def test_a_budget_of_a_programme_counts_its_own_money() -> None:
    budgets = [{"name": "winback", "amount": "0.10", "per": "month", "programme": "winback"}]
    case = case_with(message(1), message(2, programme="outlet", cost_amount=Decimal("9.00")), budgets=budgets)
    case.ledger = [
        past(9, TEN - timedelta(days=1), cost_minor=5, programme="winback"),
        past(9, TEN - timedelta(days=1), cost_minor=900, programme=None),
    ]
    assert case.broken() == {}
    case.ledger[0]["cost_minor"] = 6
    assert case.broken() == {"budget:winback": 1}


def members(*people: int) -> list[dict[str, Any]]:
    return [{"customer_id": who, "segment": "vip", "entered_on": NIGHT} for who in people]


@pytest.mark.parametrize(
    ("asked", "size", "reached"),
    [
        ({"segment": "vip", "count": 3}, 3, 2),
        # 0.35 of 8 people is 2.8, which only three people are.
        ({"segment": "vip", "share": 0.35}, 3, 2),
        ({"programme": "winback", "share": 0.8}, 3, 2),
        ({"programme": "winback", "count": 4}, 4, 2),
    ],
)
def test_a_minimum_is_reached_or_what_is_missing_is_reported(
    asked: dict[str, Any], size: int, reached: int
) -> None:
    case = case_with(message(1), message(2), message(3), minimums=[{"name": "some", **asked}])
    case.members = members(*range(1, 9))
    case.plan, case.decisions = case.plan[:2], case.decisions[:2]
    missing = size - reached
    assert case.broken() == {"minimum:some": missing}
    told = {
        "limit_name": "minimum:some",
        "limit_value": float(size),
        "used_value": float(reached),
        "relaxation": float(missing),
    }
    case.prices = [told]
    assert case.broken() == {}
    for lie in ({"used_value": reached + 1.0}, {"limit_value": size - 1.0}, {"relaxation": missing - 1.0}):
        case.prices = [told | lie]
        assert case.broken() == {"minimum:some": missing}


def test_a_minimum_that_is_reached_needs_no_report() -> None:
    for asked in ({"count": 3}, {"share": 1.0}, {"share": 0.07}):
        case = case_with(minimums=[{"name": "some", "segment": "vip", **asked}])
        case.members = members(1, 2, 3)
        assert case.broken() == {}
    # 0.07 of 100 is 7 and not 8, whatever it is in binary.
    case = case_with(
        *(message(who) for who in range(1, 8)), minimums=[{"name": "some", "segment": "vip", "share": 0.07}]
    )
    case.members = members(*range(1, 101))
    assert case.broken() == {}


def drawn(*probabilities: float, person: int = 1, **changes: Any) -> list[dict[str, Any]]:
    """Candidates of one decision that was drawn, as candidates and with their chances."""
    return [
        message(
            person,
            candidate_id=f"{person:016x}{number:016x}",
            is_adaptive=True,
            choice_id=f"{person:032x}",
            is_eligible=True,
            probability=probability,
            **changes,
        )
        for number, probability in enumerate(probabilities)
    ]


def drawn_case(*probabilities: float) -> Case:
    """One decision of three actions, whose first was drawn."""
    rows = drawn(*probabilities)
    case = case_with(rows[0], exploration=0.06)
    case.candidates, case.chances = rows, rows
    case.decisions[0]["propensity"] = probabilities[0]
    return case


def test_the_floor_of_exploring_is_kept_to_the_last() -> None:
    # 0.06 / (3 + 1) = 0.015
    assert drawn_case(0.955, 0.015, 0.015).broken() == {}
    assert drawn_case(0.955, 0.015, 0.0149).broken() == {"exploration_floor": 1}
    assert drawn_case(0.955, 0.015, 0.015).line("exploration_floor")["worst_observed"] == 0.015


def forget_an_action(case: Case) -> None:
    case.chances = [*case.chances[:2], case.chances[2] | {"choice_id": None}]


def draw_the_ineligible(case: Case) -> None:
    case.chances = [*case.chances[:2], case.chances[2] | {"is_eligible": False}]


def draw_what_is_firm(case: Case) -> None:
    case.candidates = [*case.candidates[:2], case.candidates[2] | {"is_adaptive": False}]


def draw_two_people_at_once(case: Case) -> None:
    case.chances = [*case.chances[:2], case.chances[2] | {"customer_id": 2}]


def draw_a_stranger(case: Case) -> None:
    case.candidates = case.candidates[:2]


def give_more_than_all(case: Case) -> None:
    case.chances = [case.chances[0] | {"probability": 0.971}, *case.chances[1:]]
    case.decisions[0]["propensity"] = 0.971


def claim_another_chance(case: Case) -> None:
    case.decisions[0]["propensity"] = 0.954


def claim_no_chance(case: Case) -> None:
    case.decisions[0]["propensity"] = None


def decide_on_nothing(case: Case) -> None:
    case.plan = []
    case.decisions[0] |= {"chosen_candidate_id": None}


@pytest.mark.parametrize(
    ("mistake", "broken"),
    [
        # Of two actions each would need 0.02.
        (forget_an_action, {"exploration_floor": 2}),
        (draw_the_ineligible, {"exploration_floor": 1}),
        (draw_what_is_firm, {"exploration_floor": 1}),
        (draw_two_people_at_once, {"exploration_floor": 3}),
        (draw_a_stranger, {"exploration_floor": 1}),
        (give_more_than_all, {"probability_sum": 2}),
        (claim_another_chance, {"propensity_matches": 1}),
        (claim_no_chance, {"propensity_matches": 1}),
        (decide_on_nothing, {"propensity_matches": 1}),
    ],
)
def test_a_draw_that_is_not_what_it_says_is_caught(
    mistake: Callable[[Case], None], broken: dict[str, int]
) -> None:
    case = drawn_case(0.955, 0.015, 0.015)
    mistake(case)
    assert case.broken() == broken


def test_no_message_has_the_chance_that_actions_leave() -> None:
    case = drawn_case(0.955, 0.015, 0.015)
    decide_on_nothing(case)
    case.decisions[0]["propensity"] = 0.015
    assert case.broken() == {}


def test_a_repaired_choice_claims_no_chance() -> None:
    case = drawn_case(0.955, 0.015, 0.015)
    claim_another_chance(case)
    case.decisions[0]["is_propensity_valid"] = False
    assert case.broken() == {}


def test_two_decisions_of_one_draw_share_its_chances() -> None:
    first, second = drawn(0.48), drawn(0.5, programme="outlet")
    second[0]["candidate_id"] = f"{9:032x}"
    case = case_with(first[0], exploration=0.06)
    case.candidates = case.chances = [*first, *second]
    case.decisions[0]["propensity"] = 0.48
    assert case.broken() == {}
    case.chances = [first[0], second[0] | {"probability": 0.53}]
    assert case.broken() == {"probability_sum": 1}
