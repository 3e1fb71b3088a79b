"""A night with a plan that waits, for the commands that look at it and decide about it."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import dataframely as dy
import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.tables import CUSTOMER_LINKS, HELD_BACK, LIMIT_PRICES, PLAN, PROOF
from resources.control.holding import HeldMessages
from resources.control.leases import Leases
from resources.control.outbox import Outbox, OutboxRow
from resources.control.workspace.night import load_night
from resources.home import Home

NIGHT = date(2017, 12, 3)
NOT_BEFORE = datetime(2017, 12, 4, 14, tzinfo=UTC)
NOT_AFTER = NOT_BEFORE + timedelta(hours=6)
JOURNEYS, PERSONALIZATION = "033-omnichannel-journey-orchestrator", "041-hyper-personalization-engine"


def message(number: int, product: str, programme: str) -> dict[str, object]:
    return {
        "send_id": f"{number:032x}",
        "decision_id": f"{number + 100:032x}",
        "candidate_id": f"{number + 200:032x}",
        "customer_id": number,
        "product": product,
        "programme": programme,
        "node_id": "one",
        "channel": "email",
        "purpose": "marketing",
        "template_id": "hello",
        "priority_class": "marketing",
        "value": 1.25,
        "cost_amount": Decimal("0.10"),
        "not_before": NOT_BEFORE,
        "not_after": NOT_AFTER,
    }


ROWS = [
    message(1, JOURNEYS, "welcome"),
    message(2, PERSONALIZATION, "spring"),
    message(3, PERSONALIZATION, "spring"),
]


def frame(schema: type[dy.Schema], rows: list[dict[str, object]]) -> pl.DataFrame:
    filled = [{"workspace_id": "acme", **row} for row in rows]
    return pl.DataFrame(filled, schema=schema.create_empty().schema) if rows else schema.create_empty()


def publish_plan(home: Home, night: date = NIGHT, rows: list[dict[str, object]] | None = None) -> str:
    """Publishes a plan made by the configuration in force; its hash."""
    tables: dict[Table, list[dict[str, object]]] = {
        PLAN: ROWS if rows is None else rows,
        PROOF: [{"guardrail": "consent", "checked_count": 3, "violation_count": 0, "is_held": True}],
        LIMIT_PRICES: [
            {
                "limit_name": "capacity:email",
                "kind": "capacity",
                "limit_value": 3.0,
                "used_value": 3.0,
                "turned_away_count": 4,
                "price": 2.3,
                "relaxation": 0.0,
            }
        ],
        HELD_BACK: [
            {
                "product": PERSONALIZATION,
                "programme": "spring",
                "outcome": "override",
                "rule": "force_out",
                "decision_count": 2,
            }
        ],
        CUSTOMER_LINKS: [
            {
                "source": "shop",
                "customer_ref": f"p{person}",
                "customer_id": person,
                "method": "alone",
                "confidence": 1.0,
                "linked_on": night,
            }
            for person in (1, 2, 3)
        ],
    }
    lake = home.lake("acme")
    config_hash = load_night(home.configs("acme"), night).content_hash
    for step, names in (
        ("planning", (PLAN, PROOF, LIMIT_PRICES, HELD_BACK)),
        ("identity", (CUSTOMER_LINKS,)),
    ):
        with lake.writing(step, night, run_id="test", config_hash=config_hash) as writer:
            for table in names:
                writer.stage(table, frame(table.schema, tables[table]))
            writer.publish()
    return lake.require(PLAN, night).content_hash


def ask(home: Home, night: date = NIGHT) -> None:
    """What a dispatch does with a plan of which two messages wait for a person."""
    config_hash = load_night(home.configs("acme"), night).content_hash
    plan_hash = home.lake("acme").require(PLAN, night).content_hash
    reached = {"messages": {"measured": 3.0, "limit": 3.0}, "change": {"measured": None, "limit": 0.5}}
    home.approvals("acme").request(
        night,
        plan_hash=plan_hash,
        config_hash=config_hash,
        thresholds=json.loads(json.dumps({"reached": reached, "programmes": ["spring"]})),
        requested_by="run 1",
    )
    lease = Leases(home.control).acquire("dispatch", "run 1")
    send_ids = [str(row["send_id"]) for row in ROWS]
    rows = [OutboxRow(send_id, 1, "email", "out", NOT_BEFORE, NOT_AFTER) for send_id in send_ids]
    Outbox(home.control, "acme").enqueue(rows, night=night, lease=lease)
    HeldMessages(home.control, "acme").hold(send_ids[1:], "awaiting_approval", lease=lease)
    Leases(home.control).release(lease)
