"""Nights full of small worlds: people with candidates and a past at the very edges of every window.

The judge at the end is row-wise Python over dictionaries: it shares no code with
the planner and none with the SQL of the proof.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.permission import Contactability
from pipelines.contracts.segmentation import Membership
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.time import end_of_local_day
from pipelines.planning import deciding
from pipelines.planning.publishing import NightPlan
from resources.proof.checker import prove_plan
from tests.resources.proof.cases import LEDGER, hexadecimal

OFFICE = "America/New_York"
ZONES = (OFFICE, "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Kiritimati", "America/St_Johns")
WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone=OFFICE, currency="USD")
PROGRAMMES: dict[str, str | None] = {"winback": "sale", "welcome": None, "outlet": "new,sale"}
TICK = timedelta(microseconds=1)
STEPS = (-timedelta(seconds=1), -TICK, timedelta(0), TICK, timedelta(seconds=1))
WINDOWS = tuple(timedelta(hours=hours) for hours in (2, 24, 36, 168))

Row = dict[str, Any]


@dataclass(frozen=True)
class World:
    """Rows of a night; the past of everyone lies at the edges of their windows."""

    night: date
    candidates: list[Row]
    zones: dict[int, str]
    homes: dict[int, int]
    ledger: list[Row]

    @property
    def as_of(self) -> datetime:
        return end_of_local_day(self.night, WORKSPACE.zone)

    def frames(self) -> dict[str, pl.DataFrame]:
        schema = Candidate.create_empty().schema
        rows = [row | {"cost_amount": None} for row in self.candidates]
        costs = pl.Series([row["cost_amount"] for row in self.candidates], dtype=pl.Decimal(18, 2))
        people = pl.DataFrame({"customer_id": list(self.zones), "time_zone": list(self.zones.values())})
        grid = pl.DataFrame({"channel": ["email", "sms"]}).join(
            pl.DataFrame({"purpose": ["marketing", "news"]}), how="cross"
        )
        verdicts = {
            "workspace_id": pl.lit("acme"),
            "is_allowed": pl.lit(value=True),
            "reason": pl.lit("granted"),
        }
        return {
            "candidates": pl.DataFrame(rows, schema=schema).with_columns(cost_amount=costs),
            "contactability": people.join(grid, how="cross")
            .with_columns(**verdicts)
            .select(Contactability.column_names()),
            "send_times": people.with_columns(local_hour=(pl.col("customer_id") * 7) % 24),
            "memberships": Membership.create_empty(),
            "households": pl.DataFrame(
                {"customer_id": list(self.homes), "household_id": list(self.homes.values())},
                schema={"customer_id": pl.Int64, "household_id": pl.Int64},
            ),
            "ledger": pl.DataFrame(self.ledger, schema=LEDGER),
        }

    def config(self, limits: Mapping[str, Any]) -> NightConfig:
        basics = {"quiet_hours": None, "caps": [], "holdout": {"universal": 0.0}, "exploration": 0.0}
        return NightConfig(
            workspace=WORKSPACE,
            connector=ConnectorSettings(connections={}, sources={}),
            guardrails=Guardrails.model_validate({**basics, **limits}),
        )

    def plan(self, limits: Mapping[str, Any]) -> NightPlan:
        return deciding.plan_night(
            deciding.PlanningInputs(**{name: rows.lazy() for name, rows in self.frames().items()}),
            config=self.config(limits),
            kill_switches=[],
            night=self.night,
            as_of=self.as_of,
        )

    def proof(self, planned: NightPlan, limits: Mapping[str, Any]) -> dict[str, int]:
        """Violations by guardrail."""
        lines = prove_plan(
            {
                **self.frames(),
                "plan": planned.plan,
                "decisions": planned.decisions,
                "decision_candidates": planned.decision_candidates,
                "limit_prices": planned.limit_prices,
            },
            config=self.config(limits),
            kill_switches=[],
            night=self.night,
            as_of=self.as_of,
        )
        return dict(lines.select("guardrail", "violation_count").iter_rows())


def _candidate(dice: random.Random, who: int, number: int) -> Row:
    programme = dice.choice(list(PROGRAMMES))
    identity = (who, number)
    return {
        "workspace_id": "acme",
        "candidate_id": hexadecimal("c", *identity),
        "decision_id": hexadecimal("d", *identity),
        "customer_id": who,
        "product": "035-sequential-messaging-engine",
        "programme": programme,
        "programme_version": 1,
        "node_id": f"n{number}",
        "channel": dice.choice(["email", "sms"]),
        "purpose": dice.choice(["marketing", "news"]),
        "template_id": "t",
        "offer_id": None,
        "priority_class": dice.choice(["marketing", "marketing", "service"]),
        "priority": dice.choice([300, 350, 400]),
        "score": 0.1,
        "uncertainty": 0.1,
        "value_uncertainty": 0.1,
        "value": float(dice.randint(1, 3)),
        "cost_amount": Decimal("0.04"),
        "waiting_nights": dice.choice([0, 0, 1, 2]),
        "on_loss": "skip",
        "is_adaptive": False,
        "tags": PROGRAMMES[programme],
        "valid_until": datetime(2030, 1, 1, tzinfo=UTC),
    }


def _edges(dice: random.Random, row: Row, zone: str) -> datetime:
    """An instant that just does, or just does not, come too close to a planned window, or to its period."""
    start, end = row["not_before"], row["not_after"]
    local = start.astimezone(ZoneInfo(dice.choice([zone, OFFICE])))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    periods = (
        midnight,
        midnight + timedelta(days=1),
        midnight - timedelta(days=midnight.weekday()),
        midnight.replace(day=1),
    )
    window = dice.choice(WINDOWS)
    edge = dice.choice([start - window, end + window, *periods])
    return edge.astimezone(UTC) + dice.choice(STEPS)


def _past(dice: random.Random, row: Row, who: int, zone: str) -> Row:
    sent_from = _edges(dice, row, zone)
    length = dice.choice([timedelta(0), timedelta(0), timedelta(hours=4)])
    programme = dice.choice([*PROGRAMMES, None])
    return {
        "workspace_id": "acme",
        "customer_id": who,
        "programme": programme,
        "channel": dice.choice(["email", "sms"]),
        "purpose": dice.choice(["marketing", "news"]) if programme else None,
        "tags": (PROGRAMMES[programme] or "") if programme else None,
        "offer_id": None,
        "sent_from": sent_from,
        "sent_until": sent_from + length,
        "cost_minor": 0,
    }


def draw_world(night: date, people: int, seed: int) -> World:
    """The same world for the same seed; a first plan without limits says when everything would go out."""
    dice = random.Random(seed)  # noqa: S311  a seed is what makes it the same
    zones = {who: dice.choice(ZONES) for who in range(1, people + 1)}
    homes = {who: (who + 1) // 2 for who in zones if dice.random() < 0.8}
    candidates = [_candidate(dice, who, number) for who in zones for number in range(dice.randint(0, 3))]
    empty = World(night, candidates, zones, homes, [])
    planned = empty.plan({}).plan.to_dicts()
    assert len(planned) == len(candidates)
    near: dict[int, list[Row]] = defaultdict(list)
    for row in sorted(planned, key=lambda row: row["send_id"]):
        who = row["customer_id"]
        for mate in {who, who + 1 if who % 2 else who - 1}:
            near[mate].append(row)
    ledger = [
        _past(dice, dice.choice(near[who]), who, zone)
        for who, zone in zones.items()
        for _ in range(dice.randint(0, 3))
        if who in near
    ]
    return World(night, candidates, zones, homes, ledger)


class Judge:
    """Who is admitted, and what breaks which limit, worked out message by message."""

    def __init__(self, world: World, planned: Sequence[Row], limits: Mapping[str, Any]) -> None:
        self._world = world
        self._windows = {row["candidate_id"]: (row["not_before"], row["not_after"]) for row in planned}
        self._limits = Guardrails.model_validate({"caps": [], **limits})

    def messages(self) -> list[Row]:
        """All candidates in order of precedence, each as a message."""
        ranks = {"service": 0, "legal": 1, "marketing": 2}

        def precedence(row: Row) -> tuple[Any, ...]:
            aged = row["priority"] + 50 * row["waiting_nights"]
            return (
                ranks[row["priority_class"]],
                -aged,
                -row["waiting_nights"],
                -row["value"],
                row["candidate_id"],
            )

        rows = sorted(self._world.candidates, key=precedence)
        return [
            row
            | {"sent_from": self._windows[row["candidate_id"]][0], "tags": row["tags"] or ""}
            | {"sent_until": self._windows[row["candidate_id"]][1]}
            for row in rows
        ]

    def admitted(self) -> set[str]:
        book = list(self._world.ledger)
        taken = set()
        for row in self.messages():
            others = self._near(row, book)
            if not any(breaks for _, breaks in self._verdicts(row, others)):
                book.append(row)
                taken.add(row["candidate_id"])
        return taken

    def violations(self) -> dict[str, int]:
        """By guardrail, how many messages break it when all candidates go out."""
        counts: dict[str, int] = defaultdict(int)
        everyone = self.messages()
        for row in everyone:
            others = [
                other for other in self._near(row, [*self._world.ledger, *everyone]) if other is not row
            ]
            for name, breaks in self._verdicts(row, others):
                counts[name] += breaks
        return dict(counts)

    def _near(self, row: Row, book: Sequence[Row]) -> list[Row]:
        homes = self._world.homes
        home = homes.get(row["customer_id"])
        return [
            other
            for other in book
            if other["customer_id"] == row["customer_id"]
            or (home is not None and homes.get(other["customer_id"]) == home)
        ]

    def _verdicts(self, row: Row, others: Sequence[Row]) -> Iterator[tuple[str, bool]]:
        limits = self._limits
        for cap in limits.caps:
            rivals = self._rivals(row, others, cap)
            if rivals is not None:
                yield f"cap:{cap.name}", self._breaks(row, rivals, cap.window, cap.max, zone=cap.zone)
        for gap in limits.minimum_gaps:
            rivals = self._rivals(row, others, gap)
            if rivals is not None:
                yield f"gap:{gap.name}", self._breaks(row, rivals, gap.gap, 1, zone="person")
        for exclusion in limits.exclusions:
            near = [
                other
                for other in others
                if exclusion.per == "household" or other["customer_id"] == row["customer_id"]
            ]
            yield (
                f"exclusion:{exclusion.name}",
                any(
                    _distance(row, other) < exclusion.within
                    and (
                        (_is_on(exclusion.one, row) and _is_on(exclusion.other, other))
                        or (_is_on(exclusion.other, row) and _is_on(exclusion.one, other))
                    )
                    for other in near
                ),
            )

    def _rivals(self, row: Row, others: Sequence[Row], limit: Any) -> list[Row] | None:
        """Messages that count beside this one; none when the limit is not about it."""
        if not _counts(limit, row):
            return None
        is_home = limit.per == "household"
        return [
            other
            for other in others
            if _counts(limit, other) and (is_home or other["customer_id"] == row["customer_id"])
        ]

    def _breaks(self, row: Row, rivals: list[Row], window: Any, maximum: int, *, zone: str) -> bool:
        groups = combinations(rivals, maximum)
        if isinstance(window, timedelta):
            return any(_can_meet([row, *group], window) for group in groups)
        if window == "lifetime":
            return len(rivals) >= maximum
        return any(
            set.intersection(*(self._periods(one, window, zone) for one in [row, *group])) for group in groups
        )

    def _periods(self, message: Row, window: str, zone: str) -> set[date]:
        name = OFFICE if zone == "workspace" else self._world.zones[message["customer_id"]]
        first, last = (
            message[instant].astimezone(ZoneInfo(name)).date() for instant in ("sent_from", "sent_until")
        )
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        if window == "calendar_week":
            return {day - timedelta(days=day.weekday()) for day in days}
        return {day.replace(day=1) for day in days} if window == "calendar_month" else set(days)


def _counts(limit: Any, message: Row) -> bool:
    tags = message["tags"]
    return (
        limit.channel in (None, message["channel"])
        and (limit.purpose is None or message["purpose"] in (None, limit.purpose))
        and (limit.tag is None or tags is None or limit.tag in tags.split(","))
    )


def _is_on(side: Any, message: Row) -> bool:
    tags = message["tags"]
    has_tag = bool(side.tags) if tags is None else bool(set(tags.split(",")) & set(side.tags))
    return message["programme"] in side.programmes or has_tag


def _can_meet(group: Sequence[Row], window: timedelta) -> bool:
    """Whether all can go out within less than a window."""
    latest_start = max(message["sent_from"] for message in group)
    earliest_end = min(message["sent_until"] for message in group)
    return max(latest_start - earliest_end, timedelta(0)) < window


def _distance(one: Row, other: Row) -> timedelta:
    gaps = (other["sent_from"] - one["sent_until"], one["sent_from"] - other["sent_until"])
    return max(*gaps, timedelta(0))
