"""Two nights of a small world, written by the write-back and built by dbt, in any warehouse.

Three people on the first night: 1 gets a message, 2 is held out, 3 loses to the
budget. On the second night their window of one day is closed.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import dataframely as dy
import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connections import Connection
from pipelines.contracts.tables import TABLES
from resources.dbt import PROJECT_FOLDER, build_arguments, dbt_variables
from resources.warehouses.open import open_warehouse
from resources.write_back.writing import PublishedTable, write_back

FIRST, SECOND = date(2024, 3, 1), date(2024, 3, 2)
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
JOURNEYS = "033-omnichannel-journey-orchestrator"
SEQUENCES = "035-sequential-messaging-engine"
OFFERS = "041-hyper-personalization-engine"
WRITTEN_BACK = {table.name: table for table in TABLES if table.is_written_back}

Rows = Mapping[str, Sequence[object]]


def digits(number: int) -> str:
    return f"{number:032x}"


def decisions(*rows: tuple[int, int, str, str, str, float]) -> Rows:
    names = ("decision_id", "customer_id", "product", "programme", "outcome", "value")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    columns["decision_id"] = [digits(number) for number in columns["decision_id"]]
    return columns | {
        "candidate_count": [4] * len(rows),
        "eligible_count": [3] * len(rows),
        "programme_version": [2] * len(rows),
    }


def message(number: int, product: str, programme: str, channel: str, *, cost: str, value: float) -> Rows:
    return {
        "send_id": [digits(number)],
        "customer_id": [1],
        "product": [product],
        "programme": [programme],
        "node_id": ["hello"],
        "channel": [channel],
        "cost_amount": [Decimal(cost)],
        "value": [value],
    }


def exposures(night: date, *rows: tuple[str, str, int, str, int, str, float]) -> Rows:
    names = (
        "product", "programme", "customer_id", "arm", "message_count", "cost_amount", "predicted_value",
    )  # fmt: skip
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    return columns | {"exposed_on": [night] * len(rows), "cost_amount": [Decimal(row[5]) for row in rows]}


def features(*orders: int) -> Rows:
    return {
        "customer_id": list(range(1, len(orders) + 1)),
        "order_count": list(orders),
        "order_count_28d": [min(count, 1) for count in orders],
        "spend_amount": [Decimal(10 * count) for count in orders],
        "spend_28d_amount": [Decimal("10.10") if count else Decimal(0) for count in orders],
        "recency_days": [3 if count else None for count in orders],
    }


def expectations() -> Rows:
    return {
        "customer_id": [1, 2, 3],
        "expected_spend_28d": [10.5, 0.25, 1.0],
        "active_28d_probability": [0.75, 0.25, 0.5],
    }


FIRST_NIGHT: dict[str, Rows] = {
    "rejected_rows": {"table": ["orders"] * 2, "row_key": ["a", "a"], "rule": ["x|min", "y|min"]},
    "customer_features": features(2, 0, 1),
    "customer_value": expectations(),
    "segment_sizes": {"segment": ["loyal"], "member_count": [2], "entered_count": [2], "left_count": [0]},
    "decisions": decisions(
        (1, 1, JOURNEYS, "spring", "planned", 0.5),
        (2, 2, JOURNEYS, "spring", "holdout", 0.0),
        (3, 3, JOURNEYS, "spring", "budget", 0.0),
    ),
    "plan": message(11, JOURNEYS, "spring", "email", cost="0.10", value=0.5),
    "dispatch_log": {"send_id": [digits(11)], "status": ["ACKED"]},
    "held_back": {
        "product": [JOURNEYS] * 2,
        "programme": ["spring"] * 2,
        "outcome": ["holdout", "budget"],
        "rule": ["", "monthly"],
        "decision_count": [1, 1],
    },
    "exposures": exposures(
        FIRST,
        (JOURNEYS, "spring", 1, "treated", 1, "0.10", 0.5),
        (JOURNEYS, "spring", 2, "holdout", 0, "0.00", 0.0),
        (JOURNEYS, "spring", 3, "not_selected", 0, "0.00", 0.0),
    ),
    "limit_prices": {
        "limit_name": ["monthly", "post"],
        "kind": ["budget", "capacity"],
        "limit_value": [0.4, 0.0],
        "used_value": [0.1, 0.0],
        "turned_away_count": [1, 0],
        "price": [0.25, 0.0],
    },
    "transitions": {
        "transition_id": [digits(1), digits(2)],
        "journey": ["spring"] * 2,
        "from_node_id": [None, "hello"],
        "to_node_id": ["hello", "pause"],
        "reason": ["entered", "planned"],
    },
    "enrolments": {
        "enrolment_id": [digits(1), digits(2)],
        "journey": ["spring"] * 2,
        "node_id": ["pause", "pause"],
        "status": ["active", "completed"],
        "is_ghost": [False, False],
    },
    "funnel": {"stage": ["ingestion", "planning"], "measure": ["orders", "cost"], "value": [7.0, 0.1]},
}
SECOND_NIGHT: dict[str, Rows] = {
    "customer_features": features(3, 0, 1),
    "customer_value": expectations(),
    "product_affinity": {"customer_id": [1, 1], "category": ["tea", "coffee"], "affinity_rank": [1, 2]},
    "traits": {"customer_id": [1, 2], "trait": ["lifecycle"] * 2, "value": ["active", None]},
    "memberships": {
        "customer_id": [1, 3],
        "segment": ["loyal"] * 2,
        "entered_on": [FIRST] * 2,
        "left_on": [None, SECOND],
    },
    "decisions": decisions(
        (4, 1, OFFERS, "offers", "planned", 0.25), (5, 2, OFFERS, "offers", "holdout", 0.0)
    ),
    "plan": message(12, OFFERS, "offers", "sms", cost="0.02", value=0.25),
    "dispatch_log": {"send_id": [digits(12)], "status": ["CANCELLED"]},
    "exposures": exposures(
        SECOND,
        (OFFERS, "offers", 1, "treated", 1, "0.02", 0.25),
        (OFFERS, "offers", 2, "holdout", 0, "0.00", 0.0),
    ),
    "outcomes": {
        "exposed_on": [FIRST] * 3,
        "product": [JOURNEYS] * 3,
        "programme": ["spring"] * 3,
        "customer_id": [1, 2, 3],
        "arm": ["treated", "holdout", "not_selected"],
        "window_days": [1] * 3,
        "order_count": [1, 0, 1],
        "spend_amount": [Decimal("12.50"), Decimal("0.00"), Decimal("3.00")],
        "is_converted": [True, False, True],
    },
    "sequence_state": {
        "sequence": ["winback"] * 3,
        "customer_id": [1, 2, 3],
        "entered_on": [SECOND, FIRST, FIRST],
        "status": ["active", "active", "exited"],
        "is_ghost": [False, True, False],
        "pending_decision_id": [digits(1), None, None],
        "ended_on": [None, None, SECOND],
    },
}


def fill(table: Table, rows: Rows) -> pl.DataFrame:
    """Rows of a table; columns that do not matter are drawn, always the same."""
    count = len(next(iter(rows.values()), ()))
    drawn = table.schema.sample(count, generator=dy.random.Generator(7))
    given = {
        name: pl.Series(name, list(values), table.schema.columns()[name].dtype)
        for name, values in rows.items()
    }
    return drawn.with_columns(workspace_id=pl.lit("acme")).with_columns(**given)


def write(target: Connection, night: date, content: Mapping[str, Rows]) -> None:
    published = [
        PublishedTable(table, rows := fill(table, content.get(name, {})), version_of(rows))
        for name, table in WRITTEN_BACK.items()
    ]
    with open_warehouse(target, name="crm", workspace_folder=Path(), is_read_only=False) as warehouse:
        write_back(published, warehouse=warehouse, target_name="crm", workspace_id="acme", night=night)


def version_of(rows: pl.DataFrame) -> str:
    return str(rows.hash_rows().sum())


def build(home: Path, target: Connection, *, with_unit_tests: bool) -> str:
    environment = {**os.environ, **dbt_variables(home, target=target)}
    places = ["--project-dir", str(PROJECT_FOLDER), "--profiles-dir", str(PROJECT_FOLDER)]
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "--warn-error"]
    finished = subprocess.run(
        [*command, *build_arguments(with_unit_tests=with_unit_tests), *places, "--target", target.kind],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout
