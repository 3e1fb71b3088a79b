"""Publishing dies, or the disk refuses, at every step: readers see old or new, and a rerun converges."""

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from resources.control.pointers import Pointers
from resources.lake import files
from resources.lake.errors import WriteFailedError

#: Everything that changes the disk; `files` is the only module that does.
STEPS = (
    "make_folder",
    "open_new",
    "write_block",
    "sync_file",
    "sync_folder",
    "rename",
    "link_new",
    "remove_file",
    "remove_tree",
)


class Crash(BaseException):
    """The machine stops here. Not an Exception, so that nothing tidies up."""


def crash_before(step: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    raise Crash


def crash_after(step: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    step(*arguments, **named)
    raise Crash


def crash_half_way(step: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    handle, block = arguments
    step(handle, block[: len(block) // 2])
    raise Crash


class Disturbance:
    """Counts the steps of whatever runs and disturbs one of them.

    Attributes:
        at: Number of the step to disturb; None to count only.
        act: What happens there, given the step and its arguments.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at: int | None = None
        self.act: Callable[..., None] = crash_before
        self.seen: list[str] = []
        for name in STEPS:
            monkeypatch.setattr(files, name, self._around(name, getattr(files, name)))
        monkeypatch.setattr(Pointers, "swap", self._around("swap", Pointers.swap))

    def _around(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def disturbed(*arguments: Any, **named: Any) -> Any:
            self.seen.append(name)
            if len(self.seen) - 1 == self.at:
                self.act(step, *arguments, **named)
            return step(*arguments, **named)

        return disturbed

    def aim(self, at: int | None, act: Callable[..., None]) -> None:
        self.at, self.act, self.seen = at, act, []


def refuse(step: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    raise WriteFailedError("cannot write: No space left on device")


@pytest.fixture
def disturbance(monkeypatch: pytest.MonkeyPatch) -> Disturbance:
    return Disturbance(monkeypatch)


def publish_generation(world, generation: int) -> None:
    """A bucketed table and an encrypted one that belong together."""
    world.publish(
        {
            world.scores: world.score_rows(*[generation / 1000] * 4),
            world.addresses: world.address_rows(f"generation-{generation}@x.example"),
        },
        bucket_count=2,
    )


def visible_generations(world) -> set[int]:
    scores = {round(value * 1000) for value in world.rows(world.scores)["value"]}
    addresses = {int(text.split("@")[0].split("-")[1]) for text in world.rows(world.addresses)["address"]}
    assert world.rows(world.scores).height == 4
    return scores | addresses


def points_of_a_publish(world, disturbance: Disturbance, generation: int) -> list[str]:
    disturbance.aim(None, crash_before)
    publish_generation(world, generation)
    return list(disturbance.seen)


@pytest.mark.parametrize(
    ("act", "disturbed_steps"),
    [
        (crash_before, {*STEPS, "swap"}),
        (crash_after, {"rename", "swap", "sync_folder", "remove_tree", "remove_file"}),
        (crash_half_way, {"write_block"}),
    ],
    ids=["before", "after", "half way"],
)
def test_crash_at_every_step_leaves_old_or_new(world, disturbance, act, disturbed_steps) -> None:
    points_of_a_publish(world, disturbance, 1)
    points = points_of_a_publish(world, disturbance, 2)
    assert {"write_block", "sync_file", "sync_folder", "rename", "swap"} <= set(points)
    assert (len(points) > 40, points[-1], points.count("swap")) == (True, "swap", 1)
    current = 2
    for number, step in enumerate(points):
        if step not in disturbed_steps:
            continue
        disturbance.aim(number, act)
        with pytest.raises(Crash):
            publish_generation(world, current + 1)
        has_swapped = (step, act) == ("swap", crash_after)
        assert visible_generations(world) == {current + 1 if has_swapped else current}, (number, step)
        disturbance.aim(None, act)
        publish_generation(world, current + 1)
        current += 1
        assert visible_generations(world) == {current}, (number, step)
    assert world.lake.verify() == []
    world.lake.collect_garbage(keep_hours=0)
    assert visible_generations(world) == {current}
    assert not list(world.layout.staging_folder.iterdir())
    assert len(list(world.layout.table_folder("scoring/scores").iterdir())) == 1


def test_crashes_on_the_very_first_night_converge(world, disturbance) -> None:
    number = 0
    while world.lake.find(world.scores, world.night) is None:
        disturbance.aim(number, crash_before)
        with suppress(Crash):
            publish_generation(world, 1)
        number += 1
    assert number > 40
    assert visible_generations(world) == {1}


def test_disk_that_refuses_any_step_leaves_the_old_version(world, disturbance) -> None:
    points_of_a_publish(world, disturbance, 1)
    points = points_of_a_publish(world, disturbance, 2)
    for number, step in enumerate(points):
        if step == "swap":
            continue
        disturbance.aim(number, refuse)
        with pytest.raises(WriteFailedError, match="No space left on device"):
            publish_generation(world, 3)
        assert visible_generations(world) == {2}, (number, step)
    disturbance.aim(None, refuse)
    publish_generation(world, 3)
    assert visible_generations(world) == {3}
    world.lake.collect_garbage(keep_hours=0)
    assert not list(world.layout.staging_folder.iterdir())


CHILD = """
import importlib.util, os, random, resource, signal, sys
from pathlib import Path

root, conftest, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
spec = importlib.util.spec_from_file_location("conftest", conftest)
conftest = importlib.util.module_from_spec(spec)
sys.modules["conftest"] = conftest
spec.loader.exec_module(conftest)
from resources.lake import files

world = conftest.open_world(root)
"""

KILLED_CHILD = (
    CHILD
    + """
seen = 0


def dying(step):
    def die_in_time(*arguments, **named):
        global seen
        seen += 1
        if seen == number:
            if step.__name__ == "write_block":
                step(arguments[0], arguments[1][: len(arguments[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments, **named)

    return die_in_time


for name in ("write_block", "sync_file", "rename"):
    setattr(files, name, dying(getattr(files, name)))
world.publish({world.scores: world.score_rows(0.002), world.addresses: world.address_rows("b@x.example")})
"""
)

FULL_CHILD = (
    CHILD
    + """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
chance = random.Random(1).random
resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
try:
    world.publish({world.scores: world.score_rows(*[chance() for _ in range(400_000)])})
except Exception as error:
    print(error)
"""
)


def run_child(world, script: str, number: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            script,
            str(world.root),
            str(Path(__file__).with_name("conftest.py")),
            str(number),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )


@pytest.mark.parametrize(
    "number", [1, 5, 8], ids=["in the first table", "at its rename", "in the second manifest"]
)
def test_killed_process_leaves_the_old_version(world, number: int) -> None:
    before = {world.scores: world.score_rows(0.001), world.addresses: world.address_rows("a@x.example")}
    after = {world.scores: world.score_rows(0.002), world.addresses: world.address_rows("b@x.example")}
    world.publish(before)
    child = run_child(world, KILLED_CHILD, number)
    assert child.returncode == -signal.SIGKILL, child.stderr
    for table, rows in before.items():
        assert world.rows(table).equals(rows)
    assert list(world.layout.staging_folder.iterdir())
    # The lease of a process that is gone is taken over at once, and its draft is swept.
    world.publish(after)
    for table, rows in after.items():
        assert world.rows(table).equals(rows)
    assert not list(world.layout.staging_folder.iterdir())
    assert world.lake.verify() == []


def test_write_that_the_system_refuses_in_the_middle_is_a_clear_error(world) -> None:
    world.publish({world.scores: world.score_rows(0.5)})
    child = run_child(world, FULL_CHILD, 2_000_000)
    assert child.returncode == 0, child.stderr
    assert "part-0000.parquet: File too large. What was published before is untouched" in child.stdout
    assert world.rows(world.scores).equals(world.score_rows(0.5))
    assert not list(world.layout.staging_folder.iterdir())
