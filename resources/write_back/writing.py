"""Copies published tables to schema `onward` of the target warehouse, one copy of each night.

All tables of a night become visible together. Writing a night again replaces its
rows. Tables and columns that are missing are made; any other difference between
a contract and the table that is there stops the write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.delivery import WrittenTable
from resources.write_back.column_types import warehouse_columns
from resources.write_back.targets import NightRows, Target, TargetSession

SCHEMA = "onward"


class RefusedTableError(Exception):
    """A table must not leave the lake."""


class IncompatibleTableError(Exception):
    """The table in the warehouse is not what the contract says, and adding columns would not help."""


class IncompleteWriteError(Exception):
    """The warehouse does not hold the rows that were written; nothing of the night was kept."""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table as it was published.

    Attributes:
        frame: Its rows; exactly the columns of the contract.
        version: What the warehouse is told it holds. The content hash of the version, not its name:
            a name holds the run, and a night that is run again would never equal the first one.
    """

    table: Table
    frame: pl.LazyFrame | pl.DataFrame
    version: str


def _require_writable(table: Table) -> None:
    personal = [
        name for name, column in table.schema.columns().items() if (column.metadata or {}).get("personal")
    ]
    if table.is_personal or personal:
        raise RefusedTableError(
            f"{table.identifier} holds personal data ({', '.join(personal)}); it stays in the lake"
        )
    if not table.is_written_back:
        raise RefusedTableError(f"{table.identifier} is not declared as written back; it stays in the lake")


def _prepare_table(session: TargetSession, table: Table, columns: dict[str, str]) -> None:
    """Create the table, or add the columns that it lacks."""
    present = session.columns(SCHEMA, table.name)
    if not present:
        session.create_table(SCHEMA, table.name, columns)
        return
    differing = [
        f"{name} is {kind} there and {columns.get(name, 'not in the contract')} here"
        for name, kind in present.items()
        if columns.get(name) != kind
    ]
    if differing:
        raise IncompatibleTableError(
            f"{SCHEMA}.{table.name} in the warehouse does not fit its contract: {'; '.join(differing)}. Only "
            "new columns are added by themselves. Rename or drop the table there, then run the nights that "
            "it should hold"
        )
    session.add_columns(
        SCHEMA, table.name, {name: kind for name, kind in columns.items() if name not in present}
    )


def _copy(
    session: TargetSession, published: PublishedTable, *, kind: str, scope: NightRows
) -> tuple[int, int]:
    """Row counts in the lake and in the warehouse."""
    table = published.table
    columns = warehouse_columns(table, kind)
    rows = published.frame.lazy().with_columns(as_of=pl.lit(scope.night)).select(columns.keys()).collect()
    _prepare_table(session, table, columns)
    session.replace_rows(SCHEMA, table.name, rows, scope)
    written_count = session.count_rows(SCHEMA, table.name, scope)
    if written_count != rows.height:
        raise IncompleteWriteError(
            f"{SCHEMA}.{table.name} holds {written_count} rows of the night and should hold {rows.height}; "
            "rows of another workspace in the frame are the usual cause. Nothing of the night was kept"
        )
    return rows.height, written_count


def write_back(
    published: Sequence[PublishedTable], *, target: Target, workspace_id: str, night: date
) -> pl.DataFrame:
    """Copy tables of one night; returns what the warehouse holds afterwards (`written_tables`).

    Raises:
        RefusedTableError: A table holds personal data or is not declared as written back.
        IncompatibleTableError: A table differs from its contract in more than missing columns.
        IncompleteWriteError: The counts differ after the write.
    """
    for one in published:
        _require_writable(one.table)
    scope = NightRows(workspace_id, night)
    with target.transaction() as session:
        counts = [_copy(session, one, kind=target.kind, scope=scope) for one in published]
    lines = [
        (workspace_id, one.table.identifier, target.name, row_count, written_count, one.version)
        for one, (row_count, written_count) in zip(published, counts, strict=True)
    ]
    return pl.DataFrame(lines, schema=WrittenTable.create_empty().schema, orient="row")
