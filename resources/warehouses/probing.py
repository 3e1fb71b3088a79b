"""Small questions to a warehouse for people who set it up: its clock, and whether results may be written."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from resources.warehouses.base import (
    Load,
    ReadRequest,
    Relation,
    SourceError,
    SourceProblem,
    Warehouse,
    WriteMode,
)
from resources.warehouses.loading import LoadSession, internal_schema

#: What a session shows on its wall clock; each is documented for its engine.
_WALL_CLOCKS = {
    "duckdb": "SELECT CAST(now() AS TIMESTAMP) AS wall_time",
    "snowflake": 'SELECT CAST(CURRENT_TIMESTAMP() AS TIMESTAMP_NTZ(6)) AS "wall_time"',
    "bigquery": "SELECT CURRENT_DATETIME() AS wall_time",
    "redshift": "SELECT GETDATE() AS wall_time",
}
_PROBE_SECONDS = 60.0
_COLUMN = "probe"


def ask_row(
    warehouse: Warehouse,
    source: str,
    query: str,
    *,
    maximum_bytes: int | None = None,
    maximum_seconds: float | None = None,
) -> dict[str, Any]:
    """The one row of a query of ours, on the way that all rows take.

    Raises:
        SourceError: It cannot be read within these limits.
    """
    relation = Relation(query=query)
    columns = {column.name: column for column in warehouse.describe(source, relation)}
    request = ReadRequest(
        source=source,
        relation=relation,
        columns=columns,
        maximum_bytes=maximum_bytes,
        maximum_seconds=maximum_seconds,
    )
    with warehouse.read(request) as stream:
        (row,) = stream.read_all().to_pylist()
    return dict(row)


def read_wall_clock(warehouse: Warehouse, name: str) -> datetime:
    """What a session shows as the time; sessions are in UTC.

    Args:
        warehouse: An open one.
        name: Of the connection, for messages.
    """
    query = _WALL_CLOCKS[warehouse.capabilities.kind]
    shown: datetime = ask_row(warehouse, name, query, maximum_seconds=_PROBE_SECONDS)["wall_time"]
    return shown.replace(tzinfo=UTC)


def probe_writing(session: LoadSession, *, schema_name: str) -> None:
    """Does in small what a write does, and removes everything but the two schemas.

    Raises:
        SourceError: Says which step failed.
    """
    internal = internal_schema(schema_name)
    token = uuid.uuid4().hex[:12]
    load = Load(
        table=_COLUMN,
        columns={_COLUMN: pl.Int64()},
        rows=pl.LazyFrame({_COLUMN: [1]}),
        mode=WriteMode.APPEND,
        load_id=token,
        schema_name=schema_name,
    )
    table = session.quote(internal, f"{_COLUMN}_{token}")
    staged = f"stage_{_COLUMN}_{token}"
    column = session.quote(_COLUMN)
    with ExitStack() as stack:
        with _step(f"making the schemas {schema_name} and {internal}"):
            session.create_schema(schema_name)
            session.create_schema(internal)
        with _step(f"making a table in {internal}"):
            session.execute(f"CREATE TABLE {table} ({column} {session.column_type(pl.Int64())})")
        stack.callback(_drop, session, table)
        with _step("staging rows"):
            origin = _stage(session, load, staged)
        stack.callback(_unstage, session, load, staged)
        with _step("writing in a transaction"):
            session.run_atomically([f"INSERT INTO {table} ({column}) SELECT {column} FROM {origin}"])  # noqa: S608
        with _step("counting what was written"):
            ((counted,),) = session.fetch(f"SELECT COUNT(*) FROM {table}")  # noqa: S608
    if int(str(counted)) != 1:
        what = f"one row was written and {counted} arrived."
        problem = SourceProblem(
            "write_failed", "target", schema_name, None, what, "Ask who else writes there."
        )
        raise SourceError(problem)


def _stage(session: LoadSession, load: Load, name: str) -> str:
    try:
        return session.stage(load, name)
    except SourceError:
        # Whatever it got to is removed; that this fails as well adds nothing to why.
        with suppress(SourceError):
            session.unstage(load, name)
        raise


def _unstage(session: LoadSession, load: Load, name: str) -> None:
    with _step("removing the staging table"):
        session.unstage(load, name)


def _drop(session: LoadSession, table: str) -> None:
    with _step("removing the table"):
        session.execute(f"DROP TABLE IF EXISTS {table}")


@contextmanager
def _step(doing: str) -> Iterator[None]:
    """Says in an error what was being done."""
    try:
        yield
    except SourceError as error:
        problems = [replace(problem, what=f"{doing} failed: {problem.what}") for problem in error.problems]
        raise SourceError(*problems, is_transient=error.is_transient) from None
