"""Small nights of planning, as rows."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import dataframely as dy
import polars as pl

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.enrichment import SendTime
from pipelines.contracts.identity import Household
from pipelines.contracts.permission import Contactability
from pipelines.contracts.planning import Decision, DecisionCandidate, HeldBack, LimitPrice, PlannedMessage
from pipelines.contracts.segmentation import Membership
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.time import INSTANT, end_of_local_day
from pipelines.planning.deciding import PlanningInputs, plan_night
from pipelines.planning.publishing import NightPlan

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
PRODUCTS = {
    "next_best": "041-hyper-personalization-engine",
    "winback": "035-sequential-messaging-engine",
    "welcome": "033-omnichannel-journey-orchestrator",
}
NIGHT = date(2024, 3, 5)
LEDGER = {
    "workspace_id": pl.String,
    "customer_id": pl.Int64,
    "channel": pl.String,
    "programme": pl.String,
    "purpose": pl.String,
    "tags": pl.String,
    "offer_id": pl.String,
    "sent_from": INSTANT,
    "sent_until": INSTANT,
    "cost_minor": pl.Int64,
}


def hexadecimal(*parts: object) -> str:
    return hashlib.md5(repr(parts).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class World:
    """A small night, as rows."""

    candidates: list[dict[str, Any]]
    night: date = NIGHT
    allowed: dict[tuple[int, str, str], bool] = field(default_factory=dict)
    send_times: dict[int, tuple[str, int]] = field(default_factory=dict)
    excluded: frozenset[int] = frozenset()
    ledger: list[dict[str, Any]] = field(default_factory=list)
    guardrails: dict[str, Any] = field(default_factory=dict)
    stock: int | None = None
    switches: list[KillSwitch] = field(default_factory=list)
    paused: frozenset[str] = frozenset()
    seed: int = 42
    households: dict[int, int] = field(default_factory=dict)

    @property
    def as_of(self) -> datetime:
        return end_of_local_day(self.night, WORKSPACE.zone)

    @property
    def until(self) -> datetime:
        return end_of_local_day(self.night + timedelta(days=1), WORKSPACE.zone)

    @property
    def config(self) -> NightConfig:
        guardrails = {"caps": [], "holdout": {"universal": 0.0}, "quiet_hours": None, **self.guardrails}
        catalogue = {"offers": {"tenth": {"name": "10 % off", "stock": self.stock}}}
        return NightConfig(
            workspace=WORKSPACE.model_copy(update={"seed": self.seed}),
            connector=ConnectorSettings(connections={}, sources={}),
            guardrails=Guardrails.model_validate(guardrails),
            personalization=PersonalizationSettings.model_validate({"catalogue": catalogue}),
            versions={"guardrails": 4},
            paused=self.paused,
        )

    def frames(self) -> dict[str, pl.DataFrame]:
        costs = [row["cost_amount"] for row in self.candidates]
        return {
            "candidates": frame(
                Candidate, [row | {"cost_amount": None} for row in self.candidates]
            ).with_columns(cost_amount=pl.Series(costs, dtype=pl.Decimal(18, 2))),
            "contactability": frame(
                Contactability,
                [
                    {
                        "workspace_id": "acme",
                        "customer_id": who,
                        "purpose": purpose,
                        "channel": channel,
                        "is_allowed": verdict,
                        "reason": "granted" if verdict else "withdrawn",
                    }
                    for (who, purpose, channel), verdict in self.allowed.items()
                ],
            ),
            "send_times": frame(
                SendTime,
                [
                    {"workspace_id": "acme", "customer_id": who, "time_zone": zone, "local_hour": hour}
                    for who, (zone, hour) in self.send_times.items()
                ],
            ),
            "memberships": frame(
                Membership,
                [
                    {
                        "workspace_id": "acme",
                        "customer_id": who,
                        "segment": "protected",
                        "entered_on": self.night,
                    }
                    for who in sorted(self.excluded)
                ],
            ),
            "households": frame(
                Household,
                [
                    {"workspace_id": "acme", "customer_id": who, "household_id": home}
                    for who, home in self.households.items()
                ],
            ),
            "ledger": pl.DataFrame(self.ledger, schema=LEDGER),
        }

    def plan(self, shuffle: Callable[[pl.DataFrame], pl.DataFrame] = lambda rows: rows) -> NightPlan:
        lazy = {name: shuffle(rows).lazy() for name, rows in self.frames().items()}
        planned = plan_night(
            PlanningInputs(**lazy),
            config=self.config,
            kill_switches=self.switches,
            night=self.night,
            as_of=self.as_of,
        )
        Decision.validate(planned.decisions)
        DecisionCandidate.validate(planned.decision_candidates)
        PlannedMessage.validate(planned.plan)
        LimitPrice.validate(planned.limit_prices)
        HeldBack.validate(planned.held_back)
        return planned


def frame(schema: type[dy.Schema], rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema.create_empty().schema)


def candidate(who: int, number: int = 0, **changes: Any) -> dict[str, Any]:
    programme = changes.get("programme", "next_best")
    decision = changes.pop("decision", (programme, who))
    row = {
        "workspace_id": "acme",
        "decision_id": hexadecimal(decision),
        "customer_id": who,
        "product": PRODUCTS[programme],
        "programme": programme,
        "programme_version": 1,
        "node_id": "slot",
        "channel": "email",
        "purpose": "marketing",
        "template_id": f"t{number}",
        "offer_id": None,
        "priority_class": "marketing",
        "priority": 300,
        "score": 0.1,
        "uncertainty": 0.1,
        "value_uncertainty": 0.1,
        "value": 1.0,
        "cost_amount": Decimal("0.05"),
        "waiting_nights": 0,
        "on_loss": "skip",
        "is_adaptive": False,
        "tags": None,
        "valid_until": datetime(2030, 1, 1, tzinfo=UTC),
    }
    return row | changes | {"candidate_id": hexadecimal(decision, who, number)}


def world(*candidates: dict[str, Any], **changes: Any) -> World:
    """Everyone may be contacted, at ten o'clock in New York."""
    people = {row["customer_id"] for row in candidates}
    allowed = {(row["customer_id"], row["purpose"], row["channel"]): True for row in candidates}
    send_times = dict.fromkeys(people, ("America/New_York", 10))
    return World(list(candidates), **{"allowed": allowed, "send_times": send_times, **changes})


def past(who: int, at: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "workspace_id": "acme",
        "customer_id": who,
        "channel": "email",
        "programme": None,
        "purpose": "marketing",
        "tags": "",
        "offer_id": None,
        "sent_from": at,
        "sent_until": at,
        "cost_minor": 0,
        **changes,
    }


def fates(planned: NightPlan) -> dict[str, tuple[str, str | None]]:
    rows = planned.decision_candidates.select("candidate_id", "outcome", "rule").iter_rows()
    return {candidate_id: (outcome, rule) for candidate_id, outcome, rule in rows}


def fate(small: World) -> tuple[str, str | None]:
    return fates(small.plan())[small.candidates[0]["candidate_id"]]
