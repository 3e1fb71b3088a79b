"""The front door of the emulator: a Redshift cluster for clients, a client for PostgreSQL."""

import asyncio
import contextlib
import hashlib
import os
import re
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import wire
from botocore.exceptions import ClientError
from commands import CommandError, parse_copy, parse_unload
from copying import copy
from database import Database
from faults import Fault, Faults
from translation import translate
from unloading import unload

#: Start-up parameters that PostgreSQL knows; the driver sends others that only Redshift does.
_KEPT = {
    "database",
    "application_name",
    "client_encoding",
    "options",
    "datestyle",
    "timezone",
    "extra_float_digits",
}
_CHUNK = 1 << 18
#: Redshift takes a backslash in a literal for an escape, as PostgreSQL 8 did.
_SESSION = {"user": "postgres", "standard_conforming_strings": "off", "escape_string_warning": "off"}
#: Statement whose answer the driver reads in two parts: described, then executed.
_PARTS_OF_AN_ANSWER = 2


@dataclass
class Cluster:
    """What all sessions share.

    Attributes:
        passwords: User → password.
        tls: Null where the cluster offers none.
        storage: Makes a client of the object store.
    """

    database: Database
    passwords: dict[str, str]
    tls: ssl.SSLContext | None
    storage: Callable[[], Any]
    faults: Faults = field(default_factory=Faults)
    statements: list[str] = field(default_factory=list)


class _ClosedError(Exception):
    """The session is over."""


