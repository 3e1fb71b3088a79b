"""Snowflake, for the contract tests."""

from contextlib import contextmanager

from tests.resources.warehouses.contract.engines.engine import WRONG, Engine, doubled


class SnowflakeEngine(Engine):
    kind = "snowflake"
    types = {  # noqa: RUF012
        "integer": "NUMBER(18, 0)",
        "small": "NUMBER(5, 0)",
        "text": "VARCHAR",
        "money": "NUMBER(18, 2)",
        "precise": "NUMBER(38, 9)",
        "wide": "NUMBER(38, 0)",
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
    awkward_tables = ("order lines", "a.b", 'say "x"', "select")
    session = "resources.warehouses.snowflake.session.SnowflakeLoadSession"
    pinned_by = "resources.warehouses.snowflake.connecting._session_parameters"

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

    def pinned_to(self, zone, pin, *given):
        return pin(*given) | {"TIMEZONE": zone}

    @contextmanager
    def account_zone(self, zone):
        self.server.set_account_zone(zone)
        yield
        self.server.set_account_zone("Etc/UTC")

    def close(self):
        super().close()
        if self._native is not None:
            self._native.close()

    def native(self, name):
        return name.upper()

    def literal(self, meaning, value):
        match meaning:
            case "text":
                return doubled(value.replace("\\", "\\\\"))
            case "nested":
                return f"PARSE_JSON({self.literal('text', value)})"
            case "binary":
                return f"TO_BINARY('{value.hex()}', 'HEX')"
            case "integer" | "small" | "wide" | "boolean":
                return str(value)
            case _:
                return f"'{value}'::{self.types[meaning]}"

    def insertion(self, target, meanings, rows):
        if not {"nested", "binary"} & set(meanings):
            return super().insertion(target, meanings, rows)
        # Functions may not stand in VALUES.
        selects = [
            f"SELECT {', '.join(self._written(*pair) for pair in zip(meanings, row, strict=True))}"
            for row in rows
        ]
        return f"INSERT INTO {target} {' UNION ALL '.join(selects)}"

    def document(self, text):
        return f"PARSE_JSON({text})"

    def sequence(self, count):
        numbered = "ROW_NUMBER() OVER (ORDER BY SEQ4()) - 1 AS i"
        return f"(SELECT {numbered} FROM TABLE(GENERATOR(ROWCOUNT => {count})))"
