"""Messages of the PostgreSQL protocol, version 3, as far as the proxy reads or writes them."""

import struct

SSL_REQUEST, CANCEL_REQUEST, GSS_REQUEST = 80877103, 80877102, 80877104
_HEADER = 5

ROW_DESCRIPTION, READY_FOR_QUERY = ord("T"), ord("Z")
#: What an interval of years and months has as its type modifier, and the two numbers of Redshift.
_INTERVAL, _YEAR_TO_MONTH, _DAY_TO_SECOND = 1186, 1188, 1190
_YEAR_AND_MONTH_FIELDS = 6


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def error(state: str, text: str, *, severity: str = "ERROR") -> bytes:
    fields = {"S": severity, "V": severity, "C": state, "M": text}
    body = b"".join(key.encode() + value.encode() + b"\0" for key, value in fields.items())
    return message(b"E", body + b"\0")


def startup(version: int, parameters: dict[str, str]) -> bytes:
    pairs = b"".join(key.encode() + b"\0" + value.encode() + b"\0" for key, value in parameters.items())
    body = struct.pack("!i", version) + pairs + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def read_parameters(body: bytes) -> dict[str, str]:
    parts = [part.decode() for part in body.split(b"\0")]
    return {parts[index]: parts[index + 1] for index in range(0, len(parts) - 1, 2) if parts[index]}


def replace_sql(kind: bytes, body: bytes, sql: str) -> bytes:
    """A Query or Parse message with another statement."""
    if kind == b"Q":
        return message(kind, sql.encode() + b"\0")
    name, _, rest = body.partition(b"\0")
    tail = rest.partition(b"\0")[2]
    return message(kind, name + b"\0" + sql.encode() + b"\0" + tail)


def read_sql(kind: bytes, body: bytes) -> str:
    text = body if kind == b"Q" else body.partition(b"\0")[2]
    return text.partition(b"\0")[0].decode()


class Answers:
    """Splits what a server sends into messages, and gives types the numbers of Redshift."""

    def __init__(self, oids: dict[int, int]) -> None:
        self._oids = oids
        self._rest = b""
        self.ready_count = 0

    def feed(self, received: bytes) -> bytes:
        """The complete messages so far."""
        data = self._rest + received
        parts = []
        start = position = 0
        while position + _HEADER <= len(data):
            end = position + 1 + int.from_bytes(data[position + 1 : position + _HEADER], "big")
            if end > len(data):
                break
            if data[position] == ROW_DESCRIPTION:
                parts += [data[start:position], self._described(data[position + _HEADER : end])]
                start = end
            elif data[position] == READY_FOR_QUERY:
                self.ready_count += 1
            position = end
        parts.append(data[start:position])
        self._rest = data[position:]
        return b"".join(parts)

    def _described(self, body: bytes) -> bytes:
        changed = bytearray(body)
        position = 2
        for _ in range(int.from_bytes(body[:2], "big")):
            position = body.index(b"\0", position) + 1
            oid, _, modifier = struct.unpack_from("!ihi", body, position + 6)
            struct.pack_into("!i", changed, position + 6, self._renumbered(oid, modifier))
            position += 18
        return message(b"T", bytes(changed))

    def _renumbered(self, oid: int, modifier: int) -> int:
        if oid == _INTERVAL:
            fields = (modifier >> 16) & 0x7FFF
            return _YEAR_TO_MONTH if fields == _YEAR_AND_MONTH_FIELDS else _DAY_TO_SECOND
        return self._oids.get(oid, oid)
