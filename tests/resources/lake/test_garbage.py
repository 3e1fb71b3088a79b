import os
import time
from datetime import date

import polars as pl
import pytest

from resources.lake.garbage import GarbageCollector


def versions_on_disk(world) -> list[str]:
    return world.layout.version_names("scoring/scores")


def age(world, hours: float) -> None:
    """Everything that a collection looks at becomes older."""
    then = time.time() - hours * 3600
    for folder in (world.layout.workspace_folder / ".unreachable", world.layout.staging_folder):
        for entry in folder.iterdir() if folder.exists() else ():
            os.utime(entry, (then, then))


def test_superseded_versions_go_and_current_ones_stay(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)})
    current = world.publish({world.scores: world.score_rows(0.2)})[0]
    other = world.publish({world.scores: world.score_rows(0.3)}, on=date(2025, 1, 3))[0]
    report = world.lake.collect_garbage(keep_hours=0)
    assert report.removed == ["scoring/scores/2025-01-02-e1-run"]
    assert report.freed_bytes > 500
    assert versions_on_disk(world) == [current.name, other.name]
    assert world.rows(world.scores).equals(world.score_rows(0.2))


def test_nothing_to_collect_is_an_empty_report(world) -> None:
    assert world.lake.collect_garbage(keep_hours=0).removed == []
    world.publish({world.scores: world.score_rows(0.1)})
    report = world.lake.collect_garbage(keep_hours=0)
    assert (report.removed, report.kept, report.problems, report.freed_bytes) == ([], [], [], 0)


def test_margin_counts_from_when_a_version_was_found_unreachable(world) -> None:
    old = world.publish({world.scores: world.score_rows(0.1)})[0]
    ten_days_ago = time.time() - 10 * 24 * 3600
    os.utime(old.folder, (ten_days_ago, ten_days_ago))
    reader = world.lake.scan(world.scores, world.night)
    world.publish({world.scores: world.score_rows(0.2)})
    assert world.lake.collect_garbage(keep_hours=24).removed == []
    assert reader.collect().equals(world.score_rows(0.1))
    age(world, 23)
    assert world.lake.collect_garbage(keep_hours=24).removed == []
    age(world, 25)
    assert world.lake.collect_garbage(keep_hours=24).removed == [f"scoring/scores/{old.name}"]


def test_version_published_after_it_was_marked_starts_its_margin_anew(world) -> None:
    with world.lake.writing("scoring", world.night, run_id="slow", config_hash="c") as writer:
        staged = writer.stage(world.scores, world.score_rows(0.1))
        world.lake.collect_garbage(keep_hours=24)
        age(world, 25)
        writer.publish()
    world.lake.collect_garbage(keep_hours=24)
    world.publish({world.scores: world.score_rows(0.2)})
    assert world.lake.collect_garbage(keep_hours=24).removed == []
    assert staged.name in versions_on_disk(world)


def test_version_that_became_current_meanwhile_stays(world, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look is older than the lease: what was published in between is seen under the lease."""
    current = world.publish({world.scores: world.score_rows(0.1)})[0]
    monkeypatch.setattr(GarbageCollector, "_reachable", lambda *_: set())
    assert world.lake.collect_garbage(keep_hours=0).removed == []
    assert versions_on_disk(world) == [current.name]


def test_versions_that_a_current_one_refers_to_stay(world) -> None:
    first = world.publish({world.scores: world.score_rows(0.1)}, on=date(2025, 1, 1))[0]
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        writer.append(world.scores, world.score_rows(0.1, 0.2).tail(1), to=first)
        writer.publish()
    world.publish({world.scores: world.score_rows(0.9)}, on=date(2025, 1, 1))
    assert world.lake.collect_garbage(keep_hours=0).removed == []
    assert world.rows(world.scores).equals(world.score_rows(0.1, 0.2))
    world.publish({world.scores: world.score_rows(0.7)})
    # Neither the version that referred to it nor the first one is needed any more.
    assert len(world.lake.collect_garbage(keep_hours=0).removed) == 2


def test_a_night_that_is_being_written_is_left_alone(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)})
    with world.lake.writing("scoring", world.night, run_id="live", config_hash="c") as writer:
        staged = writer.stage(world.scores, world.score_rows(0.2))
        report = world.lake.collect_garbage(keep_hours=0)
        assert (report.removed, report.kept) == ([], [f"scoring/scores/{staged.name}"])
        writer.publish()
    assert world.rows(world.scores).equals(world.score_rows(0.2))


def test_drafts_of_dead_writers_go_and_of_live_ones_stay(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)})
    dead = world.layout.draft_folder("scoring", "scoring/scores", "2025-01-03-e9-dead")
    half_removed = world.layout.discarded_entry("0123")
    loose = world.layout.staging_folder / "content-key.json.0123"
    for folder in (dead, half_removed):
        folder.mkdir()
        (folder / "part-0000.parquet").write_bytes(b"half")
    loose.write_bytes(b"key")
    assert world.lake.collect_garbage(keep_hours=1).removed == []
    with world.lake.writing("scoring", date(2025, 1, 3), run_id="live", config_hash="c"):
        pass
    live = world.layout.draft_folder("scoring", "scoring/scores", "2025-01-04-e1-live")
    with world.lake.writing("scoring", date(2025, 1, 4), run_id="live", config_hash="c"):
        live.mkdir()
        report = world.lake.collect_garbage(keep_hours=0)
    # The dead draft went when the next writer of its night began.
    assert report.removed == [".staging/content-key.json.0123", ".staging/discarded.0123"]
    assert report.kept == [f".staging/{live.name}"]


def test_drafts_older_than_the_margin_go(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)})
    dead = world.layout.draft_folder("scoring", "scoring/scores", "2025-01-03-e9-dead")
    dead.mkdir()
    age(world, 25)
    assert world.lake.collect_garbage(keep_hours=24).removed == [f".staging/{dead.name}"]
    assert not dead.exists()


def test_table_with_a_damaged_current_version_is_left_alone(world) -> None:
    world.publish({world.scores: world.score_rows(0.1), world.totals: world.total_rows(a=1)})
    current = world.publish({world.scores: world.score_rows(0.2), world.totals: world.total_rows(a=2)})[0]
    (current.folder / "manifest.json").write_bytes(b"rot")
    report = world.lake.collect_garbage(keep_hours=0)
    assert [name.split("/")[1] for name in report.removed] == ["totals"]
    assert len(report.problems) == 1
    assert "manifest.json is damaged" in report.problems[0]


def test_damaged_superseded_version_is_reported_and_the_rest_collected(world) -> None:
    for value in (0.1, 0.2, 0.3):
        world.publish({world.scores: world.score_rows(value)})
    first = world.layout.version_folder("scoring/scores", versions_on_disk(world)[0])
    (first / "manifest.json").write_bytes(b"rot")
    report = world.lake.collect_garbage(keep_hours=0)
    assert report.removed == ["scoring/scores/2025-01-02-e2-run"]
    assert len(report.problems) == 1


def test_folders_that_the_lake_did_not_make_are_never_removed(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)})
    foreign = world.layout.table_folder("scoring/scores") / "my-copy"
    foreign.mkdir()
    (foreign / "rows.parquet").write_bytes(b"")
    world.lake.collect_garbage(keep_hours=0)
    assert foreign.exists()
    assert isinstance(world.rows(world.scores), pl.DataFrame)
