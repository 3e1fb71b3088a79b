"""Declared types in the catalogue with their parameters, as the service shows them."""

from typing import Any

from local_bigquery.engine import types
from local_bigquery.sql.rules import information_schema


def _type_text(field: Any, quoted: bool = True) -> str:  # noqa: FBT001, FBT002  the signature it replaces
    text: str = types.bigquery_type(field, quoted)
    if field.mode == "REPEATED" or field.type in {"RECORD", "STRUCT"}:
        return text
    parameters = [value for value in (field.maxLength, field.precision, field.scale) if value is not None]
    return f"{text}({', '.join(parameters)})" if parameters else text


def install() -> None:
    information_schema.bigquery_type = _type_text
