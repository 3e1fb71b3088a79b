"""Statements: fakesnow's translation to DuckDB, and what it lacks."""

import itertools
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import fakesnow.server as fakesnow_server
import fakesnow.transforms
import pyarrow as pa
import sqlglot
from declared import DeclaredTypes, storable
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.dialect import parse_one
from fakesnow.statement_type import statement_type_id
from fakesnow.transforms.merge import operations
from snowflake.connector import errors
from sqlglot import Expr, exp

#: Bytes that a value counts for in plans and in the query history: our own rule, not Snowflake's.
BYTES_PER_VALUE = 8
WAREHOUSE_SIZE = "X-Small"
_EXPLAIN = re.compile(r"\s*explain\s+using\s+json\s+(.*)", re.IGNORECASE | re.DOTALL)
_HISTORY = re.compile(
    r"table\(\s*(?:\"?\w+\"?\.)?information_schema\.query_history_by_session\(([^)]*)\)\s*\)", re.IGNORECASE
)
_SESSION = re.compile(r"session_id\s*=>\s*(\d+)", re.IGNORECASE)
_TEMPORARY = re.compile(
    r"(create\s+(?:or\s+replace\s+)?)(?:temporary|temp)"
    r"(\s+(?:table|view)\s+(?:if\s+not\s+exists\s+)?[\w\"$]+\.[\w\"$]+\.)",
    re.IGNORECASE,
)
_WAREHOUSE = re.compile(r"current_warehouse\(\)", re.IGNORECASE)
_CONSTANTS = {
    re.compile(r"current_account\(\)", re.IGNORECASE): "'EMULATOR'",
    re.compile(r"current_region\(\)", re.IGNORECASE): "'LOCAL'",
}
_MERGE = re.compile(r"(\s|/\*.*?\*/|--[^\n]*\n)*merge\s", re.IGNORECASE | re.DOTALL)


def _whole_numbers(node: Expr) -> Expr:
    """NUMBER has 38 digits in Snowflake, and so has a column of INT; fakesnow makes both 64-bit integers.

    INT in a cast stays one: DuckDB's date arithmetic takes nothing wider.
    """
    if not isinstance(node, exp.DataType) or node.expressions:
        return node
    is_column = isinstance(node.parent, exp.ColumnDef)
    if node.this == exp.DataType.Type.DECIMAL or (node.this in _INTEGERS and is_column):
        return exp.DataType.build("DECIMAL(38, 0)")
    return exp.DataType.build("BIGINT") if node.this in _INTEGERS else node


_INTEGERS = {
    exp.DataType.Type.TINYINT,
    exp.DataType.Type.SMALLINT,
    exp.DataType.Type.INT,
    exp.DataType.Type.BIGINT,
}
fakesnow.transforms.integer_precision = _whole_numbers
# It sums everything as doubles, for the sake of texts that hold numbers: money would lose its cents.
fakesnow.transforms.numeric_agg_implicit_cast = lambda node: node


@dataclass(frozen=True)
class Outcome:
    """What a statement gave."""

    query_id: str
    type_id: int
    rows: pa.Table | None
    rowtype: list
    upload: dict | None = None
    upload_expression: Expr | None = None


