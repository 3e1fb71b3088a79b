"""What a person forced is proved like every other guardrail, and lets nobody past the others."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.overrides import ActiveOverride
from resources.proof.checker import prove_plan
from tests.resources.proof.cases import AS_OF, LIMITS, NIGHT, Case, hexadecimal, message

SEQUENCES = "035-sequential-messaging-engine"


def override(kind: str, who: int = 1, **changes: Any) -> dict[str, Any]:
    started_at = AS_OF - timedelta(days=1)
    row = {"override_id": hexadecimal(kind, who, changes), "customer_id": who, "kind": kind}
    return row | {"started_at": started_at} | changes


def broken(case: Case, *overrides: dict[str, Any]) -> dict[str, int]:
    forced = pl.DataFrame(list(overrides), schema=ActiveOverride.create_empty().schema)
    lines = prove_plan(
        {**case.frames(), "overrides": forced},
        config=case.config,
        kill_switches=[],
        night=NIGHT,
        as_of=AS_OF,
    )
    return dict(lines.filter(~pl.col("is_held")).select("guardrail", "violation_count").iter_rows())


@pytest.mark.parametrize(
    ("scope", "violations"),
    [
        ({}, 1),
        ({"product": SEQUENCES}, 1),
        ({"programme": "winback"}, 1),
        ({"channel": "email"}, 1),
        ({"product": SEQUENCES, "programme": "winback", "channel": "email"}, 1),
        ({"product": "041-hyper-personalization-engine"}, 0),
        ({"programme": "welcome"}, 0),
        ({"channel": "sms"}, 0),
        ({"who": 7}, 0),
    ],
)
def test_nobody_who_is_forced_out_is_in_the_plan(scope, violations):
    expected = {"forced_out": violations} if violations else {}
    assert broken(Case(), override("force_out", **scope)) == expected


def two_offers() -> Case:
    """Person 1 could get either of two offers, and gets the tenth."""
    case = Case([message(1), message(2)])
    case.candidates.append(
        message(1, offer_id="endless", candidate_id=hexadecimal("endless"), template_id="again")
    )
    return case


@pytest.mark.parametrize(
    ("action", "is_broken"),
    [
        ({"action_offer_id": "endless"}, True),
        ({"action_offer_id": "tenth"}, False),
        ({"action_template_id": "again"}, True),
        ({"action_template_id": "again", "action_offer_id": "tenth"}, False),  # no candidate is that
        ({"action_channel": "email"}, False),
        ({"action_offer_id": "endless", "programme": "welcome"}, False),
        ({"action_offer_id": "endless", "who": 2}, False),
    ],
)
def test_a_forced_action_is_the_one_that_goes_out(action, is_broken):
    expected = {"forced_action": 1} if is_broken else {}
    assert broken(two_offers(), override("force_action", **action)) == expected


def test_of_two_forced_actions_the_later_counts():
    tenth = override("force_action", action_offer_id="tenth")
    endless = override("force_action", action_offer_id="endless")
    later = {"started_at": AS_OF - timedelta(hours=1)}
    assert broken(two_offers(), tenth | later, endless) == {}
    assert broken(two_offers(), tenth, endless | later) == {"forced_action": 1}


@pytest.mark.parametrize(
    ("forced", "is_broken"),
    [
        ([], True),
        ([override("force_in")], False),
        ([override("force_action", action_offer_id="tenth")], False),
        ([override("force_action", action_offer_id="endless")], True),
        ([override("force_in", channel="sms")], True),
        ([override("force_in", who=2)], True),
    ],
)
def test_only_who_is_forced_in_goes_past_an_excluded_segment(forced, is_broken):
    case = Case()
    case.members = [
        {
            "customer_id": 1,
            "segment": "protected",
            "entered_on": NIGHT,
            "left_on": None,
            "workspace_id": "acme",
        }
    ]
    assert ("excluded_segment:protected" in broken(case, *forced)) == is_broken


def test_force_goes_past_nothing_else():
    forced = [override("force_in", who) for who in (1, 2, 3)]
    refused = Case()
    refused.allowed[1, "marketing", "email"] = False
    assert broken(refused, *forced) == {"consent": 1}
    held_out = Case(limits={**LIMITS, "holdout": {"universal": 1.0}})
    assert broken(held_out, *forced) == {"holdout:universal": 3}
    full = Case(limits={**LIMITS, "capacity": {"email": 1}})
    assert broken(full, *forced) == {"capacity:email": 1}
