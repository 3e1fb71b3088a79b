"""How the contract tests make tables in each kind of warehouse: in its own SQL, through its own client.

Nothing of the connector is used to make what it then has to read. A test names types
by what they mean (`money`, `instant`); an engine says how it declares and writes them.
"""

import itertools
from contextlib import closing
from datetime import timedelta
from importlib import import_module

import duckdb

from pipelines.contracts.settings.connections import RESOLVED
from pipelines.contracts.settings.connector import ConnectorSettings
from resources.warehouses.base import ReadRequest, Relation
from resources.warehouses.open import Connections

_ROWS_PER_INSERT = 400
SCHEMA = "shop"
WRONG = "wr0ng-s3cret"


class Engine:
    """One warehouse of one kind, for the whole test run.

    Attributes:
        types: Meaning → declared type.
        more_types: Declared types that only this kind has.
        awkward_names: Column names that this kind accepts in quotes.
        refused: Settings that must be refused, with the code, and a secret that must not be told.
        session: Class with `run_atomically`, where a write can be made to crash.
    """

    kind: str
    types: dict[str, str]
    more_types: tuple[str, ...] = ()
    awkward_names: tuple[str, ...] = ()
    session: str

    def __init__(self, folder):
        self.folder = folder
        self._numbers = itertools.count(1)
        self._source = self._target = None
        self.execute(f"CREATE SCHEMA {self.quote(SCHEMA)}")

    def settings(self):
        raise NotImplementedError

    def refused(self):
        raise NotImplementedError

    def execute(self, *statements):
        """Runs statements through the engine's own client; the rows of the last one."""
        raise NotImplementedError

    def literal(self, meaning, value):
        raise NotImplementedError

    def quote(self, name):
        return '"' + name.replace('"', '""') + '"'

    def native(self, name):
        """How this kind spells a name that nobody quotes."""
        return name

    def sequence(self, count):
        """What to select whole numbers `i` from 0 from."""
        raise NotImplementedError

    # Tables

    def fresh_name(self, prefix="t"):
        return f"{prefix}{next(self._numbers)}"

    def create(self, columns, rows=(), *, declared=False, spelled=None):
        """A new table `shop.…`.

        Args:
            columns: Name → meaning, or declared type.
            rows: Values in the order of the columns.
            declared: Whether `columns` holds declared types.
            spelled: Turns names into the engine's; as nobody quotes them when not given.
        """
        spelled = spelled or self.native
        name = self.fresh_name()
        target = f"{self.quote(self.native(SCHEMA))}.{self.quote(self.native(name))}"
        kinds = columns if declared else {name: self.types[meaning] for name, meaning in columns.items()}
        listed = ", ".join(f"{self.quote(spelled(column))} {kind}" for column, kind in kinds.items())
        inserts = [
            self.insertion(target, list(columns.values()), block) for block in _blocks(rows, _ROWS_PER_INSERT)
        ]
        self.execute(f"CREATE TABLE {target} ({listed})", *inserts)
        return f"{SCHEMA}.{name}"

    def insertion(self, target, meanings, rows):
        texts = [
            f"({', '.join(self._written(*pair) for pair in zip(meanings, row, strict=True))})" for row in rows
        ]
        return f"INSERT INTO {target} VALUES {', '.join(texts)}"

    def _written(self, meaning, value):
        return "NULL" if value is None else self.literal(meaning, value)

    def sql_name(self, table):
        return ".".join(self.quote(self.native(part)) for part in table.split("."))

    # Warehouses

    def connections(self, settings=None, *, timeout="2m"):
        entry = {"timeout": timeout} | (settings or self.settings())
        written = {"connections": {"main": entry}, "target": "main", "sources": {}}
        return Connections(
            connector=ConnectorSettings.model_validate(written, context=RESOLVED),
            workspace_folder=self.folder,
            embedded_path=self.folder / "embedded.duckdb",
        )

    @property
    def source(self):
        """Open for reading; the same one until it is closed."""
        if self._source is None:
            self._source = self.connections().open("main")
        return self._source

    @property
    def target(self):
        """Open for writing, and for reading what was written."""
        if self._target is None:
            self._target = self.connections().open_target()
        return self._target

    def close(self):
        self.close_target()
        if self._source is not None:
            self._source.__exit__(None, None, None)
        self._source = None

    def close_target(self):
        if self._target is not None:
            self._target.__exit__(None, None, None)
        self._target = None

    @property
    def session_class(self):
        module, _, name = self.session.rpartition(".")
        return getattr(import_module(module), name)


def _blocks(rows, size):
    rows = list(rows)
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def request_of(warehouse, relation, *bounds, **changes):
    """Everything of a relation, under lower-case names."""
    relation = Relation(table=relation) if isinstance(relation, str) else relation
    declared = warehouse.describe("orders", relation)
    return ReadRequest(
        source="orders",
        relation=relation,
        columns={column.name.lower(): column for column in declared},
        bounds=bounds,
        **changes,
    )


