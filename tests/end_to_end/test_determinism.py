"""The same world gives the same plan: whatever the order of its rows, the number of threads, the machine."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from polars.testing import assert_frame_equal

NIGHT = date(2024, 3, 4)

World = Any


@pytest.mark.slow
def test_shuffled_input_and_one_or_two_threads_give_the_same_tables(
    make_world: Callable[..., World],
) -> None:
    plain, shuffled = make_world("plain"), make_world("shuffled", seed=3)
    for world, threads in ((plain, "2"), (shuffled, "1")):
        world.apply()
        ended = world.launch(NIGHT, POLARS_MAX_THREADS=threads)
        assert ended.returncode == 0, ended.stdout[-2000:]
    expected, found = plain.contents(), shuffled.contents()
    assert expected.keys() == found.keys()
    for key, rows in expected.items():
        assert_frame_equal(rows, found[key], check_exact=True)
    assert _without_run(plain.handed_over()) == _without_run(shuffled.handed_over())


def _without_run(handed_over: dict[str, bytes]) -> dict[str, object]:
    """Batches byte for byte; manifests by what they say of the batch."""
    return {
        name: json.loads(content)["sha256"] if name.endswith(".json") else content
        for name, content in handed_over.items()
        if ".released" not in name
    }
