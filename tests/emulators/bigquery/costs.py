"""What a query would cost, which local-bigquery does not say.

Bytes are rows × 8 × referenced columns, the rule by which local-bigquery sizes its
tables; literal conditions on the partition column leave out rows as pruning would.
The figures show that a guard reacts to columns and partitions, not Google's amounts.
"""

import re
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import duckdb
import sqlglot
from local_bigquery import errors
from local_bigquery.catalog import tables
from local_bigquery.engine import database
from local_bigquery.jobs import query as query_jobs
from local_bigquery.jobs import runner
from local_bigquery.sql.translate import Context, parse, translate
from sqlglot import exp

#: At least this much is billed for every table that a query touches.
MINIMUM_BILLED = 10 * 2**20
_DYNAMIC_SET = re.compile(r"set\s*\(\s*(\w+)\s*\)\s*=\s*\(\s*select\s+as\s+struct", re.IGNORECASE)


@dataclass(frozen=True)
class Query:
    """A query as it arrived."""

    sql: str
    is_dry_run: bool
    maximum_bytes_billed: int | None
    scanned_bytes: int


#: The latest queries, for tests that look at what was sent.
QUERIES: deque[Query] = deque(maxlen=10_000)
#: Seconds that the next queries take longer.
DELAYS: deque[float] = deque()


@dataclass(frozen=True)
class Cost:
    scanned_bytes: int
    table_count: int

    @property
    def billed_bytes(self) -> int:
        """Even where nothing is scanned a touched table costs the minimum."""
        return max(self.scanned_bytes, MINIMUM_BILLED * self.table_count)


def _place(table: exp.Table, project: str, default: Any) -> tuple[str, str, str] | None:
    parts = [part for part in (table.catalog, table.db, table.name) if part]
    if len(parts) == 1 and default is not None:
        parts = [default.datasetId, *parts]
    if len(parts) == 2:
        parts = [project, *parts]
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


def _partition_conditions(tree: exp.Expression, partition: str) -> list[exp.Expression]:
    """Conjuncts that hold nothing but the partition column and literals."""
    found = []
    for where in tree.find_all(exp.Where):
        conjuncts = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
        for conjunct in conjuncts:
            columns = {column.name.casefold() for column in conjunct.find_all(exp.Column)}
            if columns == {partition.casefold()} and not conjunct.find(exp.Subquery):
                found.append(conjunct.copy())
    return found


def _row_count(place: tuple[str, str, str], table: Any, tree: exp.Expression) -> int:
    partitioning = table.timePartitioning
    conditions = _partition_conditions(tree, partitioning.field or "_PARTITIONTIME") if partitioning else []
    if not conditions:
        return int(table.numRows)
    for condition in conditions:
        for column in condition.find_all(exp.Column):
            column.set("table", None)
    where = " AND ".join(f"({condition.sql(dialect='bigquery')})" for condition in conditions)
    counted = parse(f"SELECT count(*) FROM `{'.'.join(place)}` WHERE {where}")[0]
    translated, bound = translate(counted, Context(place[0], place[1]))
    with database.cursor() as cursor:
        row = cursor.execute(translated, bound).fetchone()
    return int(row[0])


def _table_bytes(place: tuple[str, str, str], tree: exp.Expression) -> int | None:
    """Null for what has no size of its own: views, metadata, tables that do not exist."""
    try:
        table = tables.load(*place)
        names = [field.name.casefold() for field in tables.fields(table)]
        used = {column.name.casefold() for column in tree.find_all(exp.Column)}
        has_star = any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))
        referenced = [name for name in names if name in used]
        # `SELECT * FROM t` inside a SELECT of some columns reads these columns only.
        if has_star and not (isinstance(tree, exp.Select) and referenced and not tree.is_star):
            referenced = names
        return _row_count(place, table, tree) * 8 * len(referenced)
    except (errors.BigQueryError, duckdb.Error):
        return None


def price(project: str, config: Any) -> Cost:
    """Scanned bytes of every table that a query names."""
    try:
        trees = [tree for tree in sqlglot.parse(config.query, dialect="bigquery") if tree is not None]
    except sqlglot.errors.SqlglotError:
        return Cost(0, 0)  # the query fails by itself, with a better message
    sizes = []
    for tree in trees:
        for table in tree.find_all(exp.Table):
            place = _place(table, project, config.defaultDataset)
            size = _table_bytes(place, tree) if place else None
            if size is not None:
                sizes.append(size)
    return Cost(sum(sizes), len(sizes))


def install() -> None:
    """Puts prices on local-bigquery's queries."""
    errors.STATUSES["bytesBilledLimitExceeded"] = (400, "INVALID_ARGUMENT")
    run, finish = query_jobs.execute, runner._done

    def execute(cursor: Any, project: str, job: Any, config: Any, **more: Any) -> Any:
        is_dry_run = bool(more.get("dry_run"))
        cost, limit = price(project, config), config.maximumBytesBilled
        maximum = None if limit is None else int(limit)
        QUERIES.append(Query(config.query, is_dry_run, maximum, cost.scanned_bytes))
        if DELAYS and not is_dry_run:
            time.sleep(DELAYS.popleft())
        if maximum is not None and not is_dry_run and cost.billed_bytes > maximum:
            what = f"Query exceeded limit for bytes billed: {limit}. {cost.billed_bytes} or higher required."
            raise errors.BigQueryError("bytesBilledLimitExceeded", what)
        # dbt's dynamic partition overwrite; sqlglot does not know SELECT AS STRUCT in SET.
        plain = _DYNAMIC_SET.sub(r"set \1 = (select", config.query or "")
        config = config if plain == config.query else config.replace(query=plain)
        statistics, children, destination = run(cursor, project, job, config, **more)
        if destination is None and statistics.statementType == "CREATE_TABLE_AS_SELECT":
            destination = statistics.ddlTargetTable  # as the service does; dbt reads it
        billed = 0 if is_dry_run else cost.billed_bytes
        priced = statistics.replace(totalBytesProcessed=str(cost.scanned_bytes), totalBytesBilled=str(billed))
        return priced, children, destination

    def done(job: Any, statistics: Any, error: Any = None) -> Any:
        if statistics.query is not None and statistics.query.totalBytesProcessed:
            statistics = statistics.replace(totalBytesProcessed=statistics.query.totalBytesProcessed)
        return finish(job, statistics, error)

    query_jobs.execute, runner._done = execute, done
