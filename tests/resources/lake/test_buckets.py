from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.expressions import digest
from resources.lake import buckets
from resources.lake.errors import ContractBrokenError

PEOPLE = 200


def publish_people(world, bucket_count: int, on: date | None = None):
    rows = world.score_rows(*[person / PEOPLE for person in range(PEOPLE)])
    return world.publish({world.scores: rows}, bucket_count=bucket_count, on=on or world.night)[0]


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1), st.sampled_from([1, 2, 8, 4096]))
def test_bucket_is_the_one_of_the_stages(people: list[int | None], count: int) -> None:
    rows = pl.DataFrame({"customer_id": people}, schema={"customer_id": pl.Int64})
    expected = rows.select(digest.bucket(pl.col("customer_id"), count)).to_series()
    assert rows.select(buckets.bucket(count)).to_series().equals(expected)


def test_one_file_per_bucket(world) -> None:
    version = publish_people(world, 4)
    assert sorted(path.name for path in version.folder.glob("*.parquet")) == [
        f"bucket-000{number}.parquet" for number in range(4)
    ]
    assert version.bucket_count == 4
    assert version.row_count == PEOPLE


def test_bucketed_rows_equal_unbucketed_ones(world) -> None:
    publish_people(world, 1, date(2025, 1, 1))
    publish_people(world, 8, date(2025, 1, 2))
    assert world.rows(world.scores, date(2025, 1, 1)).equals(world.rows(world.scores, date(2025, 1, 2)))


def test_buckets_part_the_people_and_files_are_sorted(world) -> None:
    version = publish_people(world, 4)
    seen = []
    for number in range(4):
        people = pl.read_parquet(version.folder / f"bucket-000{number}.parquet")["customer_id"]
        assert people.is_sorted()
        read = world.lake.scan(world.scores, world.night, bucket=number).collect()["customer_id"]
        assert sorted(read) == people.to_list()
        seen += people.to_list()
    assert sorted(seen) == list(range(1, PEOPLE + 1))


def test_reading_a_bucket_opens_only_its_file(world) -> None:
    version = publish_people(world, 4)
    (version.folder / "bucket-0003.parquet").write_bytes(b"rot")
    assert world.lake.scan(world.scores, world.night, bucket=2).collect().height > 0


@pytest.mark.parametrize("stored", [1, 2, 4, 8])
@pytest.mark.parametrize("wanted", [1, 2, 4, 8])
def test_any_count_can_be_read_from_any_other(world, stored: int, wanted: int) -> None:
    publish_people(world, stored)
    for number in range(wanted):
        read = world.lake.scan(world.scores, world.night, bucket=number, bucket_count=wanted).collect()
        of_bucket = digest.bucket(pl.col("customer_id"), wanted) == number
        expected = world.rows(world.scores).filter(of_bucket)
        assert read.sort("customer_id").equals(expected)


def test_earlier_nights_are_read_by_bucket(world) -> None:
    publish_people(world, 2, date(2025, 1, 1))
    publish_people(world, 4, date(2025, 1, 2))
    end = date(2025, 1, 3)
    latest = world.lake.scan_latest(world.scores, before=end, bucket=1, bucket_count=2).collect()
    history = world.lake.scan_history(
        world.scores, since=date(2025, 1, 1), until=end, bucket=1, bucket_count=2
    ).collect()
    assert history.height == 2 * latest.height > 0


def test_empty_buckets_have_typed_files(world) -> None:
    version = world.publish({world.scores: world.score_rows(0.5)}, bucket_count=8)[0]
    assert len(list(version.folder.glob("*.parquet"))) == 8
    heights = [world.lake.scan(world.scores, world.night, bucket=n).collect().height for n in range(8)]
    assert sorted(heights) == [0] * 7 + [1]


@pytest.mark.parametrize(
    ("bucket", "count", "problem"),
    [(4, None, "there are 4"), (-1, None, "there are 4"), (0, 3, "do not make 3")],
)
def test_impossible_buckets_are_refused(world, bucket: int, count: int | None, problem: str) -> None:
    publish_people(world, 4)
    with pytest.raises(ValueError, match=problem):
        world.lake.scan(world.scores, world.night, bucket=bucket, bucket_count=count)


def test_tables_without_people_stay_in_one_file(world) -> None:
    version = world.publish({world.totals: world.total_rows(a=1)}, bucket_count=4)[0]
    assert version.bucket_count == 1
    with pytest.raises(ValueError, match="has no customer_id"):
        world.lake.scan(world.totals, world.night, bucket=0)


def test_same_rows_in_other_buckets_are_another_version(world) -> None:
    publish_people(world, 2)
    assert not publish_people(world, 4).is_unchanged
    assert publish_people(world, 4).is_unchanged


def test_key_that_repeats_across_buckets_breaks_the_contract(world) -> None:
    visits = pl.DataFrame(
        {"workspace_id": "shop", "visit_id": ["v"] * 20, "customer_id": range(20)},
        schema_overrides={"customer_id": pl.Int64},
    )
    with pytest.raises(ContractBrokenError, match="20 rows break scoring/visits: primary_key: 20"):
        world.publish({world.visits: visits}, bucket_count=16)
    one_each = visits.unique("customer_id").with_columns(visit_id=pl.format("v{}", "customer_id"))
    assert world.publish({world.visits: one_each}, bucket_count=16)[0].row_count == 20


def test_append_keeps_the_buckets(world) -> None:
    first = publish_people(world, 4, date(2025, 1, 1))
    newcomers = world.score_rows(*[0.5] * (PEOPLE + 3)).tail(3)
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        second = writer.append(world.scores, newcomers, to=first)
        writer.publish()
    assert second.bucket_count == 4
    for number in range(4):
        people = world.lake.scan(world.scores, world.night, bucket=number).collect()
        assert (people.select(buckets.bucket(4)).to_series() == number).all()
    assert world.rows(world.scores).height == PEOPLE + 3
