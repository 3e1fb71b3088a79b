"""Declared types that the engine underneath does not know, to label results as Snowflake labels them.

DuckDB has no TIMESTAMP_LTZ, GEOGRAPHY, DECFLOAT or VECTOR and forgets the scale of
times. What CREATE TABLE said is kept here; the types of a query follow from it by
static analysis, and where that is not certain DuckDB's own type stands.
"""

import re

import duckdb
from sqlglot import Expr, exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

_KEPT = {
    "TIMESTAMPLTZ": "timestamp_ltz",
    "TIMESTAMPTZ": "timestamp_tz",
    "TIMESTAMPNTZ": "timestamp_ntz",
    "TIMESTAMP": "timestamp_ntz",
    "DATETIME": "timestamp_ntz",
    "TIME": "time",
    "GEOGRAPHY": "geography",
    "GEOMETRY": "geometry",
    "DECFLOAT": "decfloat",
    "VECTOR": "vector",
    "OBJECT": "object",
    "ARRAY": "array",
    "MAP": "map",
    "VARIANT": "variant",
    "VARCHAR": "text",
    "TEXT": "text",
    "CHAR": "text",
}
_SCALED = {"timestamp_ltz", "timestamp_tz", "timestamp_ntz", "time"}
#: What the engine stores instead; text keeps every digit and every shape.
_STORED_AS = {
    exp.DataType.Type.GEOGRAPHY: exp.DataType.Type.VARCHAR,
    exp.DataType.Type.GEOMETRY: exp.DataType.Type.VARCHAR,
    exp.DataType.Type.DECFLOAT: exp.DataType.Type.VARCHAR,
    exp.DataType.Type.VECTOR: exp.DataType.Type.ARRAY,
    exp.DataType.Type.MAP: exp.DataType.Type.OBJECT,
}
#: Shapes are stored as the text that these would give.
_SHAPE_TEXTS = {"ST_ASWKT", "ST_ASTEXT", "ST_AS_TEXT", "TO_GEOGRAPHY", "TO_GEOMETRY"}
_DUCKDB = {
    '"NULL"': "text",
    "BLOB": "binary",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "real",
    "FLOAT": "real",
    "JSON": "variant",
    "TIME": "time",
    "TIMESTAMP WITH TIME ZONE": "timestamp_tz",
    "VARCHAR": "text",
}
_WHOLE_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 18, "UBIGINT": 20, "HUGEINT": 38}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_TEXT_LENGTH = 16_777_216
_DEFAULT_SCALE = 9


def storable(statement: Expr) -> Expr:
    """A statement with types that the engine has."""

    def swap(node: Expr) -> Expr:
        if isinstance(node, exp.DataType) and node.this in _STORED_AS:
            return exp.DataType(this=_STORED_AS[node.this])
        if isinstance(node, exp.Func) and node.sql_name() in _SHAPE_TEXTS:
            return node.this
        if isinstance(node, exp.Anonymous) and node.name.upper() in _SHAPE_TEXTS:
            return node.expressions[0]
        return node

    return statement.transform(swap)


def _declare(kind: Expr | None) -> dict | None:
    """Label of a type as written in SQL; None where DuckDB's own type says as much."""
    if not isinstance(kind, exp.DataType) or kind.this.name not in _KEPT:
        return None
    name = _KEPT[kind.this.name]
    sizes = [int(size.name) for size in kind.expressions if size.name.isdigit()]
    size = sizes[-1] if sizes else None
    label = {"type": name, "precision": None, "scale": None, "length": None}
    if name in _SCALED:
        label |= {"precision": 0, "scale": _DEFAULT_SCALE if size is None else size}
    elif name == "decfloat":
        label |= {"precision": 38}
    elif name == "text":
        label |= {"length": size or _TEXT_LENGTH}
    elif name == "vector":
        element = {"type": "real", "nullable": False, "length": None, "precision": None, "scale": None}
        label |= {"vectorDimension": size, "fields": [element]}
    return label


