from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.measurement import Exposure
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.measurement.exposures import record_exposures

ACME = WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD")
NIGHT = date(2024, 3, 1)
JOURNEYS = "033-omnichannel-journey-orchestrator"
SEQUENCES = "035-sequential-messaging-engine"


def decision(
    number: int, customer_id: int, outcome: str, *, programme: str = "spring", product: str = JOURNEYS
):
    return {
        "decision_id": f"{number:032x}",
        "customer_id": customer_id,
        "product": product,
        "programme": programme,
        "outcome": outcome,
    }


def message(number: int, customer_id: int, cost: str, value: float, *, programme: str = "spring"):
    return {
        "send_id": f"{number:032x}",
        "customer_id": customer_id,
        "product": JOURNEYS,
        "programme": programme,
        "cost_amount": Decimal(cost),
        "value": value,
    }


def expose(
    decisions: list[dict],
    messages: list[dict] = (),
    dispatched: dict[int, tuple[str, str | None]] | None = None,
) -> pl.DataFrame:
    planned = pl.LazyFrame(
        list(messages),
        schema={
            "send_id": pl.String,
            "customer_id": pl.Int64,
            "product": pl.String,
            "programme": pl.String,
            "cost_amount": pl.Decimal(18, 2),
            "value": pl.Float64,
        },
    )
    log = pl.LazyFrame(
        [(f"{number:032x}", *facts) for number, facts in (dispatched or {}).items()],
        schema={"send_id": pl.String, "status": pl.String, "reason": pl.String},
        orient="row",
    )
    exposures = record_exposures(pl.LazyFrame(decisions), planned, log, night=NIGHT, workspace=ACME).collect()
    return Exposure.validate(exposures).sort("product", "programme", "customer_id")


@pytest.mark.parametrize(
    ("outcome", "arm"),
    [
        ("planned", "treated"),
        ("holdout", "holdout"),
        ("budget", "not_selected"),
        ("frequency_cap", "not_selected"),
    ],
)
def test_the_arm_follows_the_outcome(outcome, arm):
    assert expose([decision(1, 7, outcome)])["arm"].to_list() == [arm]


def test_every_outcome_has_an_arm_except_what_people_stopped():
    decisions = [decision(number, number, outcome) for number, outcome in enumerate(DecisionOutcome)]
    exposures = expose(decisions)
    assert exposures.height == len(DecisionOutcome) - 2
    assert (
        decisions[list(DecisionOutcome).index("kill_switch")]["customer_id"] not in exposures["customer_id"]
    )


def test_messages_of_a_person_are_added_up():
    exposures = expose(
        [decision(1, 7, "planned"), decision(2, 7, "planned"), decision(3, 8, "budget")],
        [message(1, 7, "0.10", 0.25), message(2, 7, "0.02", 0.5)],
    )
    (treated, turned_away) = exposures.to_dicts()
    assert (treated["message_count"], treated["cost_amount"]) == (2, Decimal("0.10") + Decimal("0.02"))
    assert treated["predicted_value"] == 0.25 + 0.5
    assert (turned_away["message_count"], turned_away["cost_amount"]) == (0, Decimal("0.00"))
    assert turned_away["predicted_value"] == 0.0


def test_the_arm_that_says_most_stands_for_several_decisions():
    exposures = expose(
        [
            decision(1, 7, "budget"),
            decision(3, 7, "planned"),
            decision(2, 7, "planned"),
            decision(5, 8, "budget"),
            decision(6, 8, "holdout"),
        ]
    )
    assert exposures["arm"].to_list() == ["treated", "holdout"]
    assert exposures["decision_id"].to_list() == [f"{2:032x}", f"{6:032x}"]


def test_each_programme_of_a_person_is_an_exposure_of_its_own():
    exposures = expose(
        [
            decision(1, 7, "planned"),
            decision(2, 7, "budget", programme="autumn"),
            decision(3, 7, "budget", product=SEQUENCES),
        ],
        [message(1, 7, "0.10", 1.0)],
    )
    assert exposures.select("product", "programme", "message_count").rows() == [
        (JOURNEYS, "autumn", 0),
        (JOURNEYS, "spring", 1),
        (SEQUENCES, "spring", 0),
    ]


def test_shuffled_input_gives_the_same_values():
    decisions = [decision(number, number % 3, "planned") for number in range(30)]
    messages = [message(number, number % 3, "0.01", 0.1 * number) for number in range(30)]
    assert_frame_equal(expose(decisions, messages), expose(decisions[::-1], messages[::-1]), check_exact=True)


def test_a_night_without_decisions_has_no_exposures():
    assert expose([decision(1, 7, "kill_switch")]).is_empty()


def test_who_is_forced_out_was_assigned_to_no_arm():
    assert expose([decision(1, 1, "override"), decision(2, 2, "holdout")])["customer_id"].to_list() == [2]


@pytest.mark.parametrize(
    ("facts", "is_left_out"),
    [
        (("CANCELLED", "recommended_only"), True),
        (("CANCELLED", "approval_rejected"), True),
        (("PLANNED", "awaiting_approval"), True),
        (("PLANNED", "config_changed"), True),
        (("EXPIRED", "window_passed"), True),
        (("CANCELLED", "withdrawn"), False),
        (("CANCELLED", "forced_out"), False),
        (("ACKED", None), False),
    ],
)
def test_a_programme_that_people_kept_here_treated_nobody(facts, is_left_out):
    """Held out people of such a night would be compared with others who got nothing either."""
    decisions = [
        decision(1, 1, "planned"),
        decision(2, 2, "holdout"),
        decision(3, 3, "planned", programme="autumn"),
    ]
    messages = [message(1, 1, "0.05", 1.0), message(3, 3, "0.05", 1.0, programme="autumn")]
    exposed = expose(decisions, messages, {1: facts, 3: ("ACKED", None)})
    assert exposed["customer_id"].to_list() == ([3] if is_left_out else [3, 1, 2])