def read_rows(warehouse, relation, *bounds, **changes):
    """Rows as tuples, in no order."""
    with warehouse.read(request_of(warehouse, relation, *bounds, **changes)) as stream:
        return [tuple(row.values()) for row in stream.read_all().to_pylist()]


def _doubled(text):
    return "'" + text.replace("'", "''") + "'"


def _escaped(text):
    for plain, written in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, written)
    return f"'{text}'"


class DuckDBEngine(Engine):
    kind = "duckdb"
    types = {  # noqa: RUF012
        "integer": "BIGINT",
        "small": "INTEGER",
        "text": "VARCHAR",
        "money": "DECIMAL(18, 2)",
        "precise": "DECIMAL(38, 9)",
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
    session = "resources.warehouses.duckdb.session.DuckDBSession"

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
                return _doubled(value)
            case "nested":
                return f"{_doubled(value)}::JSON"
            case "float":
                return f"CAST('{value!r}' AS DOUBLE)"
            case "date" | "time" | "timestamp" | "instant":
                return f"{self.types[meaning]} '{value}'"
            case "binary":
                return f"from_hex('{value.hex()}')"
            case _:
                return str(value)

    def sequence(self, count):
        return f"range({count}) r(i)"


class SnowflakeEngine(Engine):
    kind = "snowflake"
    types = {  # noqa: RUF012
        "integer": "NUMBER(18, 0)",
        "small": "NUMBER(5, 0)",
        "text": "VARCHAR",
        "money": "NUMBER(18, 2)",
        "precise": "NUMBER(38, 9)",
        "float": "FLOAT",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "time": "TIME(6)",
        "timestamp": "TIMESTAMP_NTZ(6)",
        "instant": "TIMESTAMP_TZ(6)",
        "binary": "BINARY",
        "nested": "VARIANT",
    }
    more_types = (
        *(
            "NUMBER(38, 0)",
            "NUMBER(38, 37)",
            "VARCHAR(20)",
            "CHAR(3)",
            "TIME(9)",
            "TIME(0)",
            "OBJECT",
            "ARRAY",
        ),
        *("TIMESTAMP_NTZ(9)", "TIMESTAMP_NTZ(0)", "TIMESTAMP_LTZ(6)", "TIMESTAMP_TZ(9)", "GEOGRAPHY"),
    )
    awkward_names = ("lower", "Mixed", "two words", 'say "x"', "SELECT", "order", "ümlaut", "a.b", "1st")
    session = "resources.warehouses.snowflake.session.SnowflakeLoadSession"

    def __init__(self, folder, server):
        self.server = server
        self._native = None
        super().__init__(folder)

    def settings(self):
        return self.server.settings()

    def refused(self):
        given = self.server.settings
        return [
            (given(private_key_file=str(self.server.foreign_key)), "bad_credentials", "PRIVATE KEY"),
            (given(private_key_file=None, password=WRONG), "bad_credentials", WRONG),
            (given(private_key_file=None, access_token=WRONG), "bad_credentials", WRONG),
        ]

    def execute(self, *statements):
        import snowflake.connector  # noqa: PLC0415  only where it is installed

        if self._native is None:
            given = self.server.settings()
            names = ("account", "user", "database", "schema", "warehouse", "host", "port", "protocol")
            self._native = snowflake.connector.connect(
                **{name: given[name] for name in names},
                private_key_file=given["private_key_file"],
                session_parameters={"TIMEZONE": "UTC"},
                network_timeout=30,
                platform_detection_timeout_seconds=0.0,
            )
        with self._native.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def close(self):
        super().close()
        if self._native is not None:
            self._native.close()

    def native(self, name):
        return name.upper()

    def literal(self, meaning, value):
        match meaning:
            case "text":
                return _doubled(value.replace("\\", "\\\\"))
            case "nested":
                return f"PARSE_JSON({self.literal('text', value)})"
            case "float":
                return f"'{value!r}'::FLOAT"
            case "date" | "time" | "timestamp" | "instant":
                return f"'{value}'::{self.types[meaning].partition('(')[0]}"
            case "binary":
                return f"TO_BINARY('{value.hex()}', 'HEX')"
            case _:
                return str(value)

    def insertion(self, target, meanings, rows):
        if not {"nested", "binary"} & set(meanings):
            return super().insertion(target, meanings, rows)
        # Functions may not stand in VALUES.
        selects = [
            f"SELECT {', '.join(self._written(*pair) for pair in zip(meanings, row, strict=True))}"
            for row in rows
        ]
        return f"INSERT INTO {target} {' UNION ALL '.join(selects)}"

    def sequence(self, count):
        numbered = "ROW_NUMBER() OVER (ORDER BY SEQ4()) - 1 AS i"
        return f"(SELECT {numbered} FROM TABLE(GENERATOR(ROWCOUNT => {count})))"


class BigQueryEngine(Engine):
    kind = "bigquery"
    types = {  # noqa: RUF012
        "integer": "INT64",
        "small": "INT64",
        "text": "STRING",
        "money": "NUMERIC(18, 2)",
        "precise": "NUMERIC",
        "float": "FLOAT64",
        "boolean": "BOOL",
        "date": "DATE",
        "time": "TIME",
        "timestamp": "DATETIME",
        "instant": "TIMESTAMP",
        "binary": "BYTES",
        "nested": "JSON",
    }
    more_types = (
        *("BIGNUMERIC", "BIGNUMERIC(38, 0)", "NUMERIC(20)", "STRING(20)", "INTERVAL", "ARRAY<INT64>"),
        *("STRUCT<a INT64, b STRING>", "ARRAY<STRUCT<a INT64>>", "RANGE<DATE>", "GEOGRAPHY"),
    )
    awkward_names = ("UPPER", "Mixed", "two words", "select", "order", "ümlaut", "1st")
    session = "resources.warehouses.bigquery.staging.BigQuerySession"

    def __init__(self, folder, server):
        self.server = server
        self._native = None
        super().__init__(folder)

    def settings(self):
        return self.server.settings()

    def refused(self):
        given = self.server.settings
        return [
            (given(keyfile=str(self.server.foreign_keyfile)), "bad_credentials", "PRIVATE KEY"),
            (given(keyfile=None, token=WRONG), "bad_credentials", WRONG),
        ]

    def execute(self, *statements):
        from google.cloud import bigquery  # noqa: PLC0415  only where it is installed

        if self._native is None:
            self._native = bigquery.Client.from_service_account_json(
                str(self.server.keyfile),
                project=self.server.project,
                location="US",
                client_options={"api_endpoint": self.server.url},
            )
        for statement in statements:
            found = self._native.query_and_wait(statement)
        return [tuple(row.values()) for row in found]

    def close(self):
        super().close()
        if self._native is not None:
            self._native.close()

    def quote(self, name):
        return f"`{name}`"

    def literal(self, meaning, value):
        match meaning:
            case "text":
                return _escaped(value)
            case "nested":
                return f"JSON {_escaped(value)}"
            case "float":
                return f"CAST('{value!r}' AS FLOAT64)"
            case "money" | "precise" | "date" | "time" | "timestamp" | "instant":
                return f"{self.types[meaning].partition('(')[0]} '{value}'"
            case "binary":
                return f"FROM_HEX('{value.hex()}')"
            case _:
                return str(value)

    def sequence(self, count):
        return f"UNNEST(GENERATE_ARRAY(0, {count - 1})) AS i"


class RedshiftEngine(Engine):
    kind = "redshift"
    types = {  # noqa: RUF012
        "integer": "BIGINT",
        "small": "INTEGER",
        "text": "VARCHAR(1000)",
        "money": "NUMERIC(18, 2)",
        "precise": "NUMERIC(38, 9)",
        "float": "DOUBLE PRECISION",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "time": "TIME",
        "timestamp": "TIMESTAMP",
        "instant": "TIMESTAMPTZ",
        "binary": "VARBYTE(1000)",
        "nested": "SUPER",
    }
    more_types = (
        "SMALLINT",
        "REAL",
        "NUMERIC(38, 37)",
        "NUMERIC(38, 0)",
        "CHAR(3)",
        "TIMETZ",
        "VARCHAR(MAX)",
    )
    awkward_names = ("two words", "select", "order", "1st", 'say "x"')
    session = "resources.warehouses.redshift.session.RedshiftSession"

    def __init__(self, folder, server):
        self.server = server
        self._native = None
        super().__init__(folder)

    def settings(self):
        return self.server.settings()

    def refused(self):
        return [(self.server.settings(password=WRONG), "bad_credentials", WRONG)]

    def execute(self, *statements):
        import redshift_connector  # noqa: PLC0415  only where it is installed

        if self._native is None:
            given = self.server.settings()
            names = ("host", "port", "database", "user", "password")
            self._native = redshift_connector.connect(**{name: given[name] for name in names}, ssl=False)
            self._native.autocommit = True
        with closing(self._native.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def close(self):
        super().close()
        if self._native is not None:
            self._native.close()

    def native(self, name):
        return name.lower()

    def literal(self, meaning, value):
        match meaning:
            case "text":
                # A backslash starts an escape in some versions of the server, so none is written.
                return " || CHR(92) || ".join(_doubled(part) for part in value.split("\\"))
            case "nested":
                return f"JSON_PARSE({self.literal('text', value)})"
            case "float":
                return f"CAST('{value!r}' AS DOUBLE PRECISION)"
            case "date" | "time" | "timestamp" | "instant":
                return f"{self.types[meaning]} '{value}'"
            case "binary":
                return f"FROM_HEX('{value.hex()}')"
            case _:
                return str(value)

    def sequence(self, count):
        return f"generate_series(0, {count - 1}) AS r(i)"


ENGINES = {engine.kind: engine for engine in (DuckDBEngine, SnowflakeEngine, BigQueryEngine, RedshiftEngine)}
#: Longer than any refusal of a credential may take.
PATIENCE = timedelta(seconds=10)
