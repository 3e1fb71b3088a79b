"""DuckDB as a warehouse: one file, read by many, written by one process.

Sources are opened read-only and locked: a SELECT of a workspace can reach its own
tables, and no file, network, extension or setting.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from resources.warehouses.base import (
    Capabilities,
    Estimate,
    Family,
    ReadRequest,
    Relation,
    SourceColumn,
    SourceError,
    SourceProblem,
    TimeBound,
    WriteReceipt,
    WriteRequest,
)
from resources.warehouses.declared_types import declare_column, travelling
from resources.warehouses.duckdb_opening import open_file
from resources.warehouses.duckdb_writing import count_table_rows, quoted, write_rows

#: A batch of fifty columns of text stays well below 100 MB.
BATCH_ROWS = 65_536
#: Wall times without zone are compared with this much slack: no zone moves its clock by more.
_SLACK = timedelta(hours=3)
_ONE_DAY = timedelta(days=1)


def _problem(request: tuple[str, Relation], code: str, what: str, remedy: str) -> SourceError:
    source, relation = request
    return SourceError(SourceProblem(code, source, relation.label, None, what, remedy))


@contextmanager
def _explained(source: str, relation: Relation) -> Iterator[None]:
    """Typed errors; only errors about names and syntax are quoted, as others can hold values of rows."""
    place = (source, relation)
    try:
        yield
    except duckdb.CatalogException as error:
        what = f"it does not exist: {_first_line(error)}"
        raise _problem(place, "missing_table", what, "Correct table or query in sources.yml.") from None
    except (duckdb.BinderException, duckdb.ParserException) as error:
        what = f"the query is not valid: {_first_line(error)}"
        raise _problem(place, "invalid_query", what, "Correct the query in sources.yml.") from None
    except duckdb.PermissionException:
        what = "the query reaches outside its warehouse (a file, an extension or a setting)."
        raise _problem(place, "not_allowed", what, "Load that data into the warehouse first.") from None
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        what = f"reading failed with {type(error).__name__} (its text is withheld: it can quote values)."
        raise _problem(place, "read_failed", what, "Run the query in DuckDB to see which value.") from None


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0].partition(": ")[2]


def _literal(value: datetime, family: Family, zone: ZoneInfo, slack: timedelta) -> str:
    local = value.astimezone(zone).replace(tzinfo=None)
    if family is Family.INSTANT:
        return f"TIMESTAMPTZ '{value.isoformat()}'"
    if family is Family.DATE:
        # The end of the day before, or the day after: a whole day covers every zone.
        return f"DATE '{(local + (_ONE_DAY if slack > timedelta() else -_ONE_DAY)).date()}'"
    shift = timedelta() if zone.key == "UTC" else slack
    return f"TIMESTAMP '{(local + shift).isoformat(sep=' ')}'"


def _condition(bound: TimeBound, column: SourceColumn, zone: ZoneInfo) -> str | None:
    if column.family not in {Family.INSTANT, Family.TIMESTAMP, Family.DATE}:
        return None  # text that holds times is cut exactly after mapping
    name = quoted(column.name)
    parts = []
    if bound.since is not None:
        parts.append(f"{name} >= {_literal(bound.since, column.family, zone, -_SLACK)}")
    if bound.until is not None:
        parts.append(f"{name} < {_literal(bound.until, column.family, zone, _SLACK)}")
    if not parts:
        return None if bound.keeps_nulls else f"{name} IS NOT NULL"
    condition = " AND ".join(parts)
    return f"(({condition}) OR {name} IS NULL)" if bound.keeps_nulls else f"({condition})"


class DuckDBWarehouse:
    """One DuckDB file."""

    def __init__(self, path: Path, *, is_read_only: bool = True) -> None:
        self._path = path
        self._connection = open_file(path, is_read_only=is_read_only)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            kind="duckdb",
            maximum_decimal_precision=38,
            has_transactions=True,
            has_many_writers=False,
            counts_for_free=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def check(self) -> str:
        row = self._connection.execute("SELECT version()").fetchone()
        return f"duckdb {row[0] if row else 'unknown'}"

    def discover(self) -> Mapping[str, tuple[SourceColumn, ...]]:
        rows = self._connection.execute(
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE NOT internal ORDER BY 1, column_index"
        ).fetchall()
        found: dict[str, tuple[SourceColumn, ...]] = {}
        for table, name, declared_type in rows:
            found[table] = (*found.get(table, ()), declare_column(name, declared_type))
        return found

    def describe(self, source: str, relation: Relation) -> tuple[SourceColumn, ...]:
        with _explained(source, relation), self._connection.cursor() as cursor:
            rows = cursor.execute(f"DESCRIBE {self._select_all(source, relation)}").fetchall()
        return tuple(declare_column(row[0], row[1]) for row in rows)

    def estimate(self, request: ReadRequest) -> Estimate:
        """Exact: DuckDB counts in milliseconds and reads are free."""
        sql = f"SELECT count(*) FROM ({self._statement(request, tuple(request.columns))})"  # noqa: S608
        with _explained(request.source, request.relation), self._connection.cursor() as cursor:
            row = cursor.execute(sql).fetchone()
        return Estimate(row_count=row[0] if row else None, byte_count=None)

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[pa.RecordBatchReader]:
        with self._reading(request, tuple(request.columns)) as reader:
            yield reader

    @contextmanager
    def read_keys(self, request: ReadRequest, keys: Sequence[str]) -> Iterator[pa.RecordBatchReader]:
        with self._reading(request, tuple(key for key in keys if key in request.columns)) as reader:
            yield reader

    def write(self, request: WriteRequest, rows: pa.Table) -> WriteReceipt:
        with self._connection.cursor() as cursor:
            return write_rows(cursor, request, rows)

    def count_rows(self, table: str, *, schema_name: str = "onward") -> int:
        with self._connection.cursor() as cursor:
            return count_table_rows(cursor, table, schema_name)

    @contextmanager
    def _reading(self, request: ReadRequest, columns: Sequence[str]) -> Iterator[pa.RecordBatchReader]:
        with _explained(request.source, request.relation), self._connection.cursor() as cursor:
            yield cursor.sql(self._statement(request, columns)).to_arrow_reader(BATCH_ROWS)

    def _statement(self, request: ReadRequest, columns: Sequence[str]) -> str:
        # Bounds are literals, not parameters: DuckDB materialises a query with parameters, and a
        # datetime of ours cannot carry SQL.
        zone = ZoneInfo(request.time_zone)
        selected = ", ".join(
            f"{travelling(request.columns[name], quoted(request.columns[name].name))} AS {quoted(name)}"
            for name in columns
        )
        conditions = [_condition(bound, request.columns[bound.column], zone) for bound in request.bounds]
        where = " AND ".join(condition for condition in conditions if condition)
        source = self._select_all(request.source, request.relation)
        return f"SELECT {selected} FROM ({source}\n) AS source_rows{' WHERE ' + where if where else ''}"  # noqa: S608

    def _select_all(self, source: str, relation: Relation) -> str:
        if relation.table is not None:
            name = ".".join(quoted(part) for part in relation.table.split("."))
            return f"SELECT * FROM {name}"  # noqa: S608
        statements = self._connection.extract_statements(relation.query or "")
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            what, remedy = "query must be a single SELECT.", "Write one SELECT and nothing else."
            raise _problem((source, relation), "invalid_query", what, remedy)
        return str(statements[0].query).rstrip().rstrip(";")
