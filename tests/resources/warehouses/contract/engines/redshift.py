"""Redshift, for the contract tests."""

from contextlib import closing, contextmanager

from tests.resources.warehouses.contract.engines.engine import WRONG, Engine, doubled


class RedshiftEngine(Engine):
    kind = "redshift"
    types = {  # noqa: RUF012
        "integer": "BIGINT",
        "small": "INTEGER",
        "text": "VARCHAR(1000)",
        "money": "NUMERIC(18, 2)",
        "precise": "NUMERIC(38, 9)",
        "wide": "NUMERIC(38, 0)",
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
    awkward_tables = ("order lines", "a.b", 'say "x"', "select")
    session = "resources.warehouses.redshift.session.RedshiftSession"
    pinned_by = "resources.warehouses.redshift.connecting.session_statements"

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
                return " || CHR(92) || ".join(doubled(part) for part in value.split("\\"))
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

    def document(self, text):
        return f"JSON_PARSE({text})"

    def pinned_to(self, zone, pin, *given):
        return tuple(statement.replace("'UTC'", f"'{zone}'") for statement in pin(*given))

    @contextmanager
    def account_zone(self, zone):
        database = self.server.database
        self.execute(f"ALTER DATABASE {database} SET timezone TO '{zone}'")
        yield
        self.execute(f"ALTER DATABASE {database} RESET timezone")

    def sequence(self, count):
        return f"generate_series(0, {count - 1}) AS r(i)"
