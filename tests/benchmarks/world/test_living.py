"""What a world writes: contracts, times, and the same in every arm that does the same."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks.closed_loop import PERSONALIZATION, USUAL, offered
from benchmarks.world.living import World
from benchmarks.world.people import create_people
from benchmarks.world.shopping import INSTANT, shop
from benchmarks.world.source import CLOCKS, due_and_waiting
from benchmarks.world.truth import Truth
from benchmarks.world.workspace import Limits, Offered, workspace_files, write_workspace
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.expressions.money import AMOUNT
from resources.control.workspace.reading import read_workspace

TRUTH = replace(Truth(), person_count=60, history_days=30)
NOBODY = np.zeros(0, np.int64)


def planned(truth: Truth, people: np.ndarray, *, day: int, offer: str = "wine") -> pl.DataFrame:
    """E-mails at eleven to some people."""
    return pl.DataFrame(
        {
            "send_id": [f"s{day}-{number}" for number in people],
            "customer_ref": [f"c{number:06d}" for number in people],
        },
        schema={"send_id": pl.String, "customer_ref": pl.String},
    ).with_columns(
        offer_id=pl.lit(offer),
        channel=pl.lit("email"),
        template_id=pl.lit("letter_by_mail"),
        not_before=pl.lit(truth.start_of(day) + timedelta(hours=11), INSTANT),
        propensity=pl.lit(0.5),
    )


def tables(path: Path) -> dict[str, pl.DataFrame]:
    with duckdb.connect(path, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {name: connection.sql(f"SELECT * FROM shop.{name}").pl() for name in names}


def begun(path: Path, truth: Truth = TRUTH) -> World:
    world = World(truth, path)
    world.begin()
    return world


def agreeable(world: World) -> np.ndarray:
    return np.flatnonzero(world.condition.consents[:, 0])


def test_the_file_has_the_tables_and_columns_of_the_contracts(tmp_path: Path) -> None:
    begun(tmp_path / "one.duckdb")
    written = tables(tmp_path / "one.duckdb")
    assert set(written) <= set(SOURCE_TABLES)
    for name, rows in written.items():
        contract = SOURCE_TABLES[name].schema
        assert set(rows.columns) <= set(contract.columns())
        missing = {
            column
            for column, terms in contract.columns().items()
            if not terms.nullable and column not in rows
        }
        assert missing <= {"workspace_id", "source"}
        keys = [column for column in contract.primary_key() if column in rows]
        assert not rows.select(keys).is_duplicated().any()


def test_lines_add_up_to_their_orders_to_the_cent(tmp_path: Path) -> None:
    world = begun(tmp_path / "one.duckdb")
    for day in range(1, 6):
        world.live(planned(TRUTH, agreeable(world)[:20], day=day))
    written = tables(tmp_path / "one.duckdb")
    assert (written["order_lines"]["net_amount"] % 1 != 0).any()
    sums = (
        written["order_lines"]
        .group_by("order_id")
        .agg(pl.col("net_amount").sum().cast(AMOUNT))
        .sort("order_id")
    )
    assert_frame_equal(sums, written["orders"].select("order_id", "net_amount").sort("order_id"))


def test_nothing_is_written_before_it_happened_and_everything_after(tmp_path: Path) -> None:
    truth = replace(TRUTH, base_click_rate=0.5, conversion_rate=1.0, conversion_delay_mean_days=0.7)
    world = begun(tmp_path / "one.duckdb", truth)
    outcomes = world.live(planned(truth, agreeable(world), day=1))
    ends = truth.start_of(2)
    for name, rows in tables(tmp_path / "one.duckdb").items():
        if name in CLOCKS:
            assert (rows[CLOCKS[name]] < ends).all()
    by_messages = "order_id LIKE 'm-%'"
    with duckdb.connect(tmp_path / "one.duckdb") as connection:
        at_once = connection.sql(f"SELECT count(*) FROM shop.orders WHERE {by_messages}").fetchall()[0][0]
    for day in range(2, 9):
        world.live(planned(truth, NOBODY, day=day))
    with duckdb.connect(tmp_path / "one.duckdb") as connection:
        later, dates = connection.sql(
            f"SELECT count(*), count(DISTINCT ordered_at::date) FROM shop.orders WHERE {by_messages}"
        ).fetchall()[0]
    hours = 11 + outcomes.click_delay + outcomes.conversion_delay
    assert at_once == (outcomes.is_converted & (hours < 24)).sum()
    assert later == outcomes.is_converted.sum() > at_once
    assert dates > 2


def test_answers_carry_the_send_and_come_after_it(tmp_path: Path) -> None:
    truth = replace(TRUTH, base_click_rate=0.5, unsubscribe_rate=0.3)
    world = begun(tmp_path / "one.duckdb", truth)
    outcomes = world.live(planned(truth, agreeable(world), day=1))
    for day in range(2, 9):
        world.live(planned(truth, NOBODY, day=day))
    written = tables(tmp_path / "one.duckdb")
    answers = written["events"].filter(pl.col("message_id").str.starts_with("s1-"))
    counts = dict(answers.group_by("event_type").len().iter_rows())
    assert counts == {
        "click": outcomes.is_clicked.sum(),
        "visit": outcomes.is_visited.sum(),
        "unsubscribe": outcomes.is_unsubscribed.sum(),
    }
    assert (answers["occurred_at"] > truth.start_of(1) + timedelta(hours=11)).all()
    sent = written["messages"].filter(pl.col("message_id").str.starts_with("s1-"))
    assert sent.height == len(agreeable(begun(tmp_path / "two.duckdb", truth)))
    assert sent["propensity"].unique().to_list() == [0.5]
    withdrawn = written["consents"].filter(pl.col("status") == "withdrawn")
    gone = answers.filter(pl.col("event_type") == "unsubscribe")
    assert sorted(withdrawn["customer_ref"]) == sorted(gone["customer_ref"])
    assert (world.condition.consents[:, 0].sum()) == sent.height - gone.height


def test_arms_differ_by_what_messages_did_and_by_nothing_else(tmp_path: Path) -> None:
    silent, loud = begun(tmp_path / "silent.duckdb"), begun(tmp_path / "loud.duckdb")
    for day in range(1, 8):
        silent.live(planned(TRUTH, NOBODY, day=day))
        loud.live(planned(TRUTH, agreeable(loud)[day::4], day=day))
    without, with_messages = tables(tmp_path / "silent.duckdb"), tables(tmp_path / "loud.duckdb")
    own = {
        "orders": ~pl.col("order_id").str.starts_with("m-"),
        "order_lines": ~pl.col("order_id").str.starts_with("m-"),
        "events": ~pl.col("message_id").fill_null("").str.starts_with("s"),
        "messages": ~pl.col("message_id").str.starts_with("s"),
        "consents": pl.col("status") != "withdrawn",
    }
    for name, rows in without.items():
        kept = with_messages[name].filter(own.get(name, pl.lit(True)))
        assert_frame_equal(kept, rows, check_row_order=False)
    assert with_messages["messages"].height > without["messages"].height
    assert silent.tally.total("messages") == 0


def test_a_world_is_written_twice_alike(tmp_path: Path) -> None:
    for name in ("one", "two"):
        world = begun(tmp_path / f"{name}.duckdb")
        world.live(planned(TRUTH, agreeable(world)[:9], day=1))
    first, second = (tables(tmp_path / f"{name}.duckdb") for name in ("one", "two"))
    assert first.keys() == second.keys()
    for name, rows in first.items():
        assert_frame_equal(rows, second[name], check_row_order=False)


def test_people_shop_at_their_rate_until_they_stop_and_at_their_hours() -> None:
    truth = replace(Truth(), person_count=500)
    people, days = create_people(truth), np.arange(-100, 0)
    shopping = shop(truth, people, days)
    alive_days = np.clip(np.floor(people.alive_days - 50) + 1, 0, 100)
    expected = float((people.order_rate * alive_days).sum())
    assert abs(shopping.orders.height - expected) < 4 * np.sqrt(expected)
    assert abs(shopping.visits.height - 0.6 * expected) < 4 * np.sqrt(0.6 * expected)
    number = shopping.orders["customer_ref"].str.slice(1).cast(pl.Int64).to_numpy()
    apart = shopping.orders["ordered_at"].dt.hour().to_numpy() - people.hour[number]
    assert np.abs(apart).mean() < 1.2
    per_order = shopping.lines.height / shopping.orders.height
    assert per_order == pytest.approx(1 + 1.5, abs=0.06)


def test_one_day_is_part_of_many() -> None:
    people = create_people(TRUTH)
    one, many = shop(TRUTH, people, np.array([4])), shop(TRUTH, people, np.arange(2, 7))
    day = pl.col("ordered_at").dt.date() == TRUTH.start_of(4).date()
    assert_frame_equal(one.orders, many.orders.filter(day), check_row_order=False)


def test_lines_wait_for_their_order() -> None:
    start = TRUTH.start_of(0)
    rows = {
        "orders": pl.DataFrame(
            {"order_id": ["a", "b"], "ordered_at": [start, start + timedelta(days=1)]}
        ).cast({"ordered_at": INSTANT}),
        "order_lines": pl.DataFrame({"order_id": ["a", "b", "b"]}),
        "products": pl.DataFrame({"product_id": ["x"]}),
    }
    due, waiting = due_and_waiting(rows, start + timedelta(days=1))
    assert {name: frame.height for name, frame in due.items()} == {
        "orders": 1,
        "order_lines": 1,
        "products": 1,
    }
    assert {name: frame.height for name, frame in waiting.items()} == {
        "orders": 1,
        "order_lines": 2,
        "products": 0,
    }


def test_the_settings_of_an_arm_hold_the_truth_that_a_manager_would_know() -> None:
    limits = Limits(capacity_shares=(("email", 0.5), ("post", 0.1)), plan_share=0.5)
    files = workspace_files(TRUTH, limits, Offered(offers=["wine"], templates=["printed_card"]))
    assert "capacity: {email: 30, post: 6}" in files["guardrails.yml"]
    assert "maximum_plan_size: 30" in files["guardrails.yml"]
    assert "offers: [wine]" in files["personalization.yml"]
    assert (
        "wine: {name: Something off wine, category: wine, discount_rate: 0.1, margin_rate: 0.38}"
        in (files["catalogue.yml"])
    )


@pytest.mark.parametrize("objective", ["clicks", "margin"])
@pytest.mark.parametrize("arm", [PERSONALIZATION, USUAL])
def test_the_workspace_of_an_arm_is_valid(arm: str, objective: str, tmp_path: Path) -> None:
    write_workspace(tmp_path, workspace_files(TRUTH, Limits(), offered(TRUTH, objective)[arm]))
    reading = read_workspace(tmp_path, environment={})
    assert not reading.problems
    assert reading.config is not None
    campaign = reading.config.personalization.campaigns["next_best"]
    assert campaign.objective == objective
    offers = {PERSONALIZATION: len(TRUTH.categories), USUAL: 1}[arm]
    assert (len(campaign.offers), len(campaign.templates)) == (offers, 3 if offers > 1 else 1)
