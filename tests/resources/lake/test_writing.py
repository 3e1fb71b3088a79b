import json
import logging
from datetime import date

import polars as pl
import pytest

from resources.compute import InProcessCompute
from resources.control.leases import LeaseHeldError, StaleEpochError
from resources.lake.buckets import bucket
from resources.lake.errors import ContractBrokenError, CorruptVersionError


def test_staged_version_is_not_visible_before_publish(world) -> None:
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        writer.stage(world.scores, world.score_rows(0.5))
        assert world.lake.find(world.scores, world.night) is None
        writer.publish()
    assert world.rows(world.scores).equals(world.score_rows(0.5))


def test_leaving_without_publish_changes_nothing(world) -> None:
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        writer.stage(world.scores, world.score_rows(0.5))
    assert world.lake.find(world.scores, world.night) is None


def test_version_says_what_it_is(world) -> None:
    [version] = world.publish({world.scores: world.score_rows(0.5, 0.25)}, run_id="0123456789")
    assert version.table_id == "scoring/scores"
    assert version.partition == world.night
    assert version.name == "2025-01-02-e1-01234567"
    assert version.row_count == 2
    assert version.folder == world.root / "lake" / "shop" / "scoring" / "scores" / version.name
    assert not version.is_unchanged
    assert {entry.name for entry in version.folder.iterdir()} == {"manifest.json", "part-0000.parquet"}


def test_published_rows_are_sorted_by_primary_key(world) -> None:
    [version] = world.publish({world.scores: world.score_rows(0.1, 0.2, 0.3).reverse()})
    on_disk = pl.read_parquet(version.folder / "part-0000.parquet")
    assert on_disk["customer_id"].to_list() == [1, 2, 3]


