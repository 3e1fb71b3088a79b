"""Before anything is read: what a source looks like, what to read of it tonight, and what that would cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import polars as pl

from assets.steps import Night, row_count
from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings, table_of
from pipelines.contracts.source_tables import SOURCE_READS
from pipelines.ingestion.feeds import rows_of
from pipelines.ingestion.reading import ReadPlan, is_reconciliation_due, plan_read, watermark
from pipelines.ingestion.reconciliation import columns_of_keys
from resources.lake.store import Version
from resources.warehouses.base import (
    Estimate,
    Family,
    ReadRequest,
    SourceColumn,
    SourceError,
    SourceProblem,
    TimeBound,
    Warehouse,
)
from resources.warehouses.dependents import dependents_of, find_dependents
from resources.warehouses.preflight import check_relation
from resources.warehouses.requests import build_request, match_columns, relation_of

#: Families of times that a warehouse can compare.
_TIMES = {Family.DATE, Family.TIMESTAMP, Family.INSTANT}
#: Wider decimals could overflow when a billion of them are added.
_WIDEST_SUM = 29


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierTable:
    """A feed as the latest earlier night left it: of most tables, the whole table.

    Attributes:
        version: The table with all its feeds; None before the first night.
        rows: Rows of the feed; typed also when there are none.
        row_count: Their number; None before the first night.
        read: Its line of `source_reads`; None when the feed was not read that night.
        newest_at: The watermark of its cursor.
    """

    version: Version | None
    rows: pl.LazyFrame
    row_count: int | None
    read: Mapping[str, Any] | None
    newest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """A feed that can be read.

    Attributes:
        columns: Contract column → declared column.
        plan: What to read of it tonight.
        is_reconciled: Its keys are to be compared tonight.
        estimate: What all statements of the night would cost together.
    """

    table: Table
    source: SourceSettings
    earlier: EarlierTable
    declared: tuple[SourceColumn, ...]
    columns: Mapping[str, SourceColumn]
    plan: ReadPlan
    is_reconciled: bool
    estimate: Estimate

    def request(self, bounds: Sequence[TimeBound]) -> ReadRequest:
        return build_request(self.table, self.source, self.declared, bounds=bounds)

    @property
    def name(self) -> str:
        """The feed, as messages name it."""
        return self.source.name_in(self.table)

    @property
    def summed_columns(self) -> list[str]:
        """Numbers whose sums are held against those of the warehouse."""
        return [name for name, column in self.columns.items() if _is_summed(self.table, name, column)]

    @property
    def time_column(self) -> str | None:
        """The cursor, or else the time at which a row happened, if the source brings one."""
        return next((name for name in self.plan.time_columns if name in self.columns), None)

    @property
    def day_column(self) -> str | None:
        """The same if the warehouse can tell its days: times as text, and sentinels, are judged later."""
        name = self.time_column
        if name is None or name in self.plan.cleared:
            return None
        return name if self.columns[name].family in _TIMES else None


def _is_summed(table: Table, name: str, column: SourceColumn) -> bool:
    if not table.schema.columns()[name].dtype.is_numeric():
        return False
    is_narrow = column.family is Family.DECIMAL and (column.precision or 38) <= _WIDEST_SUM
    return is_narrow or column.family in {Family.INTEGER, Family.FLOAT}


def find_earlier(night: Night, names: Sequence[str]) -> dict[str, EarlierTable]:
    """What the latest earlier night left of each feed, by its name."""
    reads = list(night.earlier(SOURCE_READS).collect().iter_rows(named=True))
    return {name: _find_earlier(night, name, reads) for name in names}


def _find_earlier(night: Night, name: str, reads: Sequence[Mapping[str, Any]]) -> EarlierTable:
    table, source = table_of(name), night.config.connector.feeds[name]
    own = [read for read in reads if read["source"] == table.name]
    version, rows = night.lake.find_latest(table, before=night.on), night.earlier(table)
    if source.source is not None:
        rows = rows_of(rows, source.label)
    count = None if version is None else version.row_count
    labels = [read["feed"] for read in own]
    # Rows that another feed has read are not known by this one's cursor: it begins anew.
    is_continued = source.label in labels and (source.source is not None or len(labels) == 1)
    return EarlierTable(
        version=version,
        rows=rows,
        row_count=count if count is None or source.source is None else row_count(rows),
        read=next((read for read in own if read["feed"] == source.label), None) if is_continued else None,
        newest_at=newest_of(rows, table, source, night) if source.cursor and is_continued else None,
    )


def newest_of(rows: pl.LazyFrame, table: Table, source: SourceSettings, night: Night) -> datetime | None:
    """Newest cursor or event time of a table before the end of the night."""
    zone = night.workspace.time_zone
    newest = watermark(table, source.cursor, time_zone=zone, until=night.as_of)
    found: datetime | None = rows.select(newest).collect().item()
    return found


def bounds_of(plan: ReadPlan) -> list[TimeBound]:
    return [
        TimeBound(column, plan.since_of(column), plan.until_of(column), plan.keeps_null(column))
        for column in plan.time_columns
    ]


def survey_source(night: Night, name: str, earlier: EarlierTable, warehouse: Warehouse) -> Surveyed:
    """Describes a feed and plans its read; raises SourceError with every problem of it."""
    table, source = table_of(name), night.config.connector.feeds[name]
    declared, problems = check_relation(warehouse, table, source)
    columns = match_columns(table, source, declared)[0]
    problems.extend(_gone_columns(night, name, earlier, columns))
    if problems:
        raise SourceError(*problems)
    plan = plan_read(source, table=table, watermark=earlier.newest_at, as_of=night.as_of)
    is_due = is_reconciliation_due(source, reconciled_on=_reconciled_on(earlier), night=night.on)
    surveyed = Surveyed(
        table=table,
        source=source,
        earlier=earlier,
        declared=declared,
        columns=columns,
        plan=plan,
        is_reconciled=is_due and plan.since is not None,
        estimate=Estimate(),
    )
    if not warehouse.capabilities.estimates_bytes:
        return surveyed
    return replace(surveyed, estimate=_add(warehouse.estimate(one) for one in _statements(surveyed)))


def _gone_columns(
    night: Night, name: str, earlier: EarlierTable, columns: Mapping[str, SourceColumn]
) -> list[SourceProblem]:
    """Columns that had values on the night before and are no longer there, where something rests on them.

    They are optional, so a column that was dropped or renamed upstream would quietly be empty.
    """
    table, source = table_of(name), night.config.connector.feeds[name]
    contract = table.schema.columns()
    optional = [one for one, column in contract.items() if column.nullable and one not in columns]
    if earlier.row_count is None or not optional:
        return []
    had = earlier.rows.select(pl.col(optional).is_not_null().any()).collect(engine="streaming").row(0)
    problems = []
    for column in (one for one, was_there in zip(optional, had, strict=True) if was_there):
        what = f"column {column} had values on the night before and does not exist any more"
        if any(find_dependents((table.name, column), night.config).values()):
            what = f"{what}; {dependents_of(table.name, column)} depend on it."
            remedy = f"Map {column} to its new name under columns in sources.yml, or use it nowhere."
            problems.append(
                SourceProblem("missing_column", name, relation_of(source).label, column, what, remedy)
            )
        else:
            night.log.warning("%s: %s; it is empty from tonight on", name, what)
    return problems


def _reconciled_on(earlier: EarlierTable) -> date | None:
    found: date | None = None if earlier.read is None else earlier.read["reconciled_on"]
    return found


def _statements(surveyed: Surveyed) -> list[ReadRequest]:
    """The read, and what is read besides to verify it and to compare keys; only columns that they need."""
    request = surveyed.request(bounds_of(surveyed.plan))
    found = [request]
    if surveyed.source.is_verified:
        needed = {*surveyed.plan.time_columns, *surveyed.summed_columns}
        found.append(_only(request, needed))
    if surveyed.is_reconciled:
        keys = set(columns_of_keys(surveyed.table, surveyed.plan))
        found.append(_only(surveyed.request(()), keys))
    return [one for one in found if one.columns]


def _only(request: ReadRequest, names: set[str]) -> ReadRequest:
    columns = {name: column for name, column in request.columns.items() if name in names}
    return replace(request, columns=columns)


def _add(estimates: Iterable[Estimate]) -> Estimate:
    known = list(estimates)
    bytes_known = [one.byte_count for one in known if one.byte_count is not None]
    credits_known = [one.credit_count for one in known if one.credit_count is not None]
    return Estimate(
        row_count=known[0].row_count,
        byte_count=sum(bytes_known) if bytes_known else None,
        credit_count=sum(credits_known) if credits_known else None,
    )
