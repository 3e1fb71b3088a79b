"""DuckDB, for the contract tests: a file that is open for reading or for writing."""

from contextlib import contextmanager

import duckdb

from tests.resources.warehouses.contract.engines.engine import Engine, doubled


class DuckDBEngine(Engine):
    kind = "duckdb"
    types = {  # noqa: RUF012
        "integer": "BIGINT",
        "small": "INTEGER",
        "text": "VARCHAR",
        "money": "DECIMAL(18, 2)",
        "precise": "DECIMAL(38, 9)",
        "wide": "DECIMAL(38, 0)",
        "float": "DOUBLE",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "time": "TIME",
        "timestamp": "TIMESTAMP",
        "instant": "TIMESTAMPTZ",
        "binary": "BLOB",
        "nested": "JSON",
    }
    more_types = (
        *("TINYINT", "UINTEGER", "UBIGINT", "HUGEINT", "BIGNUM", "FLOAT", "DECIMAL(38, 0)", "UUID"),
        *("ENUM('a', 'b')", "BIT", "INTERVAL", "TIMETZ", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
        *("STRUCT(a INTEGER)", "INTEGER[]", "INTEGER[3]", "MAP(VARCHAR, INTEGER)", "GEOMETRY"),
    )
    awkward_names = ("UPPER", "Mixed", "two words", 'say "x"', "select", "order", "ümlaut", "a.b", "1st")
    awkward_tables = ("order lines", "a.b", 'say "x"', "select")
    session = "resources.warehouses.duckdb.session.DuckDBSession"
    pinned_by = "resources.warehouses.duckdb.connecting._lock_down"

    def settings(self):
        return {"kind": "duckdb", "path": "source.duckdb"}

    def refused(self):
        (self.folder / "notes.duckdb").write_text("hello " * 1000)
        return [({"kind": "duckdb", "path": "notes.duckdb"}, "not_a_database", "hello")]

    def execute(self, *statements):
        self.close()  # a file is open for reading, or for writing
        with duckdb.connect(str(self.folder / "source.duckdb")) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for statement in statements:
                found = connection.execute(statement)
            return found.fetchall()

    def pinned_to(self, zone, pin, *given):
        connection, *others = given
        pin(_InZone(connection, zone), *others)

    @contextmanager
    def session_zone(self, monkeypatch, zone):
        self.close()  # the first connection to a file sets up all others
        with super().session_zone(monkeypatch, zone):
            yield

    @property
    def source(self):
        if self._target is not None:
            self.close()
        return super().source

    @property
    def target(self):
        if self._source is not None:
            self.close()
        return super().target

    def literal(self, meaning, value):
        match meaning:
            case "text":
                return doubled(value)
            case "nested":
                return f"{doubled(value)}::JSON"
            case "float":
                return f"CAST('{value!r}' AS DOUBLE)"
            case "date" | "time" | "timestamp" | "instant":
                return f"{self.types[meaning]} '{value}'"
            case "binary":
                return f"from_hex('{value.hex()}')"
            case _:
                return str(value)

    def document(self, text):
        return f"({text})::JSON"

    def sequence(self, count):
        return f"range({count}) r(i)"


class _InZone:
    """A connection that is asked for UTC and takes another zone."""

    def __init__(self, connection, zone):
        self._connection, self._zone = connection, zone

    def execute(self, statement):
        return self._connection.execute(statement.replace("'UTC'", f"'{self._zone}'"))