class Session:
    """One client from its first byte to its last."""

    def __init__(self, cluster: Cluster, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._cluster = cluster
        self._reader = reader
        self._writer = writer
        self._name = ""
        self._oids: dict[int, int] = {}
        self._last_counts = {"unload": 0, "copy": 0}
        self._cut: Fault | None = None
        self._sent = 0

    async def run(self) -> None:
        up: asyncio.StreamWriter | None = None
        try:
            parameters = await self._shake_hands()
            await self._authenticate(parameters)
            self._name = parameters.get("database") or parameters["user"]
            self._oids = await asyncio.to_thread(self._cluster.database.prepare, self._name)
            down, up = await self._cluster.database.connect()
            kept = {key: value for key, value in parameters.items() if key.lower() in _KEPT}
            up.write(wire.startup(196608, kept | _SESSION))
            await asyncio.gather(self._answer(down), self._ask(up))
        except (asyncio.IncompleteReadError, ConnectionError, _ClosedError):
            pass
        finally:
            for writer in (self._writer, up):
                if writer is not None:
                    with contextlib.suppress(OSError):
                        writer.close()

    async def _shake_hands(self) -> dict[str, str]:
        while True:
            length, code = struct.unpack("!ii", await self._reader.readexactly(8))
            body = await self._reader.readexactly(length - 8)
            if code == wire.SSL_REQUEST:
                await self._offer_tls()
            elif code == wire.GSS_REQUEST:
                self._writer.write(b"N")
            elif code == wire.CANCEL_REQUEST:
                raise _ClosedError
            else:
                return wire.read_parameters(body)

    async def _offer_tls(self) -> None:
        self._writer.write(b"S" if self._cluster.tls else b"N")
        await self._writer.drain()
        if self._cluster.tls:
            await self._writer.start_tls(self._cluster.tls)

    async def _authenticate(self, parameters: dict[str, str]) -> None:
        """MD5, as clusters ask for; temporary users of IAM come with any password."""
        user = parameters["user"]
        fault = self._cluster.faults.take("login", user)
        if fault is not None and fault.drop_after is not None:
            raise _ClosedError
        if fault is not None and fault.state is not None:
            await self._refuse(fault.state, fault.message)
        salt = os.urandom(4)
        self._writer.write(wire.message(b"R", struct.pack("!i", 5) + salt))
        await self._writer.drain()
        _, body = await self._receive()
        password = self._cluster.passwords.get(user)
        if user.startswith(("IAM:", "IAMA:", "IAMR:")):
            return
        if password is None or body.rstrip(b"\0") != _md5(user, password, salt):
            await self._refuse("28000", f'password authentication failed for user "{user}"')

    async def _refuse(self, state: str, text: str) -> None:
        self._writer.write(wire.error(state, text, severity="FATAL"))
        await self._writer.drain()
        raise _ClosedError

    async def _receive(self) -> tuple[bytes, bytes]:
        kind = await self._reader.readexactly(1)
        (length,) = struct.unpack("!i", await self._reader.readexactly(4))
        return kind, await self._reader.readexactly(length - 4)

    async def _ask(self, up: asyncio.StreamWriter) -> None:
        """From the client to the server, in the server's words."""
        while True:
            kind, body = await self._receive()
            if kind in {b"Q", b"P"}:
                sql = await self._prepare(wire.read_sql(kind, body))
                up.write(wire.replace_sql(kind, body, sql))
            else:
                up.write(wire.message(kind, body))
            await up.drain()

    async def _prepare(self, sql: str) -> str:
        self._cluster.statements.append(sql)
        fault = self._cluster.faults.take("statement", sql)
        if fault is None:
            return await asyncio.to_thread(self._carry_out, sql)
        await asyncio.sleep(fault.delay)
        if fault.drop_after is not None:
            self._cut, self._sent = fault, 0
        if fault.closes:
            await self._refuse(fault.state or "57P01", fault.message)
        if fault.state is not None:
            return _raising(fault.state, fault.message)
        return await asyncio.to_thread(self._carry_out, sql)

    def _carry_out(self, sql: str) -> str:
        """The statement that PostgreSQL shall run; UNLOAD and COPY are done here."""
        uri = self._cluster.database.uri(self._name)
        try:
            unloading, copying = parse_unload(sql), parse_copy(sql)
            if unloading is not None:
                count = unload(unloading, uri=uri, oids=self._oids, storage=self._cluster.storage())
                self._last_counts["unload"] = count
            elif copying is not None:
                self._last_counts["copy"] = copy(copying, uri=uri, storage=self._cluster.storage())
            else:
                return translate(self._with_counts(sql))
        except CommandError as error:
            return _raising(error.state, str(error))
        except ClientError as error:
            said = error.response["Error"]["Code"]
            return _raising("XX000", f"S3ServiceException:{said},Status 400,Error {said},Rid 0")
        except Exception as error:  # noqa: BLE001  a cluster answers whatever happens to it
            return _raising(getattr(error, "sqlstate", None) or "XX000", str(error))
        return "SELECT 1 WHERE false"

    def _with_counts(self, sql: str) -> str:
        for name, count in self._last_counts.items():
            sql = re.sub(rf"\bpg_last_{name}_count\s*\(\s*\)", str(count), sql, flags=re.IGNORECASE)
        return re.sub(
            r"\bpg_last_(query|unload|copy)_id\s*\(\s*\)",
            str(len(self._cluster.statements)),
            sql,
            flags=re.IGNORECASE,
        )

    async def _answer(self, down: asyncio.StreamReader) -> None:
        """From the server to the client, cut where a fault says so."""
        answers = wire.Answers(self._oids)
        held = b""
        while received := await down.read(_CHUNK):
            data = answers.feed(received)
            if self._cut is None:
                answers.ready_count = 0
                self._writer.write(data)
            else:
                held = await self._send_cut(self._cut, held + data, answers)
            await self._writer.drain()
        self._writer.close()

    async def _send_cut(self, fault: Fault, data: bytes, answers: wire.Answers) -> bytes:
        """Sends as much as the fault allows; what has to wait for the end of the answer."""
        if fault.drop_after == -1:
            return await self._keep_last_byte(data, answers.ready_count)
        allowed = (fault.drop_after or 0) - self._sent
        if len(data) >= allowed:
            await self._abort(data[:allowed])
        self._writer.write(data)
        self._sent += len(data)
        return b""

    async def _keep_last_byte(self, data: bytes, ready_count: int) -> bytes:
        if ready_count >= _PARTS_OF_AN_ANSWER:
            await self._abort(data[:-1])
        is_first_part = ready_count == 1 and self._sent == 0
        if not is_first_part:
            return data
        self._writer.write(data)
        self._sent = len(data)
        return b""

    async def _abort(self, last: bytes) -> None:
        self._writer.write(last)
        await self._writer.drain()
        raise _ClosedError


def _md5(user: str, password: str, salt: bytes) -> bytes:
    inner = hashlib.md5(password.encode() + user.encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()


def _raising(state: str, text: str) -> str:
    """A statement that fails in the server, so that its transaction ends as it would."""
    quoted = text.splitlines()[0].replace("\\", "\\\\").replace("'", "''").replace("%", "%%")
    return f"DO $fail$ BEGIN RAISE EXCEPTION USING MESSAGE = '{quoted}', ERRCODE = '{state}'; END $fail$"
