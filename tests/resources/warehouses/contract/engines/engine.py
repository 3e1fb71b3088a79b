"""How the contract tests make tables in each kind of warehouse: in its own SQL, through its own client.

Nothing of the connector is used to make what it then has to read. A test names types
by what they mean (`money`, `instant`); an engine says how it declares and writes them.
"""

import itertools
from abc import ABC, abstractmethod
from contextlib import contextmanager
from importlib import import_module

from pipelines.contracts.settings.connections import RESOLVED
from pipelines.contracts.settings.connector import ConnectorSettings
from resources.warehouses.open import Connections

_ROWS_PER_INSERT = 400
SCHEMA = "shop"
WRONG = "wr0ng-s3cret"


class Engine(ABC):
    """One warehouse of one kind, for the whole test run.

    Attributes:
        types: Meaning → declared type.
        more_types: Declared types that only this kind has.
        awkward_names: Column names that this kind accepts in quotes.
        awkward_tables: The same of tables.
        refused: Settings that must be refused, with the code, and a secret that must not be told.
        session: Class with `run_atomically`, where a write can be made to crash.
        pinned_by: Function of the connector that pins what results could depend on.
    """

    kind: str
    types: dict[str, str]
    more_types: tuple[str, ...] = ()
    awkward_names: tuple[str, ...] = ()
    awkward_tables: tuple[str, ...] = ()
    session: str
    pinned_by: str = ""

    def __init__(self, folder):
        self.folder = folder
        self._numbers = itertools.count(1)
        self._source = self._target = None
        self.execute(f"CREATE SCHEMA {self.quote(SCHEMA)}")

    @abstractmethod
    def settings(self): ...

    @abstractmethod
    def refused(self): ...

    @abstractmethod
    def execute(self, *statements):
        """Runs statements through the engine's own client; the rows of the last one."""

    @abstractmethod
    def literal(self, meaning, value): ...

    def quote(self, name):
        return '"' + name.replace('"', '""') + '"'

    def native(self, name):
        """How this kind spells a name that nobody quotes."""
        return name

    @abstractmethod
    def sequence(self, count):
        """What to select whole numbers `i` from 0 from."""

    def digest(self, number):
        """32 characters that follow from an expression that is a number."""
        return f"MD5(CAST({number} AS VARCHAR(20)))"

    @abstractmethod
    def document(self, text):
        """A value of `nested`, of an expression that is its text."""

    @contextmanager
    def account_zone(self, zone):  # noqa: ARG002
        """The zone of sessions that ask for none, where the server has one that can be set."""
        yield

    @contextmanager
    def session_zone(self, monkeypatch, zone):
        """Sessions of the connector have this zone instead of UTC, as an administrator may force it."""
        module, _, name = self.pinned_by.rpartition(".")
        pin = getattr(import_module(module), name)
        monkeypatch.setattr(self.pinned_by, lambda *given: self.pinned_to(zone, pin, *given))
        with self.account_zone(zone):
            yield

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

    def create_from(self, columns, expressions, *, count):
        """A new table `shop.…` with a row for each whole number `i` below `count`."""
        table = self.create(columns)
        chosen = ", ".join(expressions)
        self.execute(f"INSERT INTO {self.sql_name(table)} SELECT {chosen} FROM {self.sequence(count)}")
        return table

    def insertion(self, target, meanings, rows):
        texts = [
            f"({', '.join(self._written(*pair) for pair in zip(meanings, row, strict=True))})" for row in rows
        ]
        return f"INSERT INTO {target} VALUES {', '.join(texts)}"

    def _written(self, meaning, value):
        return "NULL" if value is None else self.literal(meaning, value)

    def sql_name(self, table):
        return ".".join(self.quote(self.native(part)) for part in table.split("."))

    def tables_of(self, schema_name):
        """Names in lower case."""
        where = f"WHERE table_schema = '{self.native(schema_name)}'"
        rows = self.execute(f"SELECT table_name FROM information_schema.tables {where} ORDER BY 1")
        return [name.lower() for (name,) in rows]

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


def doubled(text):
    return "'" + text.replace("'", "''") + "'"
