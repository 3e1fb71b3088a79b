"""The same world gives the same plan: whatever the order of its rows, the number of threads, the machine."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from pipelines.contracts.tables import CUSTOMER_FEATURES, WRITTEN_TABLES
from tests.end_to_end.conftest import FILES, enter

NIGHT = date(2024, 3, 4)
UNREPORTED = str(Path(__file__).with_name("unreported_night.py"))

World = Any


@pytest.mark.slow
def test_shuffled_input_and_one_or_two_threads_give_the_same_tables(
    make_world: Callable[..., World],
) -> None:
    plain, shuffled = make_world("plain"), make_world("shuffled", seed=3)
    for world, threads in ((plain, "2"), (shuffled, "1")):
        world.apply()
        ended = world.launch(NIGHT, program=(UNREPORTED,), POLARS_MAX_THREADS=threads)
        assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    expected, found = plain.contents(), shuffled.contents()
    assert expected.keys() == found.keys()
    for key, rows in expected.items():
        assert_frame_equal(rows, found[key], check_exact=True)
    assert _without_run(plain.handed_over()) == _without_run(shuffled.handed_over())


def test_people_in_four_buckets_get_what_they_get_in_one(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_four = {**FILES, "workspace.yml": FILES["workspace.yml"] + "bucket_count: 4\n"}
    whole, split = make_world("whole"), make_world("split", files=in_four)
    for world in (whole, split):
        enter(world, monkeypatch)
        world.apply()
        assert all(world.run(night).success for night in (NIGHT, NIGHT + timedelta(days=1)))
    assert split.lake.require(CUSTOMER_FEATURES, NIGHT).bucket_count == 4
    expected, found = whole.contents(), split.contents()
    assert expected.keys() == found.keys()
    for key, rows in expected.items():
        # What was written where names versions by their files, of which one world has four times as many.
        if key[0] != WRITTEN_TABLES.identifier:
            assert_frame_equal(rows, found[key], check_exact=True)


def _without_run(handed_over: dict[str, bytes]) -> dict[str, object]:
    """Batches byte for byte; manifests by what they say of the batch."""
    return {
        name: json.loads(content)["sha256"] if name.endswith(".json") else content
        for name, content in handed_over.items()
        if ".released" not in name
    }
