"""What a step of the night is: the tables it reads and publishes, and the pure work in between.

A stage module declares its steps and the four lines of each: read, compute,
compare, return. Lease, audit, publishing, metadata and checks are the factory's.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import matplotlib.figure
import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.workspace import WorkspaceSettings
from resources.control.leases import Lease
from resources.home import Home
from resources.lake.buckets import has_people
from resources.lake.store import Lake, Version
from resources.warehouses.open import Connections

Frame = pl.LazyFrame | pl.DataFrame


def row_count(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.len()).collect().item())


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One logical date of one workspace, with everything that a step may touch.

    Attributes:
        on: Local day that the night closes.
        as_of: Its end in UTC; nothing at or after it exists for the night.
        lease: Fencing lease of the running step; None for a reader.
        bucket: The only customer bucket that is seen, of as many as the workspace has; None for everyone.
        workspace_folder: Where relative paths of connections start.
    """

    on: date
    as_of: datetime
    config: NightConfig
    home: Home
    lake: Lake
    lease: Lease | None
    workspace_folder: Path
    run_id: str
    log: logging.Logger
    bucket: int | None = None

    @property
    def connections(self) -> Connections:
        """The warehouses that the night reads and writes."""
        return Connections(
            connector=self.config.connector,
            workspace_folder=self.workspace_folder,
            embedded_path=self.home.warehouse_path,
            variables=self.home.environment.variables,
        )

    @property
    def workspace(self) -> WorkspaceSettings:
        return self.config.workspace

    @property
    def bucket_count(self) -> int:
        return self.workspace.bucket_count

    def buckets(self) -> list["Night"]:
        """The same night once for each customer bucket, which then is all it sees of people."""
        return [replace(self, bucket=one) for one in range(self.bucket_count)]

    def read(self, table: Table) -> pl.LazyFrame:
        """Tonight's version."""
        bucket = self._bucket_of(table)
        return self.lake.scan(table, self.on, bucket=bucket, bucket_count=self.bucket_count)

    def earlier(self, table: Table) -> pl.LazyFrame:
        """The version of the latest earlier night; typed empty on the first."""
        bucket = self._bucket_of(table)
        return self.lake.scan_latest(table, before=self.on, bucket=bucket, bucket_count=self.bucket_count)

    def history(self, table: Table, *, nights: int) -> pl.LazyFrame:
        """Increments of the given number of nights before tonight."""
        since, bucket = self.on - timedelta(days=nights), self._bucket_of(table)
        return self.lake.scan_history(
            table, since=since, until=self.on, bucket=bucket, bucket_count=self.bucket_count
        )

    def _bucket_of(self, table: Table) -> int | None:
        """Tables without people are the same for every bucket."""
        return self.bucket if has_people(table) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """Verdict of an expectation, with what it compared."""

    is_held: bool
    facts: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must hold between the step's inputs and outputs.

    A blocking expectation that is broken stops the step before anything is published.
    """

    name: str
    table: Table
    description: str
    is_blocking: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutput:
    """What a step computed.

    Attributes:
        frames: New content by table.
        appended: Rows to add to an earlier version, whose files are kept as they are.
        verdicts: Expectation name → outcome.
        facts: Numbers for the run's metadata, by table.
    """

    frames: Mapping[Table, Frame] = field(default_factory=dict)
    appended: Mapping[Table, tuple[Frame, Version]] = field(default_factory=dict)
    verdicts: Mapping[str, CheckOutcome] = field(default_factory=dict)
    facts: Mapping[Table, Mapping[str, dg.MetadataValue]] = field(default_factory=dict)


Plot = Callable[[pl.DataFrame], matplotlib.figure.Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One op of the night's job.

    Attributes:
        reads: Tables of the same night.
        continues: Tables of its own whose latest earlier night it reads: state at d from state at d-1.
        publishes: Tables that become visible together.
        plots: Pictures for the UI, where looking beats reading.
        is_bucketed: Whether `compute` runs once for each customer bucket, with a night that sees nobody else.
        retries: Attempts after a failure; 0 where a retry must be a person's choice.
        freshness: Age at which people who consume the tables should be warned.
    """

    name: str
    compute: Callable[[Night], StepOutput]
    publishes: tuple[Table, ...]
    reads: tuple[Table, ...] = ()
    continues: tuple[Table, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    plots: Mapping[Table, Plot] = field(default_factory=dict)
    is_bucketed: bool = False
    retries: int = 1
    freshness: timedelta | None = None
    code_version: str = "1"

    def __post_init__(self) -> None:
        """What needs everyone cannot be asked of a bucket."""
        if self.is_bucketed and (self.expectations or not all(map(has_people, self.publishes))):
            raise ValueError(f"{self.name}: a step of buckets has no expectations, and people in every table")
