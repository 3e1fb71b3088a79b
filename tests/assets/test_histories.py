"""Histories as they run: night after night, against what a join over everything gives."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.histories import STEPS, assign_histories, compare_orders
from assets.partitions import as_of_end
from assets.steps import Night, StepOutput
from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import EVENTS, ORDER_LINES, ORDERS
from pipelines.contracts.tables import ACTIVITIES, CUSTOMER_LINKS, PURCHASE_LINES, PURCHASES
from resources.home import Home
from resources.settings import read_environment

FIRST = date(2024, 3, 4)
SECOND, THIRD = FIRST + timedelta(days=1), FIRST + timedelta(days=2)
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
HISTORIES = (PURCHASES, PURCHASE_LINES, ACTIVITIES)

Rows = list[dict[str, Any]]


def frame_of(table: Table, rows: Rows) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in table.schema.columns().items()}
    filled = [dict.fromkeys(schema) | {"workspace_id": "acme", "source": "main"} | row for row in rows]
    return pl.DataFrame([{name: row[name] for name in schema} for row in filled], schema=schema)


def links(**people: int) -> pl.DataFrame:
    return frame_of(
        CUSTOMER_LINKS,
        [
            {
                "customer_ref": ref,
                "customer_id": person,
                "method": "own",
                "confidence": 1.0,
                "linked_on": FIRST,
            }
            for ref, person in people.items()
        ],
    )


def orders(*numbers: int) -> pl.DataFrame:
    return frame_of(
        ORDERS,
        [
            {
                "order_id": f"o{number}",
                "customer_ref": f"c{number % 10}",
                "ordered_at": NOON + timedelta(minutes=number),
                "net_amount": Decimal(f"{number}.50"),
            }
            for number in numbers
        ],
    )


def lines(*numbers: int) -> pl.DataFrame:
    return frame_of(
        ORDER_LINES,
        [
            {
                "order_id": f"o{number}",
                "line_number": line,
                "product_id": f"p{line}",
                "quantity": 1.0,
                "net_amount": Decimal("1.00"),
            }
            for number in numbers
            for line in range(2)
        ],
    )


def events(*numbers: int) -> pl.DataFrame:
    return frame_of(
        EVENTS,
        [
            {
                "event_id": f"e{number}",
                "event_type": "open",
                "customer_ref": None if number % 10 == 9 else f"c{number % 10}",
                "occurred_at": NOON + timedelta(minutes=number),
                "email": "someone@example.com",
            }
            for number in numbers
        ],
    )


class Shop:
    """A lake whose source tables are put there by hand; appended to where nothing else changed."""

    def __init__(self, folder: Path, home: Home, *, bucket_count: int) -> None:
        self.folder, self.home, self.bucket_count = folder, home, bucket_count

    def night(self, on: date) -> Night:
        workspace = WorkspaceSettings(
            version=1, workspace="acme", time_zone="UTC", currency="USD", bucket_count=self.bucket_count
        )
        connector = ConnectorSettings(connections={}, sources={})
        return Night(
            on=on,
            as_of=as_of_end(on, workspace),
            config=NightConfig(workspace=workspace, connector=connector),
            home=self.home,
            lake=self.home.lake("acme"),
            lease=None,
            workspace_folder=self.folder,
            run_id="run",
            log=logging.getLogger("test"),
        )

    def publish(
        self,
        step: str,
        on: date,
        compute: Callable[[Night], StepOutput],
    ) -> StepOutput:
        night = self.night(on)
        with night.lake.writing(step, on, run_id="run", config_hash="config") as writer:
            output = compute(replace(night, lease=writer.lease))
            for table, rows in output.frames.items():
                writer.stage(table, rows, bucket_count=self.bucket_count)
            for table, (rows, earlier) in output.appended.items():
                writer.append(table, rows, to=earlier)
            writer.publish()
        return output

    def sources(self, on: date, linked: pl.DataFrame, *whole: pl.DataFrame) -> None:
        """Tables as of a night; rows that the night before had too are referred to."""

        def grow(night: Night) -> StepOutput:
            frames, appended = {}, {}
            for table, rows in zip((ORDERS, ORDER_LINES, EVENTS), whole, strict=True):
                earlier = night.lake.find_latest(table, before=on)
                known = night.earlier(table).collect()
                key = table.schema.primary_key()
                if (
                    earlier is not None
                    and known.join(rows, on=rows.columns, how="anti", nulls_equal=True).is_empty()
                ):
                    appended[table] = (rows.join(known, on=key, how="anti"), earlier)
                else:
                    frames[table] = rows
            return StepOutput(frames=frames, appended=appended)

        self.publish("ingestion", on, grow)
        self.publish("identity", on, lambda _: StepOutput(frames={CUSTOMER_LINKS: linked}))

    def carry(self, on: date) -> set[Table]:
        """Runs the step; returns the tables that went on from the night before."""
        output = self.publish("histories", on, assign_histories)
        assert output.verdicts["no_purchase_lost"].is_held
        return set(output.appended)

    def holds_what_a_join_gives(self, on: date) -> None:
        night = self.night(on)
        people = night.read(CUSTOMER_LINKS).select("source", "customer_ref", "customer_id").collect()
        placed = night.read(ORDERS).collect().join(people, on=["source", "customer_ref"])
        bought = (
            night.read(ORDER_LINES)
            .collect()
            .join(placed.select("order_id", "customer_id", "ordered_at"), on="order_id")
        )
        happened = night.read(EVENTS).collect().join(people, on=["source", "customer_ref"])
        for table, rows in zip(HISTORIES, (placed, bought, happened), strict=True):
            wanted = rows.select(table.schema.column_names())
            assert_frame_equal(night.read(table).collect(), wanted, check_row_order=False)


@pytest.fixture(params=[1, 4], ids=["one bucket", "four buckets"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    home = Home(read_environment({"ONWARD_HOME": str(tmp_path / "home")}))
    return Shop(tmp_path, home, bucket_count=request.param)


EVERYONE = {f"c{digit}": digit % 4 for digit in range(8)}


def begin(shop: Shop) -> None:
    shop.sources(FIRST, links(**EVERYONE), orders(*range(40)), lines(*range(40)), events(*range(30)))
    assert shop.carry(FIRST) == set()
    shop.holds_what_a_join_gives(FIRST)


def test_the_first_night_gives_rows_to_people(shop: Shop) -> None:
    begin(shop)
    bought = shop.night(FIRST).read(PURCHASES).collect()
    assert bought.height == 32
    assert bought.filter(order_id="o13").select("customer_id", "net_amount").rows() == [(3, Decimal("13.50"))]


def test_a_night_goes_on_from_the_one_before(shop: Shop) -> None:
    begin(shop)
    shop.sources(SECOND, links(**EVERYONE), orders(*range(55)), lines(*range(55)), events(*range(41)))
    assert shop.carry(SECOND) == set(HISTORIES)
    shop.holds_what_a_join_gives(SECOND)


def test_old_rows_of_a_record_that_is_linked_late_come_along(shop: Shop) -> None:
    begin(shop)
    shop.sources(SECOND, links(**EVERYONE, c8=8), orders(*range(41)), lines(*range(41)), events(*range(30)))
    assert shop.carry(SECOND) == set(HISTORIES)
    shop.holds_what_a_join_gives(SECOND)
    assert shop.night(SECOND).read(PURCHASES).filter(pl.col("customer_id") == 8).collect().height == 4


def test_records_that_move_to_another_person_take_all_rows_along(shop: Shop) -> None:
    begin(shop)
    shop.sources(
        SECOND, links(**(EVERYONE | {"c4": 1})), orders(*range(41)), lines(*range(41)), events(*range(30))
    )
    assert shop.carry(SECOND) == set()
    shop.holds_what_a_join_gives(SECOND)


def test_records_that_are_no_longer_linked_lose_their_rows(shop: Shop) -> None:
    begin(shop)
    fewer = {ref: person for ref, person in EVERYONE.items() if ref != "c3"}
    shop.sources(SECOND, links(**fewer), orders(*range(40)), lines(*range(40)), events(*range(30)))
    assert shop.carry(SECOND) == set()
    shop.holds_what_a_join_gives(SECOND)


def test_a_changed_order_is_not_carried_on(shop: Shop) -> None:
    begin(shop)
    changed = orders(*range(40)).with_columns(net_amount=-pl.col("net_amount"))
    shop.sources(SECOND, links(**EVERYONE), changed, lines(*range(40)), events(*range(31)))
    assert shop.carry(SECOND) == {ACTIVITIES}
    shop.holds_what_a_join_gives(SECOND)


def test_lines_that_changed_alone_are_made_anew(shop: Shop) -> None:
    begin(shop)
    shop.sources(SECOND, links(**EVERYONE), orders(*range(44)), lines(*range(1, 44)), events(*range(30)))
    assert shop.carry(SECOND) == {PURCHASES, ACTIVITIES}
    shop.holds_what_a_join_gives(SECOND)


def test_nights_that_were_left_out_do_not_matter(shop: Shop) -> None:
    begin(shop)
    shop.sources(SECOND, links(**EVERYONE), orders(*range(44)), lines(*range(44)), events(*range(30)))
    shop.sources(THIRD, links(**EVERYONE), orders(*range(50)), lines(*range(50)), events(*range(35)))
    assert shop.carry(THIRD) == set(HISTORIES)
    shop.holds_what_a_join_gives(THIRD)


def test_another_number_of_buckets_makes_everything_anew(shop: Shop) -> None:
    begin(shop)
    shop.bucket_count = 2
    shop.sources(SECOND, links(**EVERYONE), orders(*range(40)), lines(*range(40)), events(*range(30)))
    assert shop.carry(SECOND) == set()
    shop.holds_what_a_join_gives(SECOND)
    assert shop.night(SECOND).lake.require(PURCHASES, SECOND).bucket_count == 2


def test_the_same_night_again_is_the_same(shop: Shop) -> None:
    begin(shop)
    shop.sources(SECOND, links(**EVERYONE), orders(*range(55)), lines(*range(55)), events(*range(41)))
    shop.carry(SECOND)
    before = [shop.night(SECOND).lake.require(table, SECOND) for table in HISTORIES]
    shop.carry(SECOND)
    after = [shop.night(SECOND).lake.require(table, SECOND) for table in HISTORIES]
    assert [one.content_hash for one in after] == [one.content_hash for one in before]


def test_no_address_of_an_event_is_kept() -> None:
    assert not {"email", "phone", "device_id", "properties"} & set(ACTIVITIES.schema.column_names())
    assert STEPS[0].publishes == HISTORIES


@pytest.mark.parametrize(
    "spoilt",
    [
        pl.col("order_id") != "o3",
        pl.col("net_amount") > 1,
    ],
    ids=["one is missing", "small ones are missing"],
)
def test_a_lost_purchase_is_noticed(shop: Shop, spoilt: pl.Expr) -> None:
    begin(shop)
    night = shop.night(FIRST)
    assert compare_orders(night, night.read(PURCHASES)).is_held
    assert not compare_orders(night, night.read(PURCHASES).filter(spoilt)).is_held


def test_a_changed_amount_is_noticed(shop: Shop) -> None:
    begin(shop)
    night = shop.night(FIRST)
    dearer = night.read(PURCHASES).with_columns(net_amount=pl.col("net_amount") * 2)
    assert not compare_orders(night, dearer).is_held


def test_a_step_of_buckets_asks_nothing_of_everyone() -> None:
    with pytest.raises(ValueError, match="has no expectations"):
        replace(STEPS[0], is_bucketed=True)
