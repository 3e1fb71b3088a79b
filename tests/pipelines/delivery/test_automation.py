from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.codes import Product
from pipelines.contracts.control_codes import Automation
from pipelines.contracts.overrides import ActiveOverride
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.delivery.automation import (
    Answer,
    PlanSize,
    measure_plan,
    split_by_automation,
    thresholds_of,
    waited_until,
    waiting_messages,
    with_levels,
)

AS_OF = datetime(2024, 3, 5, 5, tzinfo=UTC)
TICK = timedelta(microseconds=1)
NOT_AFTER = AS_OF + timedelta(hours=15)
J, S, P = Product.JOURNEYS, Product.SEQUENCING, Product.PERSONALIZATION
LEVELS = {
    J: {"welcome": Automation.AUTO, "keep": Automation.AUTO},
    S: {"welcome": Automation.MANUAL},
    P: {"spring": Automation.APPROVAL},
}
NO_OVERRIDE = ActiveOverride.create_empty(lazy=True)


def message(send_id: str, product: Product, programme: str, **changes) -> dict:
    row = {
        "send_id": send_id,
        "customer_id": 1,
        "product": product.value,
        "programme": programme,
        "channel": "email",
        "offer_id": None,
        "cost_amount": Decimal("0.05"),
        "not_after": NOT_AFTER,
    }
    return row | changes


TYPES = {"cost_amount": pl.Decimal(18, 2), "offer_id": pl.String, "not_after": pl.Datetime("us", "UTC")}
PLAN = [
    message("auto", J, "welcome"),
    message("manual", S, "welcome"),
    message("asked", P, "spring"),
    message("unknown", P, "autumn"),
]


def frame(rows: list[dict]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema_overrides=TYPES).lazy()


def answered(**changes) -> Answer:
    facts = {"is_current": True, "is_needed": False, "is_approved": None, "heard_at": AS_OF}
    return Answer(**facts | changes)


def fates(answer: Answer, rows=PLAN, overrides=NO_OVERRIDE) -> dict[str, str]:
    """Send id → `leaves`, the reason it waits for, or its final status and reason."""
    split = split_by_automation(with_levels(frame(rows), LEVELS), answer, overrides=overrides)
    claimable, held, withheld = pl.collect_all([split.claimable, split.held, split.withheld])
    assert claimable.columns == list(PLAN[0])
    found = dict.fromkeys(claimable["send_id"], "leaves")
    found |= dict(held.select("send_id", "reason").iter_rows())
    found |= {row[0]: f"{row[1]} {row[2]}" for row in withheld.select("send_id", "status", "reason").rows()}
    assert len(found) == len(rows) == claimable.height + held.height + withheld.height
    return found


MANUAL = "CANCELLED recommended_only"


def test_each_programme_goes_as_far_as_its_level():
    """Of two programmes of one name each has its own; a programme that nobody knows is recommended only."""
    assert fates(answered()) == {
        "auto": "leaves",
        "manual": MANUAL,
        "asked": "awaiting_approval",
        "unknown": MANUAL,
    }


@pytest.mark.parametrize(
    ("facts", "asked", "auto"),
    [
        ({"is_approved": True}, "leaves", "leaves"),
        ({"is_approved": False}, "CANCELLED approval_rejected", "leaves"),
        ({"is_needed": True}, "awaiting_approval", "awaiting_approval"),
        ({"is_needed": True, "is_approved": True}, "leaves", "leaves"),
        ({"is_needed": True, "is_approved": False}, *["CANCELLED approval_rejected"] * 2),
        ({"is_current": False}, "config_changed", "config_changed"),
        ({"is_current": False, "is_approved": True}, "config_changed", "config_changed"),
        ({"is_current": False, "is_approved": False}, "config_changed", "config_changed"),
        ({"heard_at": NOT_AFTER}, "awaiting_approval", "leaves"),
        ({"heard_at": NOT_AFTER + TICK}, "EXPIRED window_passed", "leaves"),
        ({"heard_at": NOT_AFTER + TICK, "is_approved": True}, "EXPIRED window_passed", "leaves"),
        ({"heard_at": NOT_AFTER + TICK, "is_approved": False}, "EXPIRED window_passed", "leaves"),
        ({"heard_at": NOT_AFTER + TICK, "is_needed": True}, *["EXPIRED window_passed"] * 2),
        ({"heard_at": NOT_AFTER + TICK, "is_current": False}, *["EXPIRED window_passed"] * 2),
    ],
)
def test_what_people_said_decides_what_waits(facts, asked, auto):
    assert fates(answered(**facts)) == {"auto": auto, "manual": MANUAL, "asked": asked, "unknown": MANUAL}


def test_who_is_forced_out_after_planning_gets_nothing():
    forced = pl.LazyFrame(
        [
            {"override_id": "0" * 32, "customer_id": 1, "kind": "force_out", "programme": "welcome"},
            {"override_id": "1" * 32, "customer_id": 1, "kind": "force_in"},
        ],
        schema=ActiveOverride.create_empty().schema,
    )
    rows = [PLAN[0], PLAN[2], message("other", J, "welcome", customer_id=2)]
    assert fates(answered(), rows, forced) == {
        "auto": "CANCELLED forced_out",
        "asked": "awaiting_approval",
        "other": "leaves",
    }


