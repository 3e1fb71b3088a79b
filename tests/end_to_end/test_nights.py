import os
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.contracts.source_tables import ORDERS
from pipelines.contracts.tables import (
    CUSTOMER_FEATURES,
    DISPATCH_LOG,
    ENROLMENTS,
    EXPOSURES,
    HELD_BACK,
    OUTCOMES,
    PLAN,
    PROOF,
    SEQUENCE_STATE,
)

NIGHT = date(2024, 3, 4)

World = Any
Contents = dict[tuple[str, date], pl.DataFrame]


def assert_same_rows(left: Contents, right: Contents) -> None:
    assert left.keys() == right.keys()
    for key, rows in left.items():
        assert_frame_equal(rows, right[key], check_exact=True)


def test_a_night_reads_decides_proves_and_hands_over(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.apply()
    assert world.run(NIGHT).success
    lake = world.lake
    orders = lake.scan(ORDERS, NIGHT).collect()
    features = lake.scan(CUSTOMER_FEATURES, NIGHT).collect()
    plan = lake.scan(PLAN, NIGHT).collect()
    assert orders["net_amount"].sum() == features["spend_amount"].sum()
    assert features.height == 40
    assert 0 < plan.height <= 11  # 8 e-mails and 3 texts
    assert plan["cost_amount"].sum() * 100 <= 20
    assert lake.scan(PROOF, NIGHT).collect()["is_held"].all()
    assert lake.scan(DISPATCH_LOG, NIGHT).collect()["status"].unique().to_list() == ["ACKED"]
    sent = b"".join(content for name, content in world.handed_over().items() if name.endswith(".csv"))
    assert all(send_id.encode() in sent for send_id in plan["send_id"])


def test_a_night_that_runs_again_changes_nothing_and_sends_nothing(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.apply()
    world.run(NIGHT)
    before, handed_over = world.contents(), world.handed_over()
    pointers = {table: world.lake.find(PLAN, NIGHT) for table in (PLAN,)}
    assert world.run(NIGHT).success
    assert_same_rows(before, world.contents())
    assert world.handed_over() == handed_over
    assert pointers == {table: world.lake.find(PLAN, NIGHT) for table in (PLAN,)}


@pytest.mark.slow
def test_fourteen_nights_follow_each_other_and_repeated_nights_leave_no_trace(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    world.apply()
    nights = [NIGHT + timedelta(days=day) for day in range(14)]
    for number, night in enumerate(nights):
        assert world.run(night).success
        if number in {4, 9}:
            contents, handed_over = world.contents(), world.handed_over()
            for again in (night, nights[number - 2]):
                assert world.run(again).success
            assert_same_rows(world.contents(), contents)
            assert world.handed_over() == handed_over
    lake, last = world.lake, nights[-1]
    assert lake.scan(ENROLMENTS, last).collect()["status"].n_unique() > 1
    assert lake.scan(SEQUENCE_STATE, last).collect()["step_number"].max() == 2
    closed = lake.scan(EXPOSURES, last - timedelta(days=5)).collect()
    assert lake.scan(OUTCOMES, last).collect().height == closed.height > 0
    assert lake.scan(HELD_BACK, last).collect()["decision_count"].sum() > 0
    per_person = lake.scan_history(PLAN, since=nights[0], until=last + timedelta(days=1)).collect()
    assert per_person["send_id"].n_unique() == per_person.height


def test_incremental_nights_read_what_one_night_reads_at_once(make_world: Callable[..., World]) -> None:
    daily, once = make_world("daily"), make_world("once")
    for world, nights in ((daily, range(3)), (once, range(2, 3))):
        os.environ["ONWARD_HOME"] = str(world.home)
        os.environ["ONWARD_WORKSPACE"] = str(world.workspace)
        world.apply()
        for day in nights:
            assert world.run(NIGHT + timedelta(days=day)).success
    last = NIGHT + timedelta(days=2)
    for table in (ORDERS, CUSTOMER_FEATURES):
        rows = [world.lake.scan(table, last).collect() for world in (daily, once)]
        assert_frame_equal(*rows, check_row_order=False)


def test_a_past_night_after_a_later_one_plans_but_hands_nothing_over(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    world.apply()
    world.run(NIGHT + timedelta(days=1))
    handed_over = world.handed_over()
    assert world.run(NIGHT).success
    log = world.lake.scan(DISPATCH_LOG, NIGHT).collect()
    assert log["reason"].unique().to_list() == ["later_night_dispatched"]
    assert world.handed_over() == handed_over


def test_no_address_leaves_the_encrypted_lake(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.apply()
    assert world.run(NIGHT).success
    files = [path for path in world.home.rglob("*") if path.is_file()]
    canaries = (b"canary", b"CANARY", b"+1202555")
    assert [path for path in files if any(canary in path.read_bytes() for canary in canaries)] == []
    mails = pl.concat([rows for (name, _), rows in world.contents().items() if name == "ingestion/customers"])
    assert "canary07@example.com" in mails["email"].to_list()
