"""One source, one night, in one worker: read what is new, hold it against the warehouse, map it."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from assets.steps import Night
from assets.surveying import Surveyed, bounds_of
from pipelines.contracts.source_tables import REJECTED_ROWS
from pipelines.ingestion.mapping import MappedRows, combine_mapped, map_rows, one_line_each
from pipelines.ingestion.quarantine import MOST_NAMED, reject_future_count, reject_future_rows
from pipelines.ingestion.reading import (
    ReadPlan,
    largest_tie,
    quarantine_from,
    read_in_full,
    select_rows,
)
from pipelines.ingestion.reconciliation import columns_of_keys, compare_keys, map_keys
from pipelines.ingestion.verification import (
    Mismatch,
    combine_totals,
    describe_mismatches,
    find_mismatches,
    total_slice,
)
from resources.warehouses.base import (
    ReadRequest,
    SourceError,
    SourceProblem,
    TimeBound,
    Warehouse,
)
from resources.warehouses.budgets import Budgets
from resources.warehouses.landing import Landing, land
from resources.warehouses.requests import relation_of
from resources.warehouses.spending import Meter
from resources.warehouses.streams import Usage

_NO_LINES: pl.DataFrame = REJECTED_ROWS.schema.create_empty()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBatch:
    """What was read of a source.

    Attributes:
        plan: What was read in the end.
        mapped: Rows that the night may use, and those that were set aside; future ones among them.
        missed_count: Rows that only the comparison of keys found; None when there was none.
        deleted: Keys that were ingested and that the source no longer has, if the keys were compared.
        received_bytes: Size of the values of all that was read.
    """

    surveyed: Surveyed
    plan: ReadPlan
    mapped: MappedRows
    null_cursor_count: int
    future_count: int
    largest_tie_count: int
    missed_count: int | None
    deleted: pl.DataFrame | None
    received_bytes: int

    @property
    def is_complete(self) -> bool:
        return self.plan.since is None


@dataclass(frozen=True, slots=True)
class _Future:
    """Rows that are set aside because they lie in the future: how many, and the lines that say so."""

    row_count: int
    lines: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Arrived:
    """Rows of one read after mapping and the exact cut."""

    mapped: MappedRows
    null_cursor_count: int
    future: _Future


class SourceReader:
    """Reads one source; everything that it asks of the warehouse is charged to the source's budget."""

    def __init__(
        self, surveyed: Surveyed, warehouse: Warehouse, night: Night, *, budgets: Budgets, now: datetime
    ) -> None:
        self._surveyed = surveyed
        self._warehouse = warehouse
        self._night = night
        self._budgets = budgets
        self._now = now
        self._received_bytes = 0

    def read(self) -> SourceBatch:
        """Reads, verifies and compares; raises SourceError, also when counts or sums differ twice."""
        plan = self._surveyed.plan
        arrived = self._read_verified(plan)
        missed_count, deleted = None, None
        if self._surveyed.is_reconciled:
            missed, deleted = self._compare_keys(arrived.mapped.accepted)
            missed_count = 0
            if not missed.is_empty():
                plan, deleted = read_in_full(plan), None
                arrived = self._read_verified(plan)
                found = arrived.mapped.accepted.select(missed.columns)
                missed_count = missed.join(found, on=missed.columns, how="semi").height
        beyond, null_count = self._read_future(plan)
        lines = [arrived.mapped.rejected, arrived.future.lines, beyond.lines]
        return SourceBatch(
            surveyed=self._surveyed,
            plan=plan,
            mapped=replace(arrived.mapped, rejected=one_line_each(pl.concat(lines))),
            null_cursor_count=max(arrived.null_cursor_count, null_count),
            future_count=arrived.future.row_count + beyond.row_count,
            largest_tie_count=largest_tie(arrived.mapped.accepted, self._surveyed.source.cursor),
            missed_count=missed_count,
            deleted=deleted,
            received_bytes=self._received_bytes,
        )

    def _read_verified(self, plan: ReadPlan) -> _Arrived:
        """Once more when counts or sums differ, as the table may have moved meanwhile."""
        request = self._surveyed.request(bounds_of(plan))
        arrived, differences = self._read_once(request, plan)
        if differences:
            arrived, differences = self._read_once(request, plan)
        if differences:
            raise SourceError(self._differing(differences))
        return arrived

    def _read_once(self, request: ReadRequest, plan: ReadPlan) -> tuple[_Arrived, list[Mismatch]]:
        sums, by = self._surveyed.summed_columns, self._surveyed.day_column
        is_verified = self._surveyed.source.is_verified
        expected = self._summarise(request, by=by, sums=sums) if is_verified else None
        arrived, totals = [], []
        with self._landed(request) as landing:
            for rows in landing.slices():
                arrived.append(self._map(rows, plan))
                if is_verified:
                    totals.append(total_slice(rows, by=by, sums=sums))
        together = _Arrived(
            combine_mapped([one.mapped for one in arrived]),
            sum(one.null_cursor_count for one in arrived),
            _Future(
                sum(one.future.row_count for one in arrived),
                pl.concat([one.future.lines for one in arrived]),
            ),
        )
        if expected is None:
            return together, []
        return together, find_mismatches(expected, combine_totals(totals), sums=sums)

    def _map(self, rows: pl.DataFrame, plan: ReadPlan) -> _Arrived:
        table, source, workspace = self._surveyed.table, self._surveyed.source, self._night.workspace
        mapped = map_rows(rows, table=table, source=source, workspace=workspace)
        selected = select_rows(mapped.accepted, plan, table=table, time_zone=workspace.time_zone)
        # What the warehouse can compare it has left out already.
        lines = _NO_LINES
        if self._surveyed.time_column is not None and self._surveyed.day_column is None:
            lines = self._future_lines(rows, self._surveyed.time_column)
        return _Arrived(
            replace(mapped, accepted=selected.rows),
            selected.null_cursor_count,
            _Future(lines.height, lines),
        )

    def _compare_keys(self, read_tonight: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Keys that were never read, and keys that are gone."""
        table, source = self._surveyed.table, self._surveyed.source
        plan = read_in_full(self._surveyed.plan)
        request = self._surveyed.request(bounds_of(plan))
        with self._landed(request, keys=columns_of_keys(table, plan)) as landing:
            there = [
                map_keys(rows, plan, table=table, source=source, workspace=self._night.workspace)
                for rows in landing.slices()
            ]
        key = table.schema.primary_key()
        ingested = pl.concat([self._surveyed.earlier.rows.select(key), read_tonight.lazy().select(key)])
        differences = compare_keys(pl.concat(there).unique().lazy(), ingested, table=table)
        missed, deleted = pl.collect_all([differences.missed, differences.deleted])
        return missed, deleted

    def _read_future(self, plan: ReadPlan) -> tuple[_Future, int]:
        """Rows beyond the present that the warehouse held back, and rows without cursor that it left out."""
        column = self._surveyed.day_column
        if column is None:
            return _Future(0, _NO_LINES), 0
        counts_nulls = column == plan.cursor and not plan.keeps_null_cursor
        since = quarantine_from(plan, self._now)
        request = self._surveyed.request([TimeBound(column, since, None, keeps_nulls=counts_nulls)])
        counts = self._summarise(request, by=column, sums=())
        is_null = pl.col("partition").is_null()
        null_count, count = counts.select(
            pl.col("row_count").filter(is_null).sum().alias("null"),
            pl.col("row_count").filter(~is_null).sum().alias("future"),
        ).row(0)
        if not count:
            return _Future(0, _NO_LINES), int(null_count)
        if count > MOST_NAMED:
            table, workspace = self._surveyed.table, self._night.workspace
            one = reject_future_count(
                count, column=column, table=table, source=self._surveyed.source, workspace=workspace
            )
            return _Future(int(count), one), int(null_count)
        with self._landed(request, keys=columns_of_keys(self._surveyed.table, plan)) as landing:
            lines = pl.concat([self._future_lines(rows, column) for rows in landing.slices()])
        return _Future(lines.height, lines), int(null_count)

    def _future_lines(self, rows: pl.DataFrame, column: str) -> pl.DataFrame:
        plan = self._surveyed.plan
        known = [name for name in columns_of_keys(self._surveyed.table, plan) if name in rows.columns]
        return reject_future_rows(
            rows.select(known),
            column=column,
            since=quarantine_from(plan, self._now),
            table=self._surveyed.table,
            source=self._surveyed.source,
            workspace=self._night.workspace,
        )

    def _summarise(self, request: ReadRequest, *, by: str | None, sums: Sequence[str]) -> pl.DataFrame:
        with self._metered() as meter:
            found = self._warehouse.summarise(_within(request, meter), by=by, sums=sums)
            meter.finish(Usage())
        counts = pl.from_arrow(found)
        return counts if isinstance(counts, pl.DataFrame) else counts.to_frame()

    @contextmanager
    def _landed(self, request: ReadRequest, keys: Sequence[str] | None = None) -> Iterator[Landing]:
        connection = self._night.config.connector.connections[self._surveyed.source.connection]
        with (
            self._metered() as meter,
            land(
                self._warehouse,
                _within(request, meter),
                spool=self._night.home.spool,
                deadline=connection.timeout,
                keys=keys,
                progress=meter,
            ) as landing,
        ):
            meter.finish(landing.usage)
            self._received_bytes += landing.usage.byte_count
            yield landing

    def _metered(self) -> AbstractContextManager[Meter]:
        counts_received = not self._warehouse.capabilities.estimates_bytes
        return self._budgets.metered(self._surveyed.name, counts_received=counts_received)

    def _differing(self, mismatches: Sequence[Mismatch]) -> SourceProblem:
        what = f"what arrived differs from the source, twice: {describe_mismatches(mismatches)}."
        remedy = (
            "Something changes the table while it is read, or reads it wrongly: run the night again when the "
            "table is at rest; is_verified: false in sources.yml switches the comparison off."
        )
        label = relation_of(self._surveyed.source).label
        return SourceProblem("rows_differ", self._surveyed.name, label, None, what, remedy)


def _within(request: ReadRequest, meter: Meter) -> ReadRequest:
    allowance = meter.allowance
    return replace(request, maximum_bytes=allowance.maximum_bytes, maximum_seconds=allowance.maximum_seconds)