def test_people_are_asked_about_what_is_more_than_a_recommendation():
    levelled = with_levels(frame(PLAN), LEVELS)
    asked = {
        is_needed: waiting_messages(levelled, is_needed=is_needed).collect()["send_id"].sort().to_list()
        for is_needed in (False, True)
    }
    assert asked == {False: ["asked"], True: ["asked", "auto"]}


def size(**changes) -> PlanSize:
    facts = {
        "message_count": 100,
        "cost_minor": 1000,
        "person_count": 30,
        "people_count": 100,
        "week_before_count": 80,
        "discount_rate": 0.1,
    }
    return PlanSize(**facts | changes)


@pytest.mark.parametrize(
    ("limits", "below", "at"),
    [
        ({"approval": {"messages": 100}}, {"message_count": 99}, {}),
        ({"approval": {"cost": "10.00"}}, {"cost_minor": 999}, {}),
        ({"approval": {"people_share": 0.3}}, {"person_count": 29}, {}),
        ({"approval": {"discount_rate": 0.1}}, {"discount_rate": 0.0999}, {}),
        ({"maximum_change": 0.25}, {"message_count": 99}, {"message_count": 100}),
        ({"maximum_change": 0.25}, {"message_count": 61}, {"message_count": 60}),
    ],
)
def test_a_threshold_is_reached_exactly_at_it(limits, below, at):
    guardrails = Guardrails.model_validate(limits)
    (before,) = thresholds_of(size(**below), guardrails)
    (exact,) = thresholds_of(size(**at), guardrails)
    assert (before.is_reached, exact.is_reached) == (False, True)


def test_a_cent_more_is_above_the_threshold():
    guardrails = Guardrails.model_validate({"approval": {"cost": "0.30"}})
    reached = [thresholds_of(size(cost_minor=cents), guardrails)[0].is_reached for cents in (29, 30, 31)]
    assert reached == [False, True, True]


def test_without_thresholds_nobody_is_asked():
    assert thresholds_of(size(), Guardrails()) == []


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [(0, 0, 0.0), (5, 0, float("inf")), (0, 5, 1.0), (15, 10, 0.5), (5, 10, 0.5), (10, 10, 0.0)],
)
def test_change_is_measured_against_the_week_before(now, before, change):
    assert size(message_count=now, week_before_count=before).change == change


def test_messages_to_nobody_that_is_known_are_to_everyone():
    assert size(person_count=1, people_count=0).people_share == 1.0
    assert size(person_count=0, people_count=0).people_share == 0.0


@given(st.integers(1, 400), st.integers(1, 400))
def test_a_share_that_is_written_as_measured_is_reached(people, everyone):
    """0.3 as text and 3 / 10 as division are one number."""
    share = people / everyone
    guardrails = Guardrails.model_validate({"approval": {"people_share": min(share, 1.0)}})
    (threshold,) = thresholds_of(size(person_count=people, people_count=everyone), guardrails)
    assert threshold.is_reached


def test_a_plan_is_measured_without_what_is_only_recommended():
    plan = [
        message("a", J, "welcome", offer_id="ten"),
        message("b", J, "keep", cost_amount=Decimal("1.10")),
        message("c", P, "spring", customer_id=2),
        message("d", S, "welcome", customer_id=3, offer_id="half"),
    ]
    week_before = [message("e", J, "welcome"), message("f", S, "welcome"), message("g", P, "ended")]
    contactability = pl.LazyFrame({"customer_id": [1, 1, 2, 3, 4]})
    measured = measure_plan(
        frame(plan),
        frame(week_before),
        contactability,
        levels=LEVELS,
        discounts={"ten": 0.1, "half": 0.5},
    ).collect()
    assert PlanSize(**measured.row(0, named=True)) == PlanSize(
        message_count=3,
        cost_minor=5 + 110 + 5,
        person_count=2,
        people_count=4,
        week_before_count=1,
        discount_rate=0.1,
    )


def test_an_empty_plan_measures_zero():
    empty = frame(PLAN).head(0)
    measured = measure_plan(
        empty, empty, pl.LazyFrame({"customer_id": [1]}), levels=LEVELS, discounts={}
    ).collect()
    found = PlanSize(**measured.row(0, named=True))
    assert (found.message_count, found.cost, found.people_share, found.discount_rate) == (0, Decimal(0), 0, 0)


@pytest.mark.parametrize(
    ("late_by", "expected"),
    [
        (timedelta(hours=2), timedelta(hours=11)),  # in time: the wall clock
        (timedelta(days=1) - TICK, timedelta(days=1) - TICK + timedelta(hours=9)),
        (timedelta(days=1), timedelta(hours=9)),  # a past night waits as long as it would have
        (timedelta(days=3000), timedelta(hours=9)),
    ],
)
def test_messages_wait_on_the_clock_of_their_night(late_by, expected):
    asked_at = AS_OF + late_by
    now = asked_at + timedelta(hours=9)
    assert waited_until(now, asked_at=asked_at, as_of=AS_OF) == AS_OF + expected
