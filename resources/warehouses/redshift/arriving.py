"""From what UNLOAD and the wire bring to the declared Arrow types."""

from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa

from resources.warehouses.base import Family, SourceColumn, SourceError, SourceProblem
from resources.warehouses.redshift.failures import Place

#: Nanoseconds, in which Polars counts times.
_MINUTE = 60_000_000_000
_DAY = 1440 * _MINUTE
#: `12:34:56.789+05:30`: the offset may be missing, or be without minutes.
_CLOCK = r"^([0-9:.]+)"
_OFFSET = r"([+-])(\d\d)(?::?(\d\d))?$"


def fit_rows(
    batch: pa.RecordBatch, columns: Mapping[str, SourceColumn], schema: pa.Schema, place: Place
) -> pa.RecordBatch:
    """A batch of a file in the declared types; columns by position."""
    return _fit_columns(batch.columns, columns, schema, place)


def fit_values(
    rows: Sequence[Sequence[object]], columns: Mapping[str, SourceColumn], schema: pa.Schema, place: Place
) -> pa.RecordBatch:
    """Python values of the driver as a batch in the declared types."""
    return _fit_columns(list(zip(*rows, strict=True)), columns, schema, place)


def _fit_columns(
    arriving: Sequence[pa.Array | tuple[object, ...]],
    columns: Mapping[str, SourceColumn],
    schema: pa.Schema,
    place: Place,
) -> pa.RecordBatch:
    arrays = []
    for values, (name, column), field in zip(arriving, columns.items(), schema, strict=True):
        try:
            array = _as_array(values, field.type) if isinstance(values, tuple) else values
            arrays.append(_fit(array, column, field.type))
        except (pa.ArrowException, pl.exceptions.PolarsError) as error:
            raise _misfit(name, column, error, place) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_array(values: tuple[object, ...], wanted: pa.DataType) -> pa.Array:
    """Text stays text where it stands for another type."""
    first = next((value for value in values if value is not None), None)
    return pa.array(values, pa.string() if isinstance(first, str) else wanted)


def _fit(array: pa.Array, column: SourceColumn, wanted: pa.DataType) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage  # JSON of Parquet, which is text
    if pa.types.is_string(array.type) and column.family in _READ_AS_TEXT:
        array = _READ_AS_TEXT[column.family](pl.Series(array)).to_arrow()
    return array if array.type == wanted else array.cast(wanted)


def _bytes(texts: pl.Series) -> pl.Series:
    return texts.str.decode("hex")


def _times(texts: pl.Series) -> pl.Series:
    """Times of a day; those with an offset are moved to UTC, and the day that this may cross is nobody's."""
    text = pl.col("text")
    sign, hours, minutes = (text.str.extract(_OFFSET, group) for group in (1, 2, 3))
    size = hours.cast(pl.Int64) * 60 + minutes.cast(pl.Int64).fill_null(0)
    offset = pl.when(sign == "-").then(-size).otherwise(size).fill_null(0)
    clock = text.str.extract(_CLOCK).str.to_time("%H:%M:%S%.f").cast(pl.Int64)
    in_utc = (clock - offset * _MINUTE + 2 * _DAY) % _DAY
    return texts.to_frame("text").select(in_utc.cast(pl.Time)).to_series()


_READ_AS_TEXT = {Family.BINARY: _bytes, Family.TIME: _times}


def _misfit(name: str, column: SourceColumn, error: Exception, place: Place) -> SourceError:
    what = (
        f"{column.name}, declared as {column.declared_type}, holds a value that does not fit "
        f"({type(error).__name__}; the value is withheld)."
    )
    remedy = "CAST the column to text or to a wider type in a query."
    return SourceError(SourceProblem("cannot_decode", place.source, place.table, name, what, remedy))
