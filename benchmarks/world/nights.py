"""Nights of a world through the real job: what the night plans arrives in the world on the next day."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import polars as pl

from assets.definitions import build_definitions
from assets.jobs import NIGHTLY_NAME
from benchmarks.world.living import World
from benchmarks.world.workspace import WORKSPACE_ID, write_workspace
from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.tables import CUSTOMER_LINKS, DECISIONS, DISPATCH_LOG, PLAN, STAGES
from resources.control.workspace.night import apply_workspace
from resources.control.workspace.reading import read_workspace
from resources.home import Home
from resources.lake.store import Lake
from resources.settings import Environment, read_environment


class NightFailedError(Exception):
    """The night did not publish a plan that a world could react to."""


@contextmanager
def pointed_at(environment: Environment) -> Iterator[None]:
    """The process works on one workspace at a time, as the job's resources read the environment."""
    names = ("ONWARD_HOME", "ONWARD_WORKSPACE")
    before = {name: os.environ.get(name) for name in names}
    os.environ |= {name: environment.variables[name] for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@dataclass(slots=True)
class Loop:
    """A workspace with a state folder of its own, and the world that it acts on.

    Attributes:
        night_seconds: Wall time of each night.
        step_seconds: Step → its times.
    """

    world: World
    environment: Environment
    job: dg.JobDefinition
    selection: list[dg.AssetKey]
    night_seconds: list[float] = field(default_factory=list)
    step_seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def lake(self) -> Lake:
        return Home(self.environment).lake(WORKSPACE_ID)

    def run(self, night: date) -> None:
        """One night, then the day on which its messages arrive."""
        started = time.perf_counter()
        with pointed_at(self.environment), dg.DagsterInstance.ephemeral() as instance:
            result = self.job.execute_in_process(
                instance=instance,
                partition_key=night.isoformat(),
                run_config={"loggers": {"progress": {}}},
                asset_selection=self.selection,
                raise_on_error=False,
            )
        if not result.success:
            failed = [event.step_key for event in result.all_events if event.is_step_failure]
            raise NightFailedError(f"{night}: {failed}")
        self.night_seconds.append(time.perf_counter() - started)
        for event in result.all_events:
            if event.is_step_success:
                self.step_seconds[event.step_key or ""].append(event.step_success_data.duration_ms / 1000)
        self.world.live(handed_over(self.lake, night))


def handed_over(lake: Lake, night: date) -> pl.DataFrame:
    """Messages of the plan that left, under the ids that the source knows people by."""
    acknowledged = lake.scan(DISPATCH_LOG, night).filter(pl.col("status") == DispatchStatus.ACKED.value)
    people = lake.scan(CUSTOMER_LINKS, night).select("customer_id", "customer_ref")
    drawn = lake.scan(DECISIONS, night).select("decision_id", "propensity")
    return (
        lake.scan(PLAN, night)
        .join(acknowledged, on="send_id", how="semi")
        .join(people, on="customer_id", how="left", validate="m:1")
        .join(drawn, on="decision_id", how="left", validate="m:1")
        .collect()
    )


def start(world: World, files: dict[str, str], folder: Path) -> Loop:
    """Workspace, source and state below a folder, ready for the first night."""
    write_workspace(folder / "workspace", files)
    world.begin()
    home = folder / "home"
    home.mkdir(mode=0o700)
    variables = {**os.environ, "ONWARD_HOME": str(home), "ONWARD_WORKSPACE": str(folder / "workspace")}
    environment = read_environment(variables)
    reading = read_workspace(folder / "workspace", environment=os.environ)
    if reading.config is None:
        raise NightFailedError(f"the workspace is not valid: {reading.problems}")
    apply_workspace(
        Home(environment).configs(WORKSPACE_ID), reading.config, author="benchmark", reason="closed loop"
    )
    with pointed_at(environment):
        job = build_definitions(environment).resolve_job_def(NIGHTLY_NAME)
    # Marts are what people read; nothing in the loop does, and dbt takes longer than the night.
    selection = [key for key in job.asset_layer.executable_asset_keys if key.path[0] in STAGES]
    return Loop(world, environment, job, selection)


def nights_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]
