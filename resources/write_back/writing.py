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
from resources.warehouses.base import Load, Warehouse, WriteMode

SCHEMA = "onward"


class RefusedTableError(Exception):
    """A table must not leave the lake."""


class IncompleteWriteError(Exception):
    """The warehouse does not hold the rows that were written."""


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


def written_columns(table: Table) -> dict[str, pl.DataType]:
    """Columns of a written-back table, in order: workspace, night, and the rest of the contract."""
    contract = {name: column.dtype for name, column in table.schema.columns().items()}
    return {"workspace_id": contract.pop("workspace_id"), "as_of": pl.Date(), **contract}


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


def _load_of(published: PublishedTable, *, workspace_id: str, night: date) -> Load:
    columns = written_columns(published.table)
    return Load(
        table=published.table.name,
        schema_name=SCHEMA,
        columns=columns,
        rows=published.frame.lazy().with_columns(as_of=pl.lit(night)).select(columns.keys()),
        mode=WriteMode.REPLACE_PARTITION,
        load_id=published.version,
        partition={"workspace_id": workspace_id, "as_of": night},
    )


def write_back(
    published: Sequence[PublishedTable],
    *,
    warehouse: Warehouse,
    target_name: str,
    workspace_id: str,
    night: date,
) -> pl.DataFrame:
    """Copy tables of one night; returns what the warehouse holds afterwards (`written_tables`).

    Raises:
        RefusedTableError: A table holds personal data or is not declared as written back.
        SourceError: A table differs from its contract in more than missing columns, holds rows of
            another workspace, or the warehouse cannot be written to.
        IncompleteWriteError: The counts differ after the write.
    """
    for one in published:
        _require_writable(one.table)
    loads = [_load_of(one, workspace_id=workspace_id, night=night) for one in published]
    receipts = warehouse.write(loads)
    for load, receipt in zip(loads, receipts, strict=True):
        if receipt.row_count != receipt.table_row_count:
            raise IncompleteWriteError(
                f"{SCHEMA}.{load.table} holds {receipt.table_row_count} rows of the night and should hold "
                f"{receipt.row_count}; something else wrote to it. Run the night again"
            )
    lines = [
        (
            workspace_id,
            one.table.identifier,
            target_name,
            receipt.row_count,
            receipt.table_row_count,
            one.version,
        )
        for one, receipt in zip(published, receipts, strict=True)
    ]
    return pl.DataFrame(lines, schema=WrittenTable.create_empty().schema, orient="row")
