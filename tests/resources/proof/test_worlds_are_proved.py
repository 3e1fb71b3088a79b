"""Planner, proof and row-wise Python agree on thousands of small worlds at the edges of every window."""

from datetime import date
from functools import cache
from typing import Any

import polars as pl
import pytest

from tests.resources.proof.worlds import Judge, World, draw_world

LIMITS: dict[str, dict[str, Any]] = {
    "rolling": {
        "caps": [
            {"name": "two_a_day", "max": 2, "window": "24h"},
            {"name": "mails", "max": 3, "window": "7d", "channel": "email"},
            {"name": "sales", "max": 1, "window": "36h", "tag": "sale"},
        ],
        "minimum_gaps": [{"name": "breath", "gap": "2h"}, {"name": "news", "gap": "1d", "purpose": "news"}],
    },
    "calendar": {
        "caps": [
            {"name": "texts", "max": 1, "window": "calendar_day", "channel": "sms"},
            {"name": "office", "max": 2, "window": "calendar_day", "zone": "workspace"},
            {"name": "week", "max": 2, "window": "calendar_week", "tag": "sale"},
            {"name": "month", "max": 4, "window": "calendar_month"},
            {"name": "ever", "max": 3, "window": "lifetime", "purpose": "news"},
        ]
    },
    "household": {
        "caps": [
            {"name": "home", "max": 2, "window": "24h", "per": "household"},
            {"name": "home_week", "max": 3, "window": "calendar_week", "per": "household", "channel": "sms"},
        ],
        "minimum_gaps": [{"name": "home_gap", "gap": "2h", "per": "household", "tag": "sale"}],
        "exclusions": [
            {
                "name": "apart",
                "one": {"programmes": ["winback"]},
                "other": {"tags": ["new"]},
                "within": "36h",
            },
            {
                "name": "home_apart",
                "one": {"tags": ["sale"]},
                "other": {"programmes": ["welcome"]},
                "within": "2h",
                "per": "household",
            },
        ],
    },
}
#: New York's clocks go forward, and back; Lord Howe's go back by half an hour; a month and a week begin.
NIGHTS = (date(2024, 3, 9), date(2024, 11, 2), date(2024, 4, 6), date(2024, 9, 30))
PEOPLE = 120


@cache
def world(night: date) -> tuple[World, list[dict[str, Any]]]:
    drawn = draw_world(night, PEOPLE, seed=night.toordinal())
    return drawn, drawn.plan({}).plan.to_dicts()


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("night", NIGHTS)
def test_the_planner_admits_exactly_what_python_does_and_the_proof_holds(night: date, limits: str) -> None:
    drawn, everything = world(night)
    planned = drawn.plan(LIMITS[limits])
    admitted = Judge(drawn, everything, LIMITS[limits]).admitted()
    assert set(planned.plan["candidate_id"]) == admitted
    assert 0 < len(admitted) < len(everything)
    assert not any(drawn.proof(planned, LIMITS[limits]).values())


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("night", NIGHTS)
def test_the_proof_counts_what_python_counts_when_everything_goes_out(night: date, limits: str) -> None:
    drawn, everything = world(night)
    counted = Judge(drawn, everything, LIMITS[limits]).violations()
    assert min(counted.values()) > 0
    proved = drawn.proof(drawn.plan({}), LIMITS[limits])
    assert {name: proved[name] for name in counted} == counted


def test_every_guardrail_refuses_someone() -> None:
    for limits in LIMITS.values():
        rules = set()
        for night in NIGHTS:
            refused = world(night)[0].plan(limits).decisions.filter(pl.col("outcome") != "planned")
            rules |= set(refused["rule"])
        named = [limit["name"] for group in limits.values() for limit in group]
        assert rules == set(named)
