"""The hand-over of a night: what its levels, thresholds and people let leave, on real stores."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import dataframely as dy
import polars as pl
import pytest

from assets import approval, delivery
from assets.onward_resource import OnwardResource
from assets.partitions import as_of_end
from assets.sensors import hand_over_sensor
from assets.steps import Night
from pipelines.contracts.columns import Table
from pipelines.contracts.control_codes import Automation, OverrideKind
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.contracts.tables import (
    CONTACT_POINTS,
    CONTACTABILITY,
    DISPATCH_LOG,
    IDENTITY_EVENTS,
    PLAN,
    PROOF,
)
from resources.control.activities import ActivityLog
from resources.control.approvals import ApprovalError, Approvals
from resources.control.codes import Scope
from resources.control.overrides import Override
from resources.control.workspace.night import apply_workspace, load_night
from resources.control.workspace.reading import read_workspace
from resources.destinations.files import FolderOfFiles
from resources.home import Home
from resources.settings import read_environment

NIGHT = date(2024, 3, 4)
AS_OF = datetime(2024, 3, 5, 5, tzinfo=UTC)
NOT_BEFORE, NOT_AFTER = AS_OF + timedelta(hours=8), AS_OF + timedelta(hours=15)
FILES = {
    "workspace.yml": "version: 1\nworkspace: acme\ntime_zone: America/New_York\ncurrency: USD\n",
    "connections.yml": "connections: {main: {kind: duckdb, path: source.duckdb}}\n",
    "sources.yml": (
        "sources:\n  customers: {connection: main, table: c}\n  orders: {connection: main, table: o}\n"
    ),
    "segments.yml": "segments: {buyers: {rule: {trait: order_count, at_least: 1}}}\n",
    "catalogue.yml": (
        "channels: {email: {cost: 0.05}, sms: {cost: 0.10}}\n"
        "templates: {hello: {channel: email}, text: {channel: sms}}\n"
        "offers: {tea: {name: Tea, discount_rate: 0.2}}\n"
    ),
    "personalization.yml": "campaigns: {spring: {offers: [tea], templates: [hello, text]}}\n",
    "destinations.yml": (
        "destinations: {out: {kind: files, channels: [email, sms], path: outgoing, format: csv}}\n"
    ),
    "journeys/welcome.yml": (
        "name: welcome\nentry: {segment: buyers, initial: include}\n"
        "nodes: [{id: greet, message: {template: hello}}, {id: end, exit: done}]\n"
    ),
    "sequences/back.yml": "name: back\nsegment: buyers\nsteps: [{template: hello}]\n",
}
PRODUCTS = {
    "welcome": "033-omnichannel-journey-orchestrator",
    "back": "035-sequential-messaging-engine",
    "spring": "041-hyper-personalization-engine",
}


def message(number: int, programme: str, **changes) -> dict:
    row = {
        "workspace_id": "acme",
        "send_id": f"{number:032x}",
        "decision_id": f"{number + 1000:032x}",
        "candidate_id": f"{number + 2000:032x}",
        "customer_id": number,
        "product": PRODUCTS[programme],
        "programme": programme,
        "node_id": "one",
        "channel": "email",
        "purpose": "marketing",
        "template_id": "hello",
        "offer_id": None,
        "priority_class": "marketing",
        "value": 1.0,
        "cost_amount": Decimal("0.05"),
        "not_before": NOT_BEFORE,
        "not_after": NOT_AFTER,
        "tags": None,
        "stale_sources": None,
    }
    return row | changes


#: Three people of each programme; five more are known.
ROWS = [
    message(number, name)
    for name, first in (("welcome", 1), ("back", 4), ("spring", 7))
    for number in range(first, first + 3)
]
PEOPLE = range(1, 15)


def frame(schema: type[dy.Schema], rows: list[dict]) -> pl.DataFrame:
    types = schema.create_empty().schema
    return pl.DataFrame(rows, schema=types) if rows else schema.create_empty()


@dataclass
class World:
    """A workspace with a plan, dispatched as often as a test wants."""

    home: Home
    folder: Path
    now: datetime = AS_OF + timedelta(hours=2)
    refused: dict[int, str] = field(default_factory=dict)

    def apply(self, files: dict[str, str] | None = None, *, on: date = NIGHT, author: str = "ann") -> None:
        for name, text in (FILES | (files or {})).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.folder / "source.duckdb").touch()
        reading = read_workspace(self.folder)
        assert reading.config is not None, reading.problems
        store = self.home.configs("acme")
        apply_workspace(store, reading.config, author=author, reason="test", effective_on=on)

    def levels(self, on: date = NIGHT, **levels: str) -> None:
        names = {"welcome": "journeys/welcome", "back": "sequences/back", "spring": "personalization"}
        for name, level in levels.items():
            self.home.configs("acme").automate(
                names[name], Automation(level), author="ann", reason="test", effective_on=on
            )

    def night(self, on: date = NIGHT) -> Night:
        config = load_night(self.home.configs("acme"), on)
        return Night(
            on=on,
            as_of=as_of_end(on, config.workspace),
            config=config,
            home=self.home,
            lake=self.home.lake("acme"),
            lease=None,
            workspace_folder=self.folder,
            run_id=f"run of {on}",
            log=logging.getLogger("test"),
        )

    def publish(self, tables: dict[Table, pl.DataFrame], on: date, step: str) -> None:
        night = self.night(on)
        with night.lake.writing(step, on, run_id="test", config_hash=night.config.content_hash) as writer:
            for table, rows in tables.items():
                writer.stage(table, rows)
            writer.publish()

    def plan(self, rows: list[dict] | None = None, on: date = NIGHT) -> None:
        rows = ROWS if rows is None else rows
        self.publish({PLAN: frame(PLAN.schema, rows), PROOF: frame(PROOF.schema, [])}, on, "planning")
        verdicts = [
            {
                "workspace_id": "acme",
                "customer_id": person,
                "purpose": "marketing",
                "channel": channel,
                "is_allowed": person not in self.refused,
                "reason": self.refused.get(person, "granted"),
            }
            for person in PEOPLE
            for channel in ("email", "sms")
        ]
        tables = {
            CONTACTABILITY: frame(CONTACTABILITY.schema, verdicts),
            CONTACT_POINTS: frame(CONTACT_POINTS.schema, []),
            IDENTITY_EVENTS: frame(IDENTITY_EVENTS.schema, []),
        }
        self.publish(tables, on, "permission")

    @contextmanager
    def running(self, on: date) -> Iterator[Night]:
        night = self.night(on)
        with night.lake.writing(
            "dispatch", on, run_id="test", config_hash=night.config.content_hash
        ) as writer:
            yield replace(night, lease=writer.lease)

    def dispatch(self, on: date = NIGHT) -> dict[str, int]:
        """Messages by status and reason; the log is published."""
        with self.running(on) as night:
            output = delivery.hand_over_plan(night)
        outcome = output.verdicts["every_message_is_accounted_for"]
        assert outcome.is_held, outcome.facts
        log = output.frames[DISPATCH_LOG]
        self.publish({DISPATCH_LOG: log}, on, "dispatch_log")
        waiting = log.filter(pl.col("status") == "PLANNED").height
        assert outcome.facts["waiting_for_a_person"] == waiting
        keys = log.select(pl.concat_str("status", "reason", separator=" ", ignore_nulls=True).alias("key"))
        return dict(keys.group_by("key").len().sort("key").iter_rows())

    def delivered(self) -> list[int]:
        files = sorted((self.home.root / "outgoing").glob("*/*.csv"))
        return sorted(number for path in files for number in pl.read_csv(path)["customer_id"])

    def hashes(self, on: date = NIGHT) -> dict[str, str]:
        night = self.night(on)
        return {"plan_hash": approval.plan_hash_of(night), "config_hash": night.config.content_hash}

    def approve(self, on: date = NIGHT, **hashes: str) -> None:
        wanted = hashes or self.hashes(on)
        self.home.approvals("acme").approve(on, **wanted, decided_by="ben", reason="looked at it")

    def reject(self, on: date = NIGHT) -> None:
        self.home.approvals("acme").reject(on, **self.hashes(on), decided_by="ben", reason="too many")

    def said(self) -> list[str]:
        log = ActivityLog(self.home.control, "acme")
        assert log.verify() is None
        types = [entry.activity.activity_type for entry in reversed(log.newest())]
        return [name for name in types if name.startswith("approval")]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("ONWARD_ENV", "ONWARD_CONTROL_URL", "ONWARD_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONWARD_HOME", str(tmp_path / "home"))
    world = World(Home(read_environment()), tmp_path / "acme")
    monkeypatch.setattr(approval, "utc_now", lambda: world.now)
    # Requests are made on the wall clock of the test too.
    monkeypatch.setattr(Home, "approvals", _approvals_at(world))
    world.apply()
    yield world
    world.home.close()


def _approvals_at(world: World):
    return lambda home, workspace_id: Approvals(home.control, workspace_id, now=lambda: world.now)


WAITS = "PLANNED awaiting_approval"
MANUAL = "CANCELLED recommended_only"


def test_what_is_automatic_leaves_and_nobody_is_asked(world):
    world.plan()
    assert world.dispatch() == {"ACKED": 9}
    assert world.delivered() == list(range(1, 10))
    assert world.said() == []


def test_each_programme_of_a_night_goes_as_far_as_its_level(world):
    world.levels(back="manual", spring="approval")
    world.plan()
    assert world.dispatch() == {"ACKED": 3, MANUAL: 3, WAITS: 3}
    assert world.delivered() == [1, 2, 3]
    assert world.dispatch() == {"ACKED": 3, MANUAL: 3, WAITS: 3}
    world.approve()
    assert world.dispatch() == {"ACKED": 6, MANUAL: 3}
    assert world.delivered() == [1, 2, 3, 7, 8, 9]
    assert world.dispatch() == {"ACKED": 6, MANUAL: 3}
    assert world.delivered() == [1, 2, 3, 7, 8, 9]
    assert world.said() == ["approval.requested", "approval.approved"]


def test_a_rejected_plan_never_leaves(world):
    world.levels(spring="approval")
    world.plan()
    world.dispatch()
    world.reject()
    assert world.dispatch() == {"ACKED": 6, "CANCELLED approval_rejected": 3}
    with pytest.raises(ApprovalError):
        world.approve()
    assert world.delivered() == list(range(1, 7))


def test_an_approval_that_is_taken_back_before_the_hand_over_is_none(world):
    world.levels(spring="approval")
    world.plan()
    world.dispatch()
    world.approve()
    world.reject()
    assert world.dispatch() == {"ACKED": 6, "CANCELLED approval_rejected": 3}
    assert world.said() == ["approval.requested", "approval.approved", "approval.revoked"]


def test_an_approval_is_void_when_the_plan_changes(world):
    world.levels(spring="approval")
    world.plan()
    world.dispatch()
    world.approve()
    world.plan([*ROWS, message(10, "spring")])
    assert world.dispatch() == {"ACKED": 6, WAITS: 4}
    assert world.delivered() == list(range(1, 7))
    assert world.said()[-2:] == ["approval.void", "approval.requested"]
    world.approve()
    assert world.dispatch() == {"ACKED": 10}


def test_an_approval_is_void_when_the_config_changes_until_the_night_is_planned_again(world):
    world.levels(spring="approval")
    world.plan()
    world.dispatch()
    world.approve()
    before = world.hashes()
    world.apply({"guardrails.yml": "maximum_plan_size: 100\n"})
    assert world.dispatch() == {"ACKED": 6, "PLANNED config_changed": 3}
    assert world.said()[-1] == "approval.void"
    with pytest.raises(ApprovalError):
        world.approve(**before)
    world.plan()
    assert world.dispatch() == {"ACKED": 6, WAITS: 3}
    world.approve()
    assert world.dispatch() == {"ACKED": 9}


def test_a_pause_between_plan_and_hand_over_keeps_everything_here(world):
    world.plan()
    world.home.configs("acme").pause("journeys/welcome", author="ann", reason="x", effective_on=NIGHT)
    assert world.dispatch() == {"PLANNED config_changed": 9}
    assert world.delivered() == []


def test_loosening_a_level_after_planning_sends_nothing(world):
    world.levels(spring="approval")
    world.plan()
    world.levels(spring="auto")
    assert world.dispatch() == {"PLANNED config_changed": 9}


THRESHOLDS = [
    ("approval: {messages: %s}", (10, 9, 8)),
    ("approval: {cost: %s}", ("0.46", "0.45", "0.44")),
    ("approval: {people_share: %s}", (0.65, 9 / 14, 0.64)),
    ("approval: {discount_rate: %s}", (0.21, 0.2, 0.19)),
    ("maximum_change: %s", (0.51, 0.5, 0.49)),
]
CASES = [
    (setting % limit, is_reached)
    for setting, limits in THRESHOLDS
    for limit, is_reached in zip(limits, (False, True, True), strict=True)
]


@pytest.mark.parametrize(("setting", "is_reached"), CASES, ids=[case[0] for case in CASES])
def test_a_threshold_makes_everything_wait_from_exactly_there(world, setting, is_reached):
    """Nine messages for 0.45 to 9 of 14 people, one with an offer of 0.2, after six a week before."""
    world.apply({"guardrails.yml": f"{setting}\n"}, on=NIGHT - timedelta(days=7))
    world.plan(ROWS[:6], on=NIGHT - timedelta(days=7))
    world.plan([*ROWS[:8], message(9, "spring", offer_id="tea")])
    assert world.dispatch() == ({WAITS: 9} if is_reached else {"ACKED": 9})


def test_a_plan_above_its_thresholds_leaves_when_a_person_says_so(world):
    world.apply({"guardrails.yml": "approval: {messages: 6}\nmaximum_change: 0.2\n"})
    world.levels(back="manual")
    world.plan()
    assert world.dispatch() == {MANUAL: 3, WAITS: 6}
    asked = world.home.approvals("acme").current(NIGHT)
    # Nothing was planned a week before: what is more than nothing has no number.
    assert asked.thresholds == {
        "reached": {
            "messages": {"measured": 6.0, "limit": 6.0},
            "change": {"measured": None, "limit": 0.2},
        },
        "programmes": ["welcome", "spring"],
    }
    world.approve()
    assert world.dispatch() == {"ACKED": 6, MANUAL: 3}


def test_without_what_is_recommended_the_plan_is_below_its_threshold(world):
    world.apply({"guardrails.yml": "approval: {messages: 7}\n"})
    world.levels(back="manual")
    world.plan()
    assert world.dispatch() == {"ACKED": 6, MANUAL: 3}


@pytest.mark.parametrize(
    ("waited", "outcome"),
    [
        (NOT_AFTER - AS_OF, {"ACKED": 9}),
        (NOT_AFTER - AS_OF + timedelta(microseconds=1), {"ACKED": 6, "EXPIRED window_passed": 3}),
    ],
)
def test_what_is_approved_after_its_window_is_expired_and_not_late(world, waited, outcome):
    world.levels(spring="approval")
    world.plan()
    world.dispatch()
    world.approve()
    world.now = AS_OF + waited
    assert world.dispatch() == outcome


def test_a_night_that_is_replayed_waits_on_its_own_clock(world):
    world.now = AS_OF + timedelta(days=3000)
    world.levels(spring="approval")
    world.plan()
    assert world.dispatch() == {"ACKED": 6, WAITS: 3}
    world.now += timedelta(hours=14)
    world.approve()
    assert world.dispatch() == {"ACKED": 9}


def test_what_waited_when_the_next_night_comes_is_over(world):
    world.levels(spring="approval")
    world.plan()
    world.dispatch()
    later = NIGHT + timedelta(days=1)
    moved = {"not_before": NOT_BEFORE + timedelta(days=1), "not_after": NOT_AFTER + timedelta(days=1)}
    world.plan([message(20, "welcome", customer_id=1, **moved)], on=later)
    # The later plan gave the places away, so that even a yes comes too late.
    world.approve()
    world.now = AS_OF + timedelta(hours=3)
    assert world.dispatch() == {"ACKED": 6, "EXPIRED window_passed": 3}


def test_the_hand_over_of_a_night_closes_what_earlier_nights_left_waiting(world):
    world.levels(spring="approval")
    world.plan()
    world.dispatch()
    later = NIGHT + timedelta(days=1)
    moved = {"not_before": NOT_BEFORE + timedelta(days=1), "not_after": NOT_AFTER + timedelta(days=1)}
    world.plan([message(20, "welcome", customer_id=1, **moved)], on=later)
    world.now += timedelta(days=1)
    assert world.dispatch(later) == {"ACKED": 1}
    with pytest.raises(ApprovalError):
        world.approve()
    assert world.said() == ["approval.requested", "approval.expired"]
    assert world.dispatch() == {"ACKED": 6, "EXPIRED window_passed": 3}


@pytest.mark.parametrize("reason", ["withdrawn", "suppressed", "erased"])
def test_consent_that_ends_while_a_plan_waits_ends_the_message(world, reason):
    world.levels(spring="approval")
    world.plan()
    world.dispatch()
    world.approve()
    world.refused = {8: reason}
    world.plan()
    assert world.dispatch() == {"ACKED": 8, f"CANCELLED {reason}": 1}
    assert world.delivered() == [1, 2, 3, 4, 5, 6, 7, 9]


def test_a_kill_switch_stops_what_was_approved(world):
    world.levels(spring="approval")
    world.plan()
    world.dispatch()
    world.approve()
    switch = KillSwitch(scope="campaign", value="spring", reason="stop")
    world.home.switches("acme").set(switch, author="ann")
    assert world.dispatch() == {"ACKED": 6, "CANCELLED kill_switch": 3}


def forced_out(world: World, person: int, **changes) -> None:
    override = Override(
        customer_id=person,
        kind=OverrideKind.FORCE_OUT,
        author="ann",
        reason="called us",
        starts_at=world.now,
        expires_at=world.now + timedelta(days=1),
    )
    world.home.overrides("acme").add(replace(override, **changes))


def test_who_is_forced_out_after_planning_gets_nothing(world):
    world.plan()
    forced_out(world, 2)
    forced_out(world, 5, scope=Scope.CAMPAIGN, value="spring")
    assert world.dispatch() == {"ACKED": 8, "CANCELLED forced_out": 1}
    assert 2 not in world.delivered()


def switch_off(world: World) -> None:
    world.home.switches("acme").set(KillSwitch(scope="all", reason="fire"), author="ann")


def change_config(world: World) -> None:
    world.home.configs("acme").pause("journeys/welcome", author="ann", reason="x", effective_on=NIGHT)


def force_out(world: World) -> None:
    forced_out(world, 2)


CHANGES = [
    (switch_off, "kill_switches", {"CANCELLED kill_switch": 9}),
    (change_config, "config_hash", {"PLANNED config_changed": 9}),
    (World.reject, "status", {"CANCELLED approval_rejected": 9}),
    (force_out, "forced_out", {"ACKED": 8, "CANCELLED forced_out": 1}),
]


@pytest.mark.parametrize(("change", "name", "outcome"), CHANGES, ids=[change[1] for change in CHANGES])
def test_what_changes_between_claim_and_hand_over_stops_it(world, monkeypatch, change, name, outcome):
    """Messages are claimed, the file is about to appear, and somebody says no."""
    world.levels(welcome="approval", back="approval", spring="approval")
    world.plan()
    world.dispatch()
    world.approve()
    true = FolderOfFiles.hand_over

    def interrupted(self, messages, **facts):
        change(world)
        return true(self, messages, **facts)

    monkeypatch.setattr(FolderOfFiles, "hand_over", interrupted)
    with pytest.raises(approval.PermissionChangedError, match=name), world.running(NIGHT) as night:
        delivery.hand_over_plan(night)
    assert world.delivered() == []
    monkeypatch.setattr(FolderOfFiles, "hand_over", true)
    assert world.dispatch() == outcome


def test_an_empty_plan_asks_nobody(world):
    world.apply({"guardrails.yml": "maximum_change: 0.1\n"})
    world.plan(ROWS, on=NIGHT - timedelta(days=7))
    world.plan([])
    assert world.dispatch() == {}
    assert world.said() == []


def test_what_was_decided_is_handed_over_by_itself_once(world, monkeypatch):
    monkeypatch.setenv("ONWARD_WORKSPACE", str(world.folder))
    job = dg.define_asset_job("hand_over", selection="*")
    sensor = hand_over_sensor(job)
    onward = OnwardResource(workspace_id="acme", workspace_folder=str(world.folder))

    def requested():
        asked = sensor(onward=onward)
        return [(one.partition_key, one.run_key) for one in asked if isinstance(one, dg.RunRequest)]

    world.levels(spring="approval")
    world.plan()
    assert requested() == []
    world.dispatch()
    assert requested() == []
    world.approve()
    hashes = world.hashes()
    key = f"{NIGHT}/{hashes['plan_hash']}/{hashes['config_hash']}/APPROVED"
    assert requested() == [(NIGHT.isoformat(), key)]
    world.dispatch()
    assert requested() == []
