"""A night's tables, all guardrails kept, for tests that break one thing."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import dataframely as dy
import polars as pl

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.enrichment import SendTime
from pipelines.contracts.permission import Contactability
from pipelines.contracts.planning import (
    Decision,
    DecisionCandidate,
    LimitPrice,
    PlannedMessage,
    ProofLine,
)
from pipelines.contracts.segmentation import Membership
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.contracts.settings.workspace import WorkspaceSettings
from resources.proof.checker import prove_plan

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
NIGHT = date(2024, 3, 5)
#: 5 March 2024 ends at 05:00 UTC of the 6th, in New York's winter time.
AS_OF = datetime(2024, 3, 6, 5, tzinfo=UTC)
TEN = AS_OF + timedelta(hours=10)
TICK = timedelta(microseconds=1)
INSTANT = pl.Datetime("us", "UTC")
LEDGER = {
    "workspace_id": pl.String,
    "customer_id": pl.Int64,
    "programme": pl.String,
    "channel": pl.String,
    "purpose": pl.String,
    "tags": pl.String,
    "offer_id": pl.String,
    "sent_from": INSTANT,
    "sent_until": INSTANT,
    "cost_minor": pl.Int64,
}
LIMITS: dict[str, Any] = {
    "quiet_hours": {"start": "21:00", "end": "08:00"},
    "caps": [{"name": "one_a_day", "max": 1, "window": "1d"}],
    "minimum_gaps": [{"name": "breather", "gap": "2d", "channel": "sms"}],
    "capacity": {"email": 2},
    "budgets": [
        {"name": "tonight", "amount": "0.25", "per": "night"},
        {"name": "march", "amount": "10.00", "per": "month"},
    ],
    "holdout": {"universal": 0.0, "programmes": {"winback": 0.0}},
    "excluded_segments": ["protected"],
    "maximum_plan_size": 3,
}


def hexadecimal(*parts: object) -> str:
    return hashlib.md5(repr(parts).encode(), usedforsecurity=False).hexdigest()


def frame(schema: type[dy.Schema], rows: list[dict[str, Any]]) -> pl.DataFrame:
    types = {name: kind for name, kind in schema.create_empty().schema.items() if name != "cost_amount"}
    built = pl.DataFrame(
        [{key: value for key, value in row.items() if key in types} for row in rows], schema=types
    )
    if "cost_amount" not in schema.column_names():
        return built
    costs = pl.Series("cost_amount", [row["cost_amount"] for row in rows], dtype=pl.Decimal(18, 2))
    return built.with_columns(costs).select(schema.column_names())


def message(who: int, *, programme: str = "winback", **changes: Any) -> dict[str, Any]:
    """A row that serves as candidate and as planned message."""
    row = {
        "workspace_id": "acme",
        "send_id": hexadecimal("send", who, programme),
        "decision_id": hexadecimal("decision", who, programme),
        "candidate_id": hexadecimal("candidate", who, programme),
        "customer_id": who,
        "product": "035-sequential-messaging-engine",
        "programme": programme,
        "programme_version": 1,
        "node_id": "step_1",
        "channel": "email",
        "purpose": "marketing",
        "template_id": "miss_you",
        "offer_id": "tenth",
        "priority_class": "marketing",
        "priority": 500,
        "score": 0.02,
        "uncertainty": 0.02,
        "value_uncertainty": 0.1,
        "value": 1.0,
        "cost_amount": Decimal("0.05"),
        "waiting_nights": 0,
        "valid_until": AS_OF + timedelta(days=3),
        "on_loss": "defer",
        "is_adaptive": False,
        "tags": None,
        "not_before": TEN,
        "not_after": TEN + timedelta(hours=4),
    }
    return row | changes


def past(who: int, at: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "workspace_id": "acme",
        "customer_id": who,
        "programme": "earlier",
        "channel": "email",
        "purpose": "marketing",
        "tags": "",
        "offer_id": None,
        "sent_from": at,
        "sent_until": at,
        "cost_minor": 0,
        **changes,
    }


class Case:
    """A night's tables, all guardrails kept; tests break one thing."""

    def __init__(
        self, rows: list[dict[str, Any]] | None = None, limits: dict[str, Any] | None = None
    ) -> None:
        sms = message(3, channel="sms", offer_id=None)
        self.candidates = [message(1), message(2), sms] if rows is None else rows
        self.plan = [dict(row) for row in self.candidates]
        self.decisions = [
            {
                "decision_id": row["decision_id"],
                "customer_id": row["customer_id"],
                "chosen_candidate_id": row["candidate_id"],
                "propensity": 1.0,
                "is_propensity_valid": True,
            }
            for row in self.candidates
        ]
        self.chances = [row | {"is_eligible": True, "probability": 1.0} for row in self.candidates]
        self.prices: list[dict[str, Any]] = []
        people = {row["customer_id"] for row in self.candidates}
        self.allowed = {(who, "marketing", channel): True for who in people for channel in ("email", "sms")}
        self.send_times = dict.fromkeys(people, "America/New_York")
        self.members: list[dict[str, Any]] = []
        self.households: dict[int, int] = {}
        self.ledger: list[dict[str, Any]] = []
        self.limits = dict(LIMITS if limits is None else limits)
        self.stock: int | None = 2
        self.switches: list[KillSwitch] = []
        self.paused: frozenset[str] = frozenset()
        self.as_of = AS_OF

    @property
    def config(self) -> NightConfig:
        offers = {"tenth": {"name": "10 % off", "stock": self.stock}, "endless": {"name": "for all"}}
        return NightConfig(
            workspace=WORKSPACE,
            connector=ConnectorSettings(connections={}, sources={}),
            guardrails=Guardrails.model_validate(self.limits),
            personalization=PersonalizationSettings.model_validate({"catalogue": {"offers": offers}}),
            paused=self.paused,
        )

    def frames(self) -> dict[str, pl.DataFrame]:
        return {
            "plan": frame(PlannedMessage, self.plan),
            "candidates": frame(Candidate, self.candidates),
            "decisions": frame(Decision, self.decisions),
            "decision_candidates": frame(DecisionCandidate, self.chances),
            "limit_prices": frame(LimitPrice, self.prices),
            "contactability": frame(
                Contactability,
                [
                    {"customer_id": who, "purpose": purpose, "channel": channel, "is_allowed": verdict}
                    for (who, purpose, channel), verdict in self.allowed.items()
                ],
            ),
            "send_times": frame(
                SendTime, [{"customer_id": who, "time_zone": zone} for who, zone in self.send_times.items()]
            ),
            "memberships": frame(Membership, self.members),
            "households": pl.DataFrame(
                {"customer_id": list(self.households), "household_id": list(self.households.values())},
                schema={"customer_id": pl.Int64, "household_id": pl.Int64},
            ),
            "ledger": pl.DataFrame(self.ledger, schema=LEDGER),
        }

    def lines(self) -> pl.DataFrame:
        lines = prove_plan(
            self.frames(), config=self.config, kill_switches=self.switches, night=NIGHT, as_of=self.as_of
        )
        return ProofLine.validate(lines)

    def broken(self) -> dict[str, int]:
        return dict(
            self.lines().filter(~pl.col("is_held")).select("guardrail", "violation_count").iter_rows()
        )

    def line(self, guardrail: str) -> dict[str, Any]:
        return self.lines().row(by_predicate=pl.col("guardrail") == guardrail, named=True)