@dataclass
class Engine:
    """All sessions' statements; a session runs one at a time."""

    database: fakesnow_server.FakeSnow
    log: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.declared = DeclaredTypes(self.database.duck_conn)
        self._locks: dict[int, threading.Lock] = {}
        self._open: set[int] = set()
        self._serials = itertools.count()
        self._history: dict[int, list[tuple]] = {}

    def run(self, session, sql: str, params, *, describes: bool) -> Outcome:
        with self._locks.setdefault(id(session), threading.Lock()), _as_snowflake():
            explained = _EXPLAIN.match(sql)
            if explained:
                return self._answer(session, {"content": self._plan(session, explained[1])})
            started = time.monotonic()
            outcome = self._run(session, self._adapted(session, sql), params, describes=describes)
            if outcome.rows is not None and not describes:
                elapsed = int((time.monotonic() - started) * 1000)
                scanned = outcome.rows.num_rows * outcome.rows.num_columns * BYTES_PER_VALUE
                history = self._history.setdefault(session.session_id, [])
                history.append((outcome.query_id, scanned, elapsed))
            return outcome

    def roll_back(self, session) -> None:
        with self._locks.setdefault(id(session), threading.Lock()):
            self._open.discard(id(session))
            session.rollback()

    def _follow_transaction(self, session, statement: Expr) -> None:
        """DDL commits what is open, as in Snowflake; DuckDB would make it part of the transaction."""
        if isinstance(statement, exp.Transaction):
            self._open.add(id(session))
        elif isinstance(statement, exp.Commit | exp.Rollback):
            self._open.discard(id(session))
        elif isinstance(statement, exp.Create | exp.Drop | exp.Alter) and id(session) in self._open:
            self._open.discard(id(session))
            session.commit()

    def _adapted(self, session, sql: str) -> str:
        # DuckDB keeps temporary tables in a catalogue of their own.
        sql = _TEMPORARY.sub(r"\1\2", sql)
        warehouse = f"'{session.warehouse_name}'" if session.warehouse_name else "NULL"
        sql = _WAREHOUSE.sub(warehouse, sql)
        for pattern, constant in _CONSTANTS.items():
            sql = pattern.sub(constant, sql)
        return _HISTORY.sub(lambda found: self._history_rows(session, found[1]), sql)

    def _history_rows(self, session, arguments: str) -> str:
        named = _SESSION.search(arguments)
        known = self._history.get(int(named[1]) if named else session.session_id, [])[-10:]
        rows = [f"('{name}', {scanned}, {took}, '{WAREHOUSE_SIZE}')" for name, scanned, took in known]
        rows = rows or ["(NULL, NULL, NULL, NULL)"]
        columns = "QUERY_ID, BYTES_SCANNED, EXECUTION_TIME, WAREHOUSE_SIZE"
        return f"(SELECT * FROM (VALUES {', '.join(rows)}) AS history ({columns}))"

    def _run(self, session, sql: str, params, *, describes: bool) -> Outcome:
        statement = parse_one(sql)
        text = sql
        stored = storable(statement)
        if stored != statement:
            text = stored.sql(dialect="snowflake")
        cursor = session.cursor()
        place = (session.database, session.schema)
        if describes and (described := cursor._describe_only(text)) is not None:
            rowtype = self.declared.rowtype(described, statement, *place)
            return Outcome(cursor.sfqid, statement_type_id(statement), None, rowtype)
        self._follow_transaction(session, statement)
        if _MERGE.match(text):
            _merge(cursor, text, params)
        else:
            cursor.execute(text, binding_params=params, server=True)
        self.declared.learn(statement, *place)
        transformed = cursor._last_transformed
        rowtype = self.declared.rowtype(cursor._describe_last_sql(), statement, *place)
        return Outcome(
            cursor.sfqid,
            statement_type_id(statement),
            cursor._arrow_table,
            rowtype,
            transformed.args.get("put_stage_data"),
            transformed,
        )

    def _answer(self, session, row: dict[str, str]) -> Outcome:
        table = pa.table({name: [value] for name, value in row.items()})
        statement = sqlglot.parse_one("SELECT 1")
        described = [(name, "VARCHAR") for name in row]
        rowtype = self.declared.rowtype(described, statement, session.database, session.schema)
        return Outcome(f"emulated-{next(self._serials)}", 0x1000, table, rowtype)

    def _plan(self, session, sql: str) -> str:
        """The part of a plan that tells what would be scanned."""
        statement = parse_one(self._adapted(session, sql))
        session.cursor()._describe_only(storable(statement).sql("snowflake"))  # a plan needs a valid query
        names = {column.name.upper() for column in statement.find_all(exp.Column)}
        total = 0
        for table in statement.find_all(exp.Table):
            origin = exp.select("*").from_(exp.table_(*reversed(table.parts)))
            cursor = session.cursor()
            cursor.execute(f"SELECT COUNT(*) FROM ({origin.sql('snowflake')})", server=True)
            ((rows,),) = cursor.fetchall()
            described = session.cursor()._describe_only(origin.sql("snowflake"))
            own = {name.upper() for name, *_ in described}
            read = own if statement.find(exp.Star) and not names else own & names
            total += rows * max(len(read), 1) * BYTES_PER_VALUE
        stats = {"partitionsTotal": 1, "partitionsAssigned": 1, "bytesAssigned": total}
        return json.dumps({"GlobalStats": stats, "Operations": [[]]})


def _merge(cursor: FakeSnowflakeCursor, sql: str, params) -> None:
    """MERGE by DuckDB's own; fakesnow's takes only plain columns and breaks inside a transaction."""
    merge = parse_one(cursor._inline_variables(sql))
    effects = operations(merge)
    target = merge.this.alias_or_name
    for when in merge.find_all(exp.When):
        if isinstance(when.args.get("then"), exp.Update):
            for assignment in when.args["then"].expressions:
                assignment.this.set("table", None)  # DuckDB sets bare columns
    for column in merge.find_all(exp.Column):
        if column.table == target and column.args.get("db") is None:
            column.set("table", exp.to_identifier("_target", quoted=True))
    merge.this.set("alias", exp.TableAlias(this=exp.to_identifier("_target", quoted=True)))
    transformed = cursor._transform(merge, params)
    cursor._duck_conn.execute(transformed.sql(dialect="duckdb") + " RETURNING merge_action", params)
    counts = Counter(row[0].upper() for row in cursor._duck_conn.fetchall())
    names = {"inserted": "INSERT", "updated": "UPDATE", "deleted": "DELETE"}
    shown = [
        f'{counts[names[effect]]} AS "number of rows {effect}"' for effect, used in effects.items() if used
    ]
    result = sqlglot.parse_one(f"SELECT {', '.join(shown)}", dialect="duckdb")
    result.set("merge_counts", True)
    cursor._execute(result, None)


@contextmanager
def _as_snowflake() -> Iterator[None]:
    """DuckDB's errors under Snowflake's numbers."""
    try:
        yield
    except errors.Error as error:
        if error.errno != _FAKESNOW_BINDER:
            raise
        text = str(error.raw_msg).splitlines()[0]  # DuckDB goes on with all that it knows
        raise errors.ProgrammingError(msg=text, errno=904, sqlstate="42000") from None
    except tuple(_NUMBERS) as error:
        number, state = next(told for family, told in _NUMBERS.items() if isinstance(error, family))
        text = f"{type(error).__name__}: {error}"
        raise errors.ProgrammingError(msg=text, errno=number, sqlstate=state) from None


_FAKESNOW_BINDER = 2043
#: The first that fits tells; what is left are gaps of the emulator.
_NUMBERS: dict[type[Exception], tuple[int, str]] = {
    duckdb.ConstraintException: (100072, "22000"),
    duckdb.ConversionException: (100038, "22018"),
    duckdb.OutOfRangeException: (100039, "22003"),
    duckdb.TransactionException: (625, "57014"),
    duckdb.Error: (100000, "P0000"),
    **dict.fromkeys(
        (ValueError, AssertionError, LookupError, TypeError, AttributeError, NotImplementedError),
        (9999, "0A000"),
    ),
}