def _label_of(duckdb_type: str) -> dict:
    label: dict = {"type": "", "precision": None, "scale": None, "length": None}
    decimal = _DECIMAL.match(duckdb_type)
    if decimal:
        return label | {"type": "fixed", "precision": int(decimal[1]), "scale": int(decimal[2])}
    if duckdb_type in _WHOLE_DIGITS:
        return label | {"type": "fixed", "precision": _WHOLE_DIGITS[duckdb_type], "scale": 0}
    name = "timestamp_ntz" if duckdb_type.startswith("TIMESTAMP_") else _DUCKDB.get(duckdb_type)
    name = "timestamp_ntz" if duckdb_type == "TIMESTAMP" else name
    if name is None:
        raise NotImplementedError(f"column type {duckdb_type}")
    if name in _SCALED:
        return label | {"type": name, "precision": 0, "scale": _DEFAULT_SCALE}
    return label | {"type": name, "length": _TEXT_LENGTH if name == "text" else None}


class DeclaredTypes:
    """Table → column → label, as the statements of this server declared them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._tables: dict[tuple[str, str, str], dict[str, exp.DataType]] = {}
        connection.execute(_DECLARED_TABLE)
        connection.execute(_COLUMNS_VIEW)

    def learn(self, statement: Expr, database: str | None, schema: str | None) -> None:
        """Takes note of what a statement that has just run declares, renames or drops."""
        table = statement.find(exp.Table)
        if table is None:
            return
        place = self._place(table, database, schema)
        if isinstance(statement, exp.Create) and statement.kind in {"TABLE", "VIEW"}:
            self._note(place, self._created(statement, database, schema))
        elif isinstance(statement, exp.Alter):
            self._alter(statement, place)
        elif isinstance(statement, exp.Drop):
            self._note(place, {})

    def _created(self, statement: exp.Create, database: str | None, schema: str | None) -> dict:
        if statement.expression is not None:
            return dict(self._analyse(statement.expression, database, schema))
        columns = statement.find_all(exp.ColumnDef)
        return {_folded(column.this): column.args.get("kind") for column in columns}

    def _alter(self, statement: exp.Alter, place: tuple[str, str, str]) -> None:
        for action in statement.args.get("actions") or []:
            if isinstance(action, exp.AlterRename):
                target = action.find(exp.Table)
                self._note(self._place(target, place[0], place[1]), self._tables.get(place, {}))
                self._note(place, {})
            elif isinstance(action, exp.ColumnDef):
                added = {_folded(action.this): action.args.get("kind")}
                self._note(place, self._tables.get(place, {}) | added)

    def _note(self, place: tuple[str, str, str], columns: dict) -> None:
        self._tables[place] = columns
        where = "WHERE catalog_name = ? AND schema_name = ? AND table_name = ?"
        with self._connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {_REGISTRY} {where}", place)
            for name, kind in columns.items():
                label = _declare(kind)
                if label is not None:
                    row = [*place, name, label["type"].upper(), label["scale"], label["length"]]
                    cursor.execute(f"INSERT INTO {_REGISTRY} VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _place(self, table: exp.Table, database: str | None, schema: str | None) -> tuple[str, str, str]:
        parts = [_folded(part) for part in table.parts]
        return tuple([database or "", schema or ""][: 3 - len(parts)] + parts)

    def rowtype(self, described: list, statement: Expr, database: str | None, schema: str | None) -> list:
        """Labels of a result's columns: declared where known, else from the engine's own description."""
        known = self._analyse(statement, database, schema) if isinstance(statement, exp.Query) else []
        labels = []
        for position, (name, duckdb_type, *_) in enumerate(described):
            declared = _declare(known[position][1]) if len(known) == len(described) else None
            blank = {"database": "", "schema": "", "table": "", "nullable": True, "byteLength": None}
            labels.append({"name": name} | blank | {"collation": None} | (declared or _label_of(duckdb_type)))
        return labels

    def _analyse(
        self, query: Expr, database: str | None, schema: str | None
    ) -> list[tuple[str, Expr | None]]:
        """Name and type of each output column, in order; empty where analysis does not reach."""
        tree: dict = {}
        for (catalog, schema_name, table), columns in self._tables.items():
            named = {name: kind for name, kind in columns.items() if isinstance(kind, exp.DataType)}
            if named:
                tree.setdefault(catalog, {}).setdefault(schema_name, {})[table] = named
        try:
            qualified = qualify(
                query.copy(),
                schema=tree,
                dialect="snowflake",
                catalog=database,
                db=schema,
                validate_qualify_columns=False,
            )
            typed = annotate_types(qualified, schema=tree, dialect="snowflake")
        except (SqlglotError, KeyError, AttributeError, ValueError):
            return []  # DuckDB's own types stand
        return [(column.alias_or_name, column.type) for column in typed.selects]


def _folded(identifier: Expr) -> str:
    if isinstance(identifier, exp.Column):
        identifier = identifier.this
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()


_REGISTRY = "_fs_global._fs_information_schema._declared"
_DECLARED_TABLE = f"""
CREATE TABLE IF NOT EXISTS {_REGISTRY} (
    catalog_name VARCHAR, schema_name VARCHAR, table_name VARCHAR, column_name VARCHAR,
    declared_type VARCHAR, scale INTEGER, length INTEGER
)
"""
_COLUMNS_VIEW = f"""
CREATE OR REPLACE VIEW _fs_global._fs_information_schema._fs_columns AS
SELECT
    columns.table_catalog AS TABLE_CATALOG,
    columns.table_schema AS TABLE_SCHEMA,
    columns.table_name AS TABLE_NAME,
    columns.column_name AS COLUMN_NAME,
    columns.ordinal_position AS ORDINAL_POSITION,
    columns.column_default AS COLUMN_DEFAULT,
    columns.is_nullable AS IS_NULLABLE,
    coalesce(declared.declared_type, CASE
        WHEN columns.data_type LIKE 'DECIMAL%' OR columns.data_type IN ('BIGINT', 'INTEGER', 'HUGEINT')
            THEN 'NUMBER'
        WHEN columns.data_type = 'VARCHAR' THEN 'TEXT'
        WHEN columns.data_type IN ('DOUBLE', 'FLOAT') THEN 'FLOAT'
        WHEN columns.data_type = 'BLOB' THEN 'BINARY'
        WHEN columns.data_type = 'TIMESTAMP WITH TIME ZONE' THEN 'TIMESTAMP_TZ'
        WHEN columns.data_type LIKE 'TIMESTAMP%' THEN 'TIMESTAMP_NTZ'
        WHEN columns.data_type = 'JSON' THEN 'VARIANT'
        ELSE columns.data_type END) AS DATA_TYPE,
    coalesce(declared.length, CASE WHEN columns.data_type = 'VARCHAR' THEN {_TEXT_LENGTH} END)
        AS CHARACTER_MAXIMUM_LENGTH,
    NULL::INTEGER AS CHARACTER_OCTET_LENGTH,
    CASE WHEN columns.data_type IN ('BIGINT', 'INTEGER') THEN 18
         WHEN columns.data_type LIKE 'DECIMAL%' THEN columns.numeric_precision END AS NUMERIC_PRECISION,
    CASE WHEN columns.data_type LIKE 'DECIMAL%' OR columns.data_type IN ('BIGINT', 'INTEGER') THEN 10 END
        AS NUMERIC_PRECISION_RADIX,
    CASE WHEN columns.data_type IN ('BIGINT', 'INTEGER') THEN 0
         WHEN columns.data_type LIKE 'DECIMAL%' THEN columns.numeric_scale END AS NUMERIC_SCALE,
    CASE WHEN columns.data_type LIKE 'TIME%' THEN coalesce(declared.scale, {_DEFAULT_SCALE}) END
        AS DATETIME_PRECISION,
    COLLATION_NAME, IS_IDENTITY, IDENTITY_GENERATION, IDENTITY_CYCLE,
    NULL::VARCHAR AS COMMENT,
    NULL::VARCHAR AS IDENTITY_START,
    NULL::VARCHAR AS IDENTITY_INCREMENT,
    NULL::VARCHAR AS IDENTITY_ORDERED,
    NULL::VARCHAR AS DATA_TYPE_ALIAS
FROM system.information_schema.columns AS columns
LEFT JOIN {_REGISTRY} AS declared
    ON declared.catalog_name = columns.table_catalog AND declared.schema_name = columns.table_schema
    AND declared.table_name = columns.table_name AND declared.column_name = columns.column_name
WHERE columns.table_schema != '_fs_information_schema'
"""
