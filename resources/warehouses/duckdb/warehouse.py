"""DuckDB as a warehouse: one file, read by many, written by one process.

Sources are opened read-only and locked: a SELECT of a workspace can reach its own
tables, and no file, network, extension or setting.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from resources.warehouses.arrow_types import arrow_schema, fit_batch
from resources.warehouses.base import (
    Capabilities,
    Estimate,
    Load,
    ReadRequest,
    Relation,
    SourceColumn,
    SourceError,
    SourceProblem,
    WriteReceipt,
)
from resources.warehouses.duckdb.connecting import open_file
from resources.warehouses.duckdb.session import DuckDBSession
from resources.warehouses.duckdb.types import DuckDBDialect, declare_column
from resources.warehouses.loading import count_table_rows, load_tables
from resources.warehouses.statements import count_rows, select_all, select_rows, summarise_rows
from resources.warehouses.streams import RowStream

#: A batch of fifty columns of text stays well below 100 MB.
BATCH_ROWS = 65_536
_DIALECT = DuckDBDialect()


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
            has_many_writers=False,
            counts_for_free=True,
            estimates_bytes=False,
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
            rows = cursor.execute(f"DESCRIBE {select_all(source, relation, _DIALECT)}").fetchall()
        return tuple(declare_column(row[0], row[1]) for row in rows)

    def estimate(self, request: ReadRequest) -> Estimate:
        """Exact: DuckDB counts in milliseconds and reads are free."""
        ((counted,),) = self._fetch(request, count_rows(request, _DIALECT))
        return Estimate(row_count=int(str(counted)))

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[RowStream]:
        with self._reading(request, tuple(request.columns)) as stream:
            yield stream

    @contextmanager
    def read_keys(self, request: ReadRequest, keys: Sequence[str]) -> Iterator[RowStream]:
        with self._reading(request, tuple(key for key in keys if key in request.columns)) as stream:
            yield stream

    def summarise(self, request: ReadRequest, *, by: str | None, sums: Sequence[str]) -> pa.Table:
        statement = summarise_rows(request, by=by, sums=sums, dialect=_DIALECT)
        with _explained(request.source, request.relation), self._connection.cursor() as cursor:
            return cursor.sql(statement).to_arrow_table()

    def write(self, loads: Sequence[Load]) -> tuple[WriteReceipt, ...]:
        with self._connection.cursor() as cursor:
            return load_tables(DuckDBSession(cursor), loads)

    def count_rows(self, table: str, *, schema_name: str = "onward") -> int:
        with self._connection.cursor() as cursor:
            return count_table_rows(DuckDBSession(cursor), schema_name, table)

    def _fetch(self, request: ReadRequest, statement: str) -> list[tuple[object, ...]]:
        with _explained(request.source, request.relation), self._connection.cursor() as cursor:
            return cursor.execute(statement).fetchall()

    @contextmanager
    def _reading(self, request: ReadRequest, names: Sequence[str]) -> Iterator[RowStream]:
        schema = arrow_schema({name: request.columns[name] for name in names})
        with _explained(request.source, request.relation), self._connection.cursor() as cursor:
            reader = cursor.sql(select_rows(request, names, _DIALECT)).to_arrow_reader(BATCH_ROWS)
            yield RowStream(schema, (fit_batch(batch, schema) for batch in reader))