def test_equal_rows_in_any_order_make_equal_bytes(world) -> None:
    rows = world.score_rows(*(step / 1000 for step in range(1000)))
    first, second = (
        world.publish({world.scores: shuffled}, on=on)[0]
        for on, shuffled in (
            (date(2025, 1, 1), rows.sample(fraction=1, shuffle=True, seed=1)),
            (date(2025, 1, 2), rows.sample(fraction=1, shuffle=True, seed=2).lazy()),
        )
    )
    files = [version.folder / "part-0000.parquet" for version in (first, second)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert first.content_hash == second.content_hash


def test_other_rows_have_another_content_hash(world) -> None:
    first = world.publish({world.scores: world.score_rows(0.5)})[0]
    second = world.publish({world.scores: world.score_rows(0.25)})[0]
    assert first.content_hash != second.content_hash


@pytest.mark.parametrize("name", ["scores", "addresses"])
def test_publishing_the_same_again_keeps_the_version(world, name: str) -> None:
    table = {"scores": world.scores, "addresses": world.addresses}[name]
    rows = world.score_rows(0.5) if name == "scores" else world.address_rows("a@b.example")
    first = world.publish({table: rows})[0]
    again = world.publish({table: rows}, run_id="other")[0]
    assert again.is_unchanged
    assert again.name == first.name
    assert [entry.name for entry in first.folder.parent.iterdir()] == [first.name]
    assert not list(world.layout.staging_folder.iterdir())


def test_same_rows_under_another_config_are_another_version(world) -> None:
    first = world.publish({world.scores: world.score_rows(0.5)}, config_hash="before")[0]
    again = world.publish({world.scores: world.score_rows(0.5)}, config_hash="after")[0]
    assert not again.is_unchanged
    assert again.name != first.name
    assert world.lake.require(world.scores, world.night).name == again.name


def test_a_version_is_never_touched_by_the_next(world) -> None:
    first = world.publish({world.scores: world.score_rows(0.5)})[0]
    before = {entry.name: entry.read_bytes() for entry in first.folder.iterdir()}
    world.publish({world.scores: world.score_rows(0.75)})
    assert {entry.name: entry.read_bytes() for entry in first.folder.iterdir()} == before


def test_broken_frame_never_replaces_a_good_version(world) -> None:
    world.publish({world.scores: world.score_rows(0.5)})
    with pytest.raises(ContractBrokenError) as refusal:
        world.publish({world.scores: world.score_rows(1.5, -2.0, 0.1)})
    assert str(refusal.value) == "2 rows break scoring/scores: value|max: 1, value|min: 1"
    assert world.rows(world.scores).equals(world.score_rows(0.5))
    assert not list(world.layout.staging_folder.iterdir())


def test_one_broken_table_holds_back_all_of_its_step(world) -> None:
    world.publish({world.totals: world.total_rows(a=1), world.scores: world.score_rows(0.5)})
    with pytest.raises(ContractBrokenError):
        world.publish({world.totals: world.total_rows(a=2), world.scores: world.score_rows(7.0)})
    assert world.rows(world.totals).equals(world.total_rows(a=1))


def test_refusal_never_shows_a_value(world) -> None:
    rows = world.address_rows("secret@canary.example", "").with_columns(
        customer_id=pl.lit(424242, dtype=pl.Int64)
    )
    with pytest.raises(ContractBrokenError) as refusal:
        world.publish({world.addresses: rows})
    assert str(refusal.value) == "2 rows break scoring/addresses: address|min_length: 1, primary_key: 2"


def test_manifest_tells_how_the_version_was_made(world) -> None:
    world.publish({world.totals: world.total_rows(a=1)}, on=date(2025, 1, 1))
    with world.lake.writing("scoring", world.night, run_id="run-7", config_hash="c7") as writer:
        world.lake.scan_latest(world.totals, before=world.night)
        version = writer.stage(world.scores, world.score_rows(0.5))
        writer.publish()
    written = json.loads((version.folder / "manifest.json").read_text())
    assert written["columns"] == {"workspace_id": "String", "customer_id": "Int64", "value": "Float64"}
    assert written["inputs"] == [
        {"table_id": "scoring/totals", "partition": "2025-01-01", "version": "2025-01-01-e1-run"}
    ]
    assert (written["config_hash"], written["run_id"], written["epoch"]) == ("c7", "run-7", 1)
    assert (written["row_count"], written["step"], written["code_version"]) == (1, "scoring", "0.1.0")
    assert written["data_keys"] == {}


def test_reads_through_a_pinned_view_are_inputs_too(world) -> None:
    world.publish({world.totals: world.total_rows(a=1)})
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        world.lake.pinned().scan(world.totals, world.night)
        version = writer.stage(world.scores, world.score_rows(0.5))
    inputs = world.reader.load("scoring/scores", version.name).inputs
    assert [source.table_id for source in inputs] == ["scoring/totals"]


def test_reads_outside_of_writing_are_no_input(world) -> None:
    world.publish({world.totals: world.total_rows(a=1)})
    world.lake.scan(world.totals, world.night)
    version = world.publish({world.scores: world.score_rows(0.5)})[0]
    world.lake.scan(world.totals, world.night)
    assert world.reader.load("scoring/scores", version.name).inputs == ()


def test_a_writer_that_lost_its_lease_publishes_nothing(world) -> None:
    world.publish({world.scores: world.score_rows(0.5)})
    with world.lake.writing("scoring", world.night, run_id="zombie", config_hash="c") as writer:
        writer.stage(world.scores, world.score_rows(0.75))
        world.leases.release(writer.lease)
        world.publish({world.scores: world.score_rows(0.25)}, run_id="heir")
        with pytest.raises(StaleEpochError):
            writer.publish()
    assert world.rows(world.scores).equals(world.score_rows(0.25))


def test_even_an_unchanged_publish_is_fenced(world) -> None:
    world.publish({world.scores: world.score_rows(0.5)})
    with world.lake.writing("scoring", world.night, run_id="zombie", config_hash="config") as writer:
        assert writer.stage(world.scores, world.score_rows(0.5)).is_unchanged
        world.leases.release(writer.lease)
        with pytest.raises(StaleEpochError):
            writer.publish()


def test_a_step_and_night_has_one_writer(world) -> None:
    with world.lake.writing("scoring", world.night, run_id="first", config_hash="c"):
        with (
            pytest.raises(LeaseHeldError),
            world.lake.writing("scoring", world.night, run_id="second", config_hash="c", wait_seconds=0),
        ):
            pytest.fail("two writers at once")
        with world.lake.writing("scoring", date(2025, 1, 3), run_id="other", config_hash="c", wait_seconds=0):
            pass


def test_a_table_is_staged_once(world) -> None:
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        writer.stage(world.scores, world.score_rows(0.5))
        with pytest.raises(ValueError, match="staged already"):
            writer.stage(world.scores, world.score_rows(0.5))


def test_publish_is_once_and_needs_something(world) -> None:
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        with pytest.raises(ValueError, match="nothing is staged"):
            writer.publish()
        writer.stage(world.scores, world.score_rows(0.5))
        writer.publish()
        with pytest.raises(ValueError, match="published already"):
            writer.publish()
        with pytest.raises(ValueError, match="is published"):
            writer.stage(world.totals, world.total_rows(a=1))


def test_empty_table_is_published_typed(world) -> None:
    version = world.publish({world.scores: world.score_rows()})[0]
    assert version.row_count == 0
    assert world.rows(world.scores).schema == world.scores.schema.create_empty().schema


@pytest.mark.parametrize("run_id", ["", "../../x", "a b"])
def test_a_run_id_cannot_leave_the_folder(world, run_id: str) -> None:
    with pytest.raises(ValueError, match="run id"):
        world.publish({world.scores: world.score_rows(0.5)}, run_id=run_id)


def test_a_failing_frame_surfaces_as_itself_and_leaves_no_draft(world) -> None:
    def fail(rows: pl.DataFrame) -> pl.DataFrame:
        raise RuntimeError("the stage is wrong")

    broken = world.score_rows(0.5).lazy().map_batches(fail, schema=world.score_rows().schema)
    with pytest.raises((RuntimeError, pl.exceptions.ComputeError), match="the stage is wrong"):
        world.publish({world.scores: broken})
    assert not list(world.layout.staging_folder.iterdir())


@pytest.mark.parametrize("victim", ["part-0000.parquet", "manifest.json"])
def test_equal_content_replaces_a_damaged_version(
    world, victim: str, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = world.publish({world.scores: world.score_rows(0.5)})[0]
    (damaged.folder / victim).write_bytes(b"rot")
    with pytest.raises(CorruptVersionError, match="run the night 2025-01-02 again"):
        world.rows(world.scores)
    with caplog.at_level(logging.WARNING):
        repaired = world.publish({world.scores: world.score_rows(0.5)})[0]
    assert not repaired.is_unchanged
    assert world.rows(world.scores).equals(world.score_rows(0.5))
    assert "is replaced now" in caplog.text


def test_append_refers_to_the_files_of_the_earlier_version(world) -> None:
    first = world.publish({world.scores: world.score_rows(0.1, 0.2)}, on=date(2025, 1, 1))[0]
    third_person = world.score_rows(0.1, 0.2, 0.3).tail(1)
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        second = writer.append(world.scores, third_person, to=first)
        writer.publish()
    assert [entry.name for entry in sorted(second.folder.glob("*.parquet"))] == ["part-0000.parquet"]
    assert pl.read_parquet(second.folder / "part-0000.parquet").height == 1
    assert second.row_count == 3
    assert world.rows(world.scores).equals(world.score_rows(0.1, 0.2, 0.3))
    assert world.rows(world.scores, date(2025, 1, 1)).equals(world.score_rows(0.1, 0.2))
    inputs = world.reader.load("scoring/scores", second.name).inputs
    assert [(one.partition, one.version) for one in inputs] == [(date(2025, 1, 1), first.name)]


@pytest.mark.parametrize("name", ["scores", "addresses"])
def test_appending_the_same_again_keeps_the_version(world, name: str) -> None:
    table = {"scores": world.scores, "addresses": world.addresses}[name]
    rows = (
        world.score_rows(0.1, 0.2) if name == "scores" else world.address_rows("a@x.example", "b@x.example")
    )
    first = world.publish({table: rows.head(1)}, on=date(2025, 1, 1))[0]
    names = []
    for run_id in ("one", "two"):
        with world.lake.writing("scoring", world.night, run_id=run_id, config_hash="c") as writer:
            names.append(writer.append(table, rows.tail(1), to=first).name)
            writer.publish()
    assert names[0] == names[1]
    assert world.rows(table).equals(rows)


def test_appending_nothing_adds_no_file(world) -> None:
    first = world.publish({world.scores: world.score_rows(0.1)}, on=date(2025, 1, 1))[0]
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        second = writer.append(world.scores, world.score_rows(), to=first)
        writer.publish()
    assert [entry.name for entry in second.folder.iterdir()] == ["manifest.json"]
    assert world.rows(world.scores).equals(world.score_rows(0.1))


def test_appending_a_known_key_breaks_the_contract(world) -> None:
    first = world.publish({world.scores: world.score_rows(0.1, 0.2)}, on=date(2025, 1, 1))[0]
    with (
        pytest.raises(ContractBrokenError, match="1 row breaks scoring/scores: primary_key: 1"),
        world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer,
    ):
        writer.append(world.scores, world.score_rows(0.9), to=first)
    assert world.lake.find(world.scores, world.night) is None


def test_append_refuses_a_version_of_another_table(world) -> None:
    other = world.publish({world.totals: world.total_rows(a=1)}, on=date(2025, 1, 1))[0]
    with (
        pytest.raises(ValueError, match="cannot go on from scoring/totals"),
        world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer,
    ):
        writer.append(world.scores, world.score_rows(0.9), to=other)


def test_append_refuses_a_damaged_earlier_version(world) -> None:
    first = world.publish({world.scores: world.score_rows(0.1)}, on=date(2025, 1, 1))[0]
    (first.folder / "part-0000.parquet").write_bytes(b"rot")
    with (
        pytest.raises(CorruptVersionError, match=r"part-0000\.parquet"),
        world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer,
    ):
        writer.append(world.scores, world.score_rows(0.1, 0.2).tail(1), to=first)


@pytest.mark.parametrize("name", ["totals", "addresses"])
def test_many_appends_end_in_one_file(world, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.lake.writing.MOST_FILES", 3)
    table = {"totals": world.totals, "addresses": world.addresses}[name]
    numbers = {f"m{day}": day for day in range(1, 6)}
    rows = world.total_rows(**numbers) if name == "totals" else world.address_rows(*numbers)
    version = world.publish({table: rows.head(1)}, on=date(2025, 1, 1))[0]
    file_counts = [1]
    for day in range(2, 6):
        with world.lake.writing("scoring", date(2025, 1, day), run_id="run", config_hash="c") as writer:
            version = writer.append(table, rows.slice(day - 1, 1), to=version)
            writer.publish()
        file_counts.append(len(world.reader.load(table.identifier, version.name).files))
        assert world.rows(table, date(2025, 1, day)).equals(rows.head(day))
    # The fourth file would be one too many: everything is written anew, then it grows again.
    assert file_counts == [1, 2, 3, 1, 2]


def _stage_by_bucket(world, rows, *, bucket_count: int, shift: int = 0):
    """Versions of the scores, computed for one bucket after the other; `shift` gives a bucket another's."""

    def of_bucket(number: int):
        return {world.scores: rows.lazy().filter(bucket(bucket_count) == (number + shift) % bucket_count)}

    with world.lake.writing("scoring", world.night, run_id="run", config_hash="config") as writer:
        staged = writer.stage_buckets(
            [world.scores], of_bucket, bucket_count=bucket_count, runner=InProcessCompute()
        )
        writer.publish()
    return staged[world.scores]


@pytest.mark.parametrize("bucket_count", [1, 4])
def test_rows_that_come_by_bucket_make_the_same_version(world, bucket_count: int) -> None:
    rows = world.score_rows(*(step / 100 for step in range(100)))
    [together] = world.publish({world.scores: rows}, on=date(2025, 1, 1), bucket_count=bucket_count)
    by_bucket = _stage_by_bucket(world, rows, bucket_count=bucket_count)
    assert by_bucket.content_hash == together.content_hash
    assert by_bucket.bucket_count == bucket_count
    assert world.rows(world.scores).equals(rows)


def test_a_person_of_another_bucket_is_refused(world) -> None:
    rows = world.score_rows(*(step / 100 for step in range(100)))
    with pytest.raises(ValueError, match="people are not of bucket 0"):
        _stage_by_bucket(world, rows, bucket_count=2, shift=1)
    assert list(world.layout.draft_entries()) == []
    assert world.lake.find(world.scores, world.night) is None


def test_a_broken_bucket_breaks_the_version(world) -> None:
    rows = world.score_rows(*(step / 50 for step in range(100)))
    with pytest.raises(ContractBrokenError, match="value"):
        _stage_by_bucket(world, rows, bucket_count=4)
    assert world.lake.find(world.scores, world.night) is None
