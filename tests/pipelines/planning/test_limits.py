"""Settings as limits: in the order in which they are tested, with what history uses of them."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.limits import Span
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.time import INSTANT
from pipelines.planning.limits import MessageKind, person_limits, shared_limits
from tests.pipelines.planning.cases import DAY, HOUR

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
NIGHT = date(2024, 3, 5)
LEDGER = pl.DataFrame(
    [
        ("email", "winback", "tenth", datetime(2024, 3, 1, 5, tzinfo=UTC), 30),
        ("email", None, "tenth", datetime(2024, 3, 2, tzinfo=UTC), 400),
        ("sms", "winback", None, datetime(2024, 3, 3, tzinfo=UTC), 7),
        # Still February in New York.
        ("email", "winback", None, datetime(2024, 3, 1, 4, 59, tzinfo=UTC), 9000),
    ],
    schema={
        "channel": pl.String,
        "programme": pl.String,
        "offer_id": pl.String,
        "sent_from": INSTANT,
        "cost_minor": pl.Int64,
    },
    orient="row",
)


def config(**written: Any) -> NightConfig:
    offers = {"tenth": {"name": "10 % off", "stock": 5}, "endless": {"name": "for all"}}
    return NightConfig(
        workspace=WORKSPACE,
        connector=ConnectorSettings(connections={}, sources={}),
        guardrails=Guardrails.model_validate(written),
        personalization=PersonalizationSettings.model_validate({"catalogue": {"offers": offers}}),
    )


def test_caps_come_before_gaps_and_gaps_before_exclusions() -> None:
    limits = person_limits(
        Guardrails.model_validate(
            {
                "exclusions": [
                    {"name": "d", "one": {"tags": ["x"]}, "other": {"tags": ["y"]}, "within": "1d"}
                ],
                "minimum_gaps": [{"name": "c", "gap": "2h", "tag": "x", "per": "household"}],
                "caps": [
                    {"name": "a", "max": 2, "window": "36h", "channel": "sms"},
                    {"name": "b", "max": 3, "window": "calendar_week", "zone": "workspace"},
                    {"name": "e", "max": 1, "window": "lifetime"},
                ],
            }
        )
    )
    assert [(limit.name, limit.outcome.value, limit.maximum, limit.span) for limit in limits] == [
        ("a", "frequency_cap", 2, None),
        ("b", "frequency_cap", 3, Span.CALENDAR_WEEK),
        ("e", "frequency_cap", 1, Span.LIFETIME),
        ("c", "minimum_gap", 1, None),
        ("d", "exclusion", 1, None),
        ("d", "exclusion", 1, None),
    ]
    # A week reaches back eight days, as zones are apart by more than one.
    assert [limit.window_us for limit in limits] == [36 * HOUR, 8 * DAY, 36525 * DAY, 2 * HOUR, DAY, DAY]
    assert [limit.is_household for limit in limits] == [False, False, False, True, False, False]
    assert [limit.is_calendar for limit in limits] == [False, True, False, False, False, False]
    assert limits[1].is_workspace_calendar


def test_shared_limits_know_what_is_used_already() -> None:
    night = config(
        capacity={"sms": 4, "email": 3},
        capacities=[{"name": "sales", "max": 2, "tag": "sale", "purpose": "news"}],
        maximum_plan_size=9,
        budgets=[
            {"name": "tonight", "amount": "1.50", "per": "night"},
            {"name": "month", "amount": "50.00", "per": "month"},
            {"name": "mail", "amount": "50.00", "per": "month", "channel": "email"},
            {"name": "back", "amount": "50.00", "per": "month", "programme": "winback"},
            {
                "name": "back_mail",
                "amount": "50.00",
                "per": "month",
                "programme": "winback",
                "channel": "email",
            },
        ],
    )
    limits = shared_limits(night, LEDGER, NIGHT)
    assert [(limit.name, limit.kind, limit.size, limit.used_before) for limit in limits] == [
        ("capacity:email", "capacity", 3, 0),
        ("capacity:sms", "capacity", 4, 0),
        ("capacity:sales", "capacity", 2, 0),
        ("maximum_plan_size", "capacity", 9, 0),
        ("stock:tenth", "stock", 5, 2),
        ("tonight", "budget", 150, 0),
        ("month", "budget", 5000, 437),
        ("mail", "budget", 5000, 430),
        ("back", "budget", 5000, 37),
        ("back_mail", "budget", 5000, 30),
    ]
    assert [limit.is_money for limit in limits] == [False] * 5 + [True] * 5


def test_nothing_is_limited_unless_it_is_written() -> None:
    unlimited = config().model_copy(update={"personalization": PersonalizationSettings()})
    assert shared_limits(unlimited, LEDGER, NIGHT) == []


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        (MessageKind("email", "news", "sale,x", "winback"), {"email", "sales", "back"}),
        (MessageKind("sms", None, None, None), {"sales"}),
        (MessageKind("email", "service", "sale", "winback"), {"email", "back"}),
        (MessageKind("email", "news", "sales", "welcome"), {"email"}),
    ],
)
def test_a_shared_limit_counts_what_it_names(kind: MessageKind, counted: set[str]) -> None:
    capacities = [
        {"name": "sales", "max": 2, "tag": "sale", "purpose": "news"},
        {"name": "back", "max": 2, "programme": "winback"},
    ]
    limits = shared_limits(config(capacity={"email": 3}, capacities=capacities), LEDGER, NIGHT)
    found = {limit.name.removeprefix("capacity:") for limit in limits if limit.counts(kind)}
    assert found == counted
