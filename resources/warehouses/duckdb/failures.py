"""What DuckDB's errors mean to people; only errors about names and syntax are quoted, others hold values."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from resources.warehouses.base import Load, Relation, SourceError, SourceProblem
from resources.warehouses.stage_files import is_disk_full


@contextmanager
def explained(source: str, relation: Relation) -> Iterator[None]:
    """Errors of a read as SourceError."""
    try:
        yield
    except (duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException) as error:
        line = str(error).splitlines()[0].partition(": ")[2]
        if line.startswith(("Table", "View", "Schema")):  # and not a function or a type
            what = f"it does not exist: {line}"
            raise _problem(source, relation, "missing_table", what) from None
        what = f"the query is not valid: {line}"
        raise _problem(source, relation, "invalid_query", what) from None
    except duckdb.PermissionException:
        what = "the query reaches outside its warehouse (a file, an extension or a setting)."
        raise _problem(source, relation, "not_allowed", what) from None
    except duckdb.OutOfMemoryException:
        what = "the query needs more memory than the connection may take."
        raise _problem(source, relation, "out_of_memory", what) from None
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        # Batches fail as OSError, whose text is all that tells an interrupt from a broken value.
        if "INTERRUPT" in str(error):
            what = "the query was stopped, as it took longer than its budget allows."
            raise _problem(source, relation, "timeout", what) from None
        if "Out of Memory" in str(error):
            what = "the query needs more memory than the connection may take."
            raise _problem(source, relation, "out_of_memory", what) from None
        what = f"reading failed with {type(error).__name__} (its text is withheld: it can quote values)."
        raise _problem(source, relation, "read_failed", what) from None


_REMEDIES = {
    "missing_table": "Correct table or query in sources.yml.",
    "invalid_query": "Correct the query in sources.yml.",
    "not_allowed": "Load that data into the warehouse first.",
    "timeout": "Read less, or raise the budget of the source.",
    "out_of_memory": "Raise memory in connections.yml, or let the query sort or group fewer columns.",
    "read_failed": "Run the query in DuckDB to see which value.",
}


def _problem(source: str, relation: Relation, code: str, what: str) -> SourceError:
    return SourceError(SourceProblem(code, source, relation.label, None, what, _REMEDIES[code]))


@contextmanager
def explained_write(loads: Sequence[Load]) -> Iterator[None]:
    """Errors of a write as SourceError; all loads are named, as none of them was kept."""
    tables = ", ".join(f"{load.schema_name}.{load.table}" for load in loads)
    try:
        yield
    except duckdb.Error as error:
        raise _explain_write(tables, error) from None


def _explain_write(tables: str, error: duckdb.Error) -> SourceError:
    if is_disk_full(error):  # told before anything else: a commit that finds no room is one of the others too
        what, remedy = "the disk of the file is full; nothing was kept.", "Make room there and run it again."
        return SourceError(SourceProblem("disk_full", "target", tables, None, what, remedy))
    if isinstance(error, duckdb.TransactionException):
        what = "another writer changed the same tables at the same time; nothing was kept."
        problem = SourceProblem("write_failed", "target", tables, None, what, "Try again.")
        return SourceError(problem, is_transient=True)
    what = f"writing failed with {type(error).__name__} (its text can quote values); nothing was kept."
    remedy = "Compare the rows with the constraints of the tables."
    return SourceError(SourceProblem("write_failed", "target", tables, None, what, remedy))
