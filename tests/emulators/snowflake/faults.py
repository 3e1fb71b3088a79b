"""Misbehaviour on request: what real services do on bad days, in the words of the real protocol.

Faults are set by `POST /__faults` (a JSON object, fields below), cleared by
`DELETE /__faults`, and act on requests whose path starts with `path`.
"""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

RENEWABLE = "390112"
EXPIRED = "390114"
_TEXTS = {
    RENEWABLE: "Session no longer exists.  New login required to access the service.",
    EXPIRED: "Authentication token has expired.  The user must authenticate again.",
}


@dataclass
class Fault:
    """One kind of misbehaviour.

    Attributes:
        path: Start of the paths that it concerns.
        times: Requests that are left to spoil; -1 spoils all.
        skip: Requests to let pass first.
        status: HTTP status to answer with.
        code: Snowflake error code to answer with, with `message`.
        drop_after: Bytes of the body after which the connection is cut; -1 cuts before any answer.
        keeps_back: Bytes at the end of the body that never arrive.
        delay: Seconds to wait before the request is served.
        contains: Concerns only statements with this text.
    """

    path: str = "/queries/v1/query-request"
    times: int = 1
    skip: int = 0
    status: int | None = None
    code: str | None = None
    message: str = ""
    drop_after: int | None = None
    keeps_back: int | None = None
    delay: float = 0.0
    contains: str | None = None

    def concerns(self, path: str, text: str) -> bool:
        return path.startswith(self.path) and (self.contains is None or self.contains in text)

    @property
    def cuts_the_body(self) -> bool:
        return self.keeps_back is not None or (self.drop_after is not None and self.drop_after >= 0)

    def take(self) -> bool:
        """Whether this request is spoiled; counts it."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times == 0:
            return False
        self.times -= self.times > 0
        return True


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def set(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def next(self, path: str, text: str = "") -> Fault | None:
        for fault in self._faults:
            if fault.concerns(path, text) and fault.take():
                return fault
        return None


def refuse(code: str, message: str = "") -> JSONResponse:
    """An error as Snowflake sends it: HTTP 200 with a code."""
    return JSONResponse(
        {
            "data": {"errorCode": code, "sqlState": "57P03"},
            "code": code,
            "message": message or _TEXTS.get(code, "The emulator was told to fail."),
            "success": False,
        }
    )


async def spoil(fault: Fault, request: Request) -> Response | None:
    """The answer of a fault; None when the request is to be served after all (late, or cut later)."""
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.status is not None:
        return Response(status_code=fault.status)
    if fault.code is not None:
        return refuse(fault.code, fault.message)
    if fault.drop_after is not None and fault.drop_after < 0:
        cut(request)
    return None


def cut(request: Request) -> None:
    """Closes the TCP connection of a request without another byte."""
    server = request.app.state.server
    for protocol in list(server.server_state.connections):
        if protocol.client == tuple(request.scope["client"]):
            protocol.transport.abort()


class CutResponse(Response):
    """A response whose connection is cut in the middle of its body."""

    def __init__(self, whole: Response, request: Request, fault: Fault) -> None:
        super().__init__(whole.body, status_code=whole.status_code, headers=dict(whole.headers))
        self._request = request
        kept = len(self.body) - (fault.keeps_back or 0)
        self._sent = kept if fault.drop_after is None else fault.drop_after

    async def __call__(self, scope, receive, send) -> None:  # noqa: ARG002  the signature of ASGI
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        part = self.body[: self._sent]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        # The bytes must have left before the connection goes, or nothing arrives at all.
        await asyncio.sleep(0.05)
        cut(self._request)
