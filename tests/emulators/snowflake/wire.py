"""Results as Snowflake sends them: its own Arrow layout, in chunks that the client downloads one by one.

Each chunk chooses the narrowest integers for its own values, so the type of one
column differs from chunk to chunk; times are integers or structs by their scale.
"""

import base64
import gzip
import secrets
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
#: The real server sends the first rows with the answer.
_INLINE_ROWS = 1_000
#: Results whose chunks can still be fetched.
_KEPT_OFFERS = 8
_SHAPES = {"geography", "geometry"}
_UTC = 1440  # minutes of the offset, shifted by one day
_MICROSECONDS = 6
_LARGEST_INTEGER_SCALE = 7
_LARGEST_SHORT_ZONED_SCALE = 3


@dataclass
class Chunks:
    """Chunks that wait to be fetched; encoded when they are, to keep only the rows in memory."""

    rows_per_chunk: int
    _waiting: dict[str, tuple[pa.Table, list[dict]]] = field(default_factory=dict)
    _offers: list[list[str]] = field(default_factory=list)

    def offer(self, table: pa.Table, rowtype: list[dict], base_url: str) -> dict:
        """The part of an answer that holds or announces the rows."""
        inline = (
            table
            if table.num_rows <= self.rows_per_chunk
            else table.slice(0, min(_INLINE_ROWS, self.rows_per_chunk))
        )
        answer = {
            "queryResultFormat": "arrow",
            "rowsetBase64": base64.b64encode(_to_ipc(inline, rowtype)).decode(),
            "total": table.num_rows,
            "returned": table.num_rows,
        }
        if inline is table:
            return answer
        starts = range(inline.num_rows, table.num_rows, self.rows_per_chunk)
        parts = [table.slice(start, self.rows_per_chunk) for start in starts]
        keys = [secrets.token_hex(8) for _ in parts]
        self._waiting |= {key: (part, rowtype) for key, part in zip(keys, parts, strict=True)}
        self._offers.append(keys)
        while len(self._offers) > _KEPT_OFFERS:
            for key in self._offers.pop(0):
                del self._waiting[key]
        announced = [_announce(key, part, base_url) for key, part in zip(keys, parts, strict=True)]
        return answer | {"chunks": announced, "chunkHeaders": {}}

    def fetch(self, key: str) -> bytes:
        part, rowtype = self._waiting[key]
        return gzip.compress(_to_ipc(part, rowtype), 1)

    def forget(self) -> None:
        self._waiting.clear()
        self._offers.clear()


def _announce(key: str, part: pa.Table, base_url: str) -> dict:
    return {
        "url": f"{base_url}chunk/{key}",
        "rowCount": part.num_rows,
        "uncompressedSize": part.nbytes,
        "compressedSize": part.nbytes,
    }


def _to_ipc(table: pa.Table, rowtype: list[dict]) -> bytes:
    arrays, fields = [], []
    for column, declared in zip(table.columns, rowtype, strict=True):
        array = _encode(_combined(column), declared)
        arrays.append(array)
        fields.append(pa.field(declared["name"], array.type, metadata=_metadata(declared)))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema(fields)) as writer:
        if table.num_rows:  # the client's row reader crashes on a batch without rows
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)))
    return sink.getvalue().to_pybytes()


def _combined(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def _metadata(declared: dict) -> dict[str, str]:
    scale = declared["scale"] or 0
    is_short = declared["type"] != "timestamp_tz" or scale <= _LARGEST_SHORT_ZONED_SCALE
    return {
        # Shapes travel as JSON objects (GeoJSON); only the row type names them.
        "logicalType": "OBJECT" if declared["type"] in _SHAPES else declared["type"].upper(),
        "precision": str(declared["precision"] or 38),
        "scale": str(scale),
        "charLength": str(declared["length"] or 0),
        "byteLength": "8" if is_short else "16",
    }


def _encode(array: pa.Array, declared: dict) -> pa.Array:
    kind, scale = declared["type"], declared["scale"] or 0
    if kind == "fixed":
        return _encode_number(array, scale)
    if kind.startswith("time"):
        return _encode_time(array, kind, scale)
    as_is = {"boolean": None, "date": None, "binary": None, "real": pa.float64()}
    wanted = as_is.get(kind, pa.string())
    return array if wanted is None else array.cast(wanted)


def _encode_time(array: pa.Array, kind: str, scale: int) -> pa.Array:
    if kind == "time":
        return _scaled(array.cast(pa.int64()), scale)
    return _encode_zoned(array, scale) if kind == "timestamp_tz" else _encode_timestamp(array, scale)


def _encode_number(array: pa.Array, scale: int) -> pa.Array:
    """Digits without the point in the narrowest type that holds this chunk."""
    if pa.types.is_decimal(array.type):
        buffers = array.buffers()
        digits = pa.Array.from_buffers(
            pa.decimal128(38, 0), len(array), buffers, array.null_count, array.offset
        )
    else:
        digits = array
    bounds = pc.min_max(digits).as_py()
    low, high = int(bounds["min"] or 0), int(bounds["max"] or 0)
    for narrow in _INTEGERS:
        limit = 1 << (narrow.bit_width - 1)
        if -limit <= low and high < limit:
            return digits.cast(narrow)
    return array.cast(pa.decimal128(38, scale))


def _scaled(microseconds: pa.Array, scale: int) -> pa.Array:
    """Microseconds as units of 10**-scale seconds, downwards; nulls stay."""
    values = microseconds.fill_null(0).to_numpy(zero_copy_only=False)
    if scale >= _MICROSECONDS:
        scaled = values * 10 ** (scale - _MICROSECONDS)
    else:
        scaled = np.floor_divide(values, 10 ** (_MICROSECONDS - scale))
    return pa.array(scaled, pa.int64(), mask=_nulls(microseconds))


def _nulls(array: pa.Array) -> np.ndarray:
    return array.is_null().to_numpy(zero_copy_only=False)


def _microseconds(array: pa.Array) -> pa.Array:
    zone = array.type.tz if pa.types.is_timestamp(array.type) else None
    return array.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())


def _encode_timestamp(array: pa.Array, scale: int) -> pa.Array:
    microseconds = _microseconds(array)
    if scale <= _LARGEST_INTEGER_SCALE:
        return _scaled(microseconds, scale)
    return _struct(microseconds, {"epoch": _seconds, "fraction": _nanoseconds})


def _encode_zoned(array: pa.Array, scale: int) -> pa.Array:
    microseconds = _microseconds(array)
    if scale <= _LARGEST_SHORT_ZONED_SCALE:
        return _struct(microseconds, {"epoch": lambda us: _floor(us, 10 ** (6 - scale)), "timezone": _zone})
    return _struct(microseconds, {"epoch": _seconds, "fraction": _nanoseconds, "timezone": _zone})


def _floor(values: np.ndarray, unit: int) -> pa.Array:
    return pa.array(np.floor_divide(values, unit), pa.int64())


def _seconds(values: np.ndarray) -> pa.Array:
    return _floor(values, 1_000_000)


def _nanoseconds(values: np.ndarray) -> pa.Array:
    return pa.array(np.mod(values, 1_000_000) * 1_000, pa.int32())


def _zone(values: np.ndarray) -> pa.Array:
    return pa.array(np.full(len(values), _UTC), pa.int32())


def _struct(microseconds: pa.Array, children: dict) -> pa.Array:
    values = microseconds.fill_null(0).to_numpy(zero_copy_only=False)
    arrays = [build(values) for build in children.values()]
    return pa.StructArray.from_arrays(
        arrays, names=list(children), mask=pa.array(_nulls(microseconds), pa.bool_())
    )
