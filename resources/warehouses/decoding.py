"""What Arrow and Polars cannot decode, as an error that names the column and never a value.

Polars raises PanicException on Arrow types that it does not know, which is no
Exception: it is caught here by its own name. The texts of both libraries can
quote values, so only the kind of a failure is told.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from resources.warehouses.base import ReadRequest, SourceError, SourceProblem
from resources.warehouses.stage_files import is_disk_full

_UNDECODABLE = (
    pa.ArrowException,
    pl.exceptions.PanicException,
    pl.exceptions.PolarsError,
    ValueError,
    TypeError,
    NotImplementedError,
    OverflowError,
)


class UndecodableRowsError(Exception):
    """Rows that cannot be decoded.

    Attributes:
        column: Output name of the first column that fails by itself; null when none does.
        kind: Class of the failure.
    """

    def __init__(self, column: str | None, kind: str) -> None:
        super().__init__(f"{column or 'rows'} ({kind})")
        self.column = column
        self.kind = kind


@contextmanager
def decoding(rows: pa.Table) -> Iterator[None]:
    """Looks for the column when rows cannot be decoded: each is tried by itself."""
    try:
        yield
    except _UNDECODABLE as failure:
        raise UndecodableRowsError(_undecodable_column(rows), type(failure).__name__) from None


def require_decodable(schema: pa.Schema) -> None:
    """Raises UndecodableRowsError for a type that no row of it could pass; tried on one row of nulls."""
    row = pa.table([pa.nulls(1, field.type) for field in schema], schema=schema)
    with decoding(row):
        _decode(row)


def _decode(rows: pa.Table) -> None:
    """To Polars, and to Parquet and back."""
    pl.from_arrow(rows)
    file = pa.BufferOutputStream()
    pq.write_table(rows, file)
    pl.read_parquet(file.getvalue().to_pybytes())


def _undecodable_column(rows: pa.Table) -> str | None:
    for name in rows.column_names:
        column = rows.select([name])
        try:
            _decode(column)
        except _UNDECODABLE:
            return str(name)
    return None


@contextmanager
def explained(request: ReadRequest | None, *, place: str) -> Iterator[None]:
    """Typed errors for what can go wrong between a warehouse and a file.

    Args:
        request: What is read; null for a stream that has none.
        place: Folder or file that is written, for messages.
    """
    try:
        yield
    except UndecodableRowsError as failure:
        raise _cannot_decode(request, failure.column, failure.kind) from None
    except (ConnectionError, TimeoutError) as error:
        raise _broken_off(request, error) from None
    except OSError as error:
        raise _cannot_write(request, error, place) from None
    except _UNDECODABLE as failure:
        raise _cannot_decode(request, None, type(failure).__name__) from None


def _problem(
    request: ReadRequest | None, code: str, column: str | None, what: str, remedy: str
) -> SourceError:
    source, table = ("read", "rows") if request is None else (request.source, request.relation.label)
    return SourceError(SourceProblem(code, source, table, column, what, remedy))


def _cannot_decode(request: ReadRequest | None, column: str | None, kind: str) -> SourceError:
    declared = request.columns.get(column) if request is not None and column is not None else None
    subject = "the rows"
    if column is not None:
        subject = f"{declared.name}, declared as {declared.declared_type}," if declared else column
    what = f"{subject} cannot be decoded ({kind}; its text is withheld: it can quote values)."
    remedy = "CAST columns of unusual types to text or a number in a query, or leave them out."
    return _problem(request, "cannot_decode", column, what, remedy)


def _broken_off(request: ReadRequest | None, error: OSError) -> SourceError:
    what = f"the connection broke off ({type(error).__name__})."
    problem = _problem(request, "unreachable", None, what, "Check the network and run the night again.")
    return SourceError(*problem.problems, is_transient=True)


def _cannot_write(request: ReadRequest | None, error: OSError, place: str) -> SourceError:
    if is_disk_full(error):
        what = f"the disk is full: rows on their way are kept in {place}."
        return _problem(request, "disk_full", None, what, "Make room there and start it again.")
    reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
    what = f"rows on their way cannot be kept in {place} ({reason})."
    return _problem(request, "cannot_spool", None, what, "Make the folder writable and run the night again.")
