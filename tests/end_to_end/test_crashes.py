"""A night that is killed anywhere and run again ends as one that was left alone."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from polars.testing import assert_frame_equal

from assets.definitions import STEPS
from assets.reconciliation import WORKER_TAG, fail_dead_runs, is_worker_gone, worker_identity

NIGHT = date(2024, 3, 4)
KILLED = str(Path(__file__).with_name("killed_night.py"))

World = Any
#: One step of each stage, and the write-back, which belongs to an earlier one.
FIRST_STEPS = [
    *reversed({step.publishes[0].stage: step for step in reversed(STEPS)}.values()),
    *(step for step in STEPS if step.name == "write_back"),
]


def assert_same_night(one: World, other: World) -> None:
    left, right = one.contents(), other.contents()
    assert left.keys() == right.keys()
    for key, rows in left.items():
        assert_frame_equal(rows, right[key], check_exact=True)
    assert one.handed_over() == other.handed_over()


@pytest.mark.slow
def test_a_night_killed_at_every_stage_ends_as_one_left_alone(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, killed = make_world("undisturbed"), make_world("killed")
    killed.apply()
    for number, step in enumerate(FIRST_STEPS):
        moment = "before" if number % 2 else "after"
        ended = killed.launch(NIGHT, step.name, moment, program=(KILLED,))
        assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]
    finished = killed.launch(NIGHT)
    assert finished.returncode == 0, finished.stdout[-3000:]
    monkeypatch.setenv("ONWARD_HOME", str(undisturbed.home))
    monkeypatch.setenv("ONWARD_WORKSPACE", str(undisturbed.workspace))
    undisturbed.apply()
    assert undisturbed.run(NIGHT).success
    assert_same_night(undisturbed, killed)
    with dg.DagsterInstance.from_config(str(killed.home / "dagster")) as instance:
        stuck = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        assert stuck == []


@pytest.mark.slow
def test_one_night_started_twice_at_once_is_done_once(make_world: Callable[..., World]) -> None:
    world, alone = make_world("twice"), make_world("alone")
    world.apply()
    alone.apply()
    (world.home / "dagster").mkdir()
    environment = world.environment.for_child(DAGSTER_HOME=str(world.home / "dagster"))
    command = [sys.executable, "-m", "assets.launch", "--date", NIGHT.isoformat()]
    racing = [
        subprocess.Popen(
            command, cwd=Path(__file__).parents[2], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in racing]
    assert 0 in [process.returncode for process in racing], outputs
    assert alone.run(NIGHT).success
    assert_same_night(alone, world)


def test_a_worker_is_gone_only_when_that_is_known() -> None:
    own = worker_identity()
    host, boot, _, _ = own.split(":")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not is_worker_gone(own)
    assert is_worker_gone(f"{host}:{boot}:{ended.pid}:12345")
    assert is_worker_gone(f"{host}:another boot:1:1")
    assert not is_worker_gone(f"another host:{boot}:{ended.pid}:12345")


def test_runs_of_dead_workers_are_failed_and_no_others() -> None:
    host, boot, _, _ = worker_identity().split(":")
    with dg.DagsterInstance.ephemeral() as instance:
        for worker in (worker_identity(), f"{host}:{boot}:999999999:1"):
            instance.create_run_for_job(
                job_def=_nothing(), tags={WORKER_TAG: worker}, status=dg.DagsterRunStatus.STARTED
            )
        closed = fail_dead_runs(instance)
        statuses = [run.status for run in instance.get_runs()]
    assert len(closed) == 1
    assert {*statuses} == {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED}


def _nothing() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def idle() -> None:
        nothing()

    return idle
