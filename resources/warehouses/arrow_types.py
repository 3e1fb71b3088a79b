"""The Arrow types in which rows leave every warehouse: those that Arrow, Polars and Parquet agree on."""

from collections.abc import Mapping

import pyarrow as pa

from resources.warehouses.base import Family, SourceColumn

_TYPES = {
    Family.BOOLEAN: pa.bool_(),
    Family.INTEGER: pa.int64(),
    Family.WIDE_INTEGER: pa.string(),
    Family.FLOAT: pa.float64(),
    Family.TEXT: pa.string(),
    Family.DATE: pa.date32(),
    Family.TIME: pa.time64("us"),
    Family.TIMESTAMP: pa.timestamp("us"),
    Family.INSTANT: pa.timestamp("us", "UTC"),
    Family.NESTED: pa.string(),
    Family.BINARY: pa.binary(),
    Family.UNTYPED: pa.string(),
    Family.OPAQUE: pa.string(),
}


def arrow_type(column: SourceColumn) -> pa.DataType:
    """Type of a column in a batch, from its declaration alone."""
    if column.family is Family.DECIMAL:
        return pa.decimal128(column.precision or 38, column.scale or 0)
    return _TYPES[column.family]


def arrow_schema(columns: Mapping[str, SourceColumn]) -> pa.Schema:
    """Schema of a batch: output name → type."""
    return pa.schema([(name, arrow_type(column)) for name, column in columns.items()])


def fit_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch in the declared types, columns by position; nothing is copied where the types are right.

    Raises:
        pa.ArrowInvalid: A value does not fit the declared type.
    """
    if batch.schema.equals(schema):
        return batch
    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
