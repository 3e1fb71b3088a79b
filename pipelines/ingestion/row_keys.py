"""How a row of a source is named where it must be told apart but not shown: rejected and removed rows."""

import json
from typing import Any

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.expressions.digest import identifier
from pipelines.ingestion.rules import is_personal

#: Prefix of columns as they arrived, next to the mapped ones.
RAW = "raw "


def row_key(rows: pl.DataFrame, table: Table, *, label: str | None = None) -> pl.Expr:
    """The key as JSON; hashed when personal, and told apart by a digest of the row when incomplete.

    Args:
        rows: Mapped rows, next to the raw ones under `raw …` where there are any.
        table: Their contract.
        label: Of their feed, named too where the key has no `source`: two feeds may have rejected one id.
    """
    key = [name for name in table.schema.primary_key() if name != "workspace_id"]
    texts = {name: _as_text(name, rows) for name in key}
    for name in key:
        if is_personal(table, name):
            texts[name] = identifier(f"rejected {table.name} {name}", texts[name])
    if label is not None:
        texts.setdefault("source", pl.lit(label))
    fields = [text.alias(name) for name, text in texts.items()]
    is_incomplete = pl.any_horizontal(text.is_null() for text in texts.values())
    whole = pl.when(is_incomplete).then(_digest(rows, table)).alias("row")
    return pl.struct(*fields, whole).map_elements(_to_json, return_dtype=pl.String)


def _digest(rows: pl.DataFrame, table: Table) -> pl.Expr:
    raw = [name for name in rows.columns if name.startswith(RAW)]
    if not raw:
        return pl.lit(None, pl.String)
    return identifier(f"rejected row of {table.name}", *(pl.col(name).cast(pl.String) for name in raw))


def _as_text(name: str, rows: pl.DataFrame) -> pl.Expr:
    """A column as it arrived, so that a key that could not be cast is still recognised."""
    raw = f"{RAW}{name}"
    has_raw_text = rows.schema.get(raw) == pl.String
    return (pl.coalesce(raw, pl.col(name)) if has_raw_text else pl.col(name)).cast(pl.String)


def _to_json(fields: dict[str, Any]) -> str:
    if fields["row"] is None:
        fields = {name: value for name, value in fields.items() if name != "row"}
    return json.dumps(fields, ensure_ascii=False)
