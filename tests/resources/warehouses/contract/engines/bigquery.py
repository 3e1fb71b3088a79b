"""BigQuery, for the contract tests."""

from contextlib import contextmanager

from tests.resources.warehouses.contract.engines.engine import WRONG, Engine


def _escaped(text):
    for plain, written in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, written)
    return f"'{text}'"


class BigQueryEngine(Engine):
    kind = "bigquery"
    types = {  # noqa: RUF012
        "integer": "INT64",
        "small": "INT64",
        "text": "STRING",
        "money": "NUMERIC(18, 2)",
        "precise": "NUMERIC",
        "wide": "BIGNUMERIC(38, 0)",
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
    awkward_tables = ("order lines", "select", "a-b")
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

    @contextmanager
    def session_zone(self, monkeypatch, zone):  # noqa: ARG002
        """A query has the default zone of its project, as the connector asks for none.

        Only naive times can be looked at: the emulator turns `DATE(instant, 'UTC')` into a cast that
        takes UTC for granted.
        """
        self.server.plan_faults(time_zone=zone)
        yield
        self.server.plan_faults(time_zone="UTC")

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
            case "money" | "precise" | "wide" | "date" | "time" | "timestamp" | "instant":
                return f"{self.types[meaning].partition('(')[0]} '{value}'"
            case "binary":
                return f"FROM_HEX('{value.hex()}')"
            case _:
                return str(value)

    def digest(self, number):
        return f"TO_HEX(MD5(CAST({number} AS STRING)))"

    def document(self, text):
        return f"PARSE_JSON({text})"

    def tables_of(self, schema_name):
        rows = self.execute(f"SELECT table_name FROM {schema_name}.INFORMATION_SCHEMA.TABLES ORDER BY 1")
        return [name.lower() for (name,) in rows]

    def sequence(self, count):
        return f"UNNEST(GENERATE_ARRAY(0, {count - 1})) AS i"
