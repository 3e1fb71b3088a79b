"""MERGE inside a transaction, which local-bigquery loses.

It asks for a transaction of its own to learn whether there is one, and DuckDB 1.5
ends the one that there is for that.
"""

from contextvars import ContextVar
from typing import Any

import duckdb
from local_bigquery.jobs import merge
from local_bigquery.jobs import query as query_jobs
from sqlglot import exp

#: Every job runs in a context of its own.
_IS_OPEN: ContextVar[bool] = ContextVar("is_open", default=False)


class _InTransaction:
    """A cursor that says, without asking DuckDB, that a transaction has begun."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def execute(self, sql: str, *bound: Any) -> Any:
        if sql == "BEGIN":
            raise duckdb.TransactionException("a transaction has begun")
        return self._cursor.execute(sql, *bound)


def install() -> None:
    run_statement, run_merge = query_jobs._run, merge.run

    def run(cursor: Any, tree: Any, *more: Any) -> Any:
        statistics = run_statement(cursor, tree, *more)
        if isinstance(tree, exp.Transaction | exp.Commit | exp.Rollback):
            _IS_OPEN.set(isinstance(tree, exp.Transaction))
        return statistics

    def merge_rows(cursor: Any, tree: Any, context: Any) -> Any:
        return run_merge(_InTransaction(cursor) if _IS_OPEN.get() else cursor, tree, context)

    query_jobs._run, merge.run = run, merge_rows
