"""Guardrails as people write them: windows, and everything that contradicts itself, told at once."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.limits import Cap, Span


def problems(**written: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        Guardrails.model_validate(written)
    return [error["msg"].removeprefix("Value error, ") for error in refused.value.errors()]


@pytest.mark.parametrize(
    ("written", "window"),
    [
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        (timedelta(days=7), timedelta(days=7)),
        ("calendar_day", Span.CALENDAR_DAY),
        ("calendar_week", Span.CALENDAR_WEEK),
        ("calendar_month", Span.CALENDAR_MONTH),
        ("lifetime", Span.LIFETIME),
    ],
)
def test_a_window_is_elapsed_time_or_what_the_calendar_says(written: object, window: object) -> None:
    assert Cap.model_validate({"name": "a", "max": 1, "window": written}).window == window


def test_settings_survive_being_stored() -> None:
    written = Guardrails.model_validate(
        {
            "caps": [
                {"name": "a", "max": 1, "window": "36h", "tag": "sale"},
                {"name": "b", "max": 1, "window": "calendar_week", "zone": "workspace", "per": "household"},
            ],
            "minimum_gaps": [{"name": "c", "gap": "2d", "purpose": "news"}],
            "exclusions": [
                {"name": "d", "one": {"tags": ["x"]}, "other": {"programmes": ["y"]}, "within": "7d"}
            ],
            "capacities": [{"name": "e", "max": 5, "programme": "y"}],
            "budgets": [{"name": "f", "amount": "9.50", "per": "night", "programme": "y"}],
            "minimums": [{"name": "g", "segment": "vip", "share": 0.5}],
            "approval": {"messages": 100, "cost": "5.00", "people_share": 0.1},
            "maximum_change": 0.5,
            "arbitration": "value",
            "exploration": 0.05,
        }
    )
    assert Guardrails.model_validate(written.model_dump(mode="json")) == written


def test_a_careful_sender_explores_a_little_and_needs_no_more() -> None:
    guardrails = Guardrails()
    assert (guardrails.exploration, guardrails.arbitration) == (0.02, "priority")
    assert (guardrails.approval, guardrails.maximum_change) == (None, None)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = problems(
        caps=[
            {"name": "a", "max": 1, "window": "fortnight"},
            {"name": "b", "max": 1, "window": "0d"},
            {"name": "c", "max": 1, "window": "7d", "zone": "workspace"},
            {"name": "d", "max": 1, "window": "lifetime", "zone": "workspace"},
        ],
        minimum_gaps=[{"name": "e", "gap": "0h"}],
        exclusions=[{"name": "f", "one": {}, "other": {"tags": ["sale"]}, "within": "7d"}],
        capacities=[{"name": "g", "max": 5}],
        minimums=[{"name": "h"}, {"name": "i", "segment": "a", "programme": "b", "share": 0.1, "count": 2}],
        approval={},
    )
    zone = (
        "zone says whose calendar counts, and the window follows none: "
        "take zone out, or write calendar_day, calendar_week or calendar_month"
    )
    group = "write either segment or programme; write either share or count"
    assert found == [
        (
            "write a duration, for example 24h or 7d, or one of "
            "calendar_day, calendar_week, calendar_month, lifetime"
        ),
        "a window of no length counts nothing",
        zone,
        zone,
        "a span of no length keeps nothing apart",
        "name at least one programme or tag",
        "name a channel, purpose, tag or programme; for all messages write maximum_plan_size",
        group,
        group,
        "write messages, cost, people_share or discount_rate, or no approval",
    ]


def test_limits_that_contradict_each_other_are_told_at_once() -> None:
    (found,) = problems(
        caps=[{"name": "twice", "max": 1, "window": "1d"}],
        minimum_gaps=[{"name": "twice", "gap": "1d"}],
        capacity={"sms": 5},
        capacities=[
            {"name": "sms", "max": 1, "tag": "sale"},
            {"name": "few", "max": 7, "programme": "winback"},
            {"name": "of_mail", "max": 1, "programme": "winback", "channel": "email"},
        ],
        minimums=[
            {"name": "staff", "segment": "staff", "share": 0.5},
            {"name": "back", "programme": "winback", "count": 8},
            {"name": "held", "programme": "asleep", "count": 6},
            {"name": "enough", "programme": "winback", "count": 5},
            {"name": "wide", "segment": "vip", "share": 1.0},
        ],
        holdout={"universal": 0.1, "programmes": {"asleep": 1.0}},
        excluded_segments=["staff"],
        maximum_plan_size=6,
    )
    assert found.split("; ") == [
        "limit names are used twice: twice",
        "capacities have the names of channels, which capacity limits: sms",
        "minimum staff asks for staff, which excluded_segments keeps out",
        "minimum back asks for 8 people, but maximum_plan_size allows 6",
        "minimum back asks for 8 people, but capacity few allows 7",
        "minimum held asks for people who are all held out",
    ]


def test_a_holdout_of_everyone_leaves_nothing_for_a_minimum() -> None:
    minimums = [{"name": "some", "segment": "vip", "count": 1}]
    assert problems(minimums=minimums, holdout={"universal": 1.0}) == [
        "minimum some asks for people who are all held out"
    ]


@pytest.mark.parametrize(
    "written",
    [
        {"exploration": 1.0},
        {"exploration": -0.01},
        {"maximum_change": 0.0},
        {"approval": {"messages": 0}},
        {"approval": {"people_share": 1.5}},
        {"arbitration": "luck"},
        {"quiet_hours": {"start": "21:00", "end": "21:00"}},
        {"minimums": [{"name": "a", "segment": "b", "share": 0.0}]},
    ],
)
def test_numbers_stay_in_bounds(written: dict[str, Any]) -> None:
    assert len(problems(**written)) == 1
