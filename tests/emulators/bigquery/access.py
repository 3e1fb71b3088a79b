"""Who may come in: bearer tokens, issued for a signed service-account assertion or known from the start."""

import base64
import hashlib
import json
import secrets
import threading
import urllib.parse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import grpc
from google.auth import jwt

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Under this path an assertion becomes a token, and faults are planned: no token is needed for either.
TOKEN_PATH = "/token"  # noqa: S105
CONTROL_PATH = "/emulator"


class Tokens:
    """Tokens that are accepted."""

    def __init__(self, ready: str, account_key: str) -> None:
        self._account_key = account_key
        self._lock = threading.Lock()
        self._accepted = {ready}
        self.issued_count = 0
        self.rejects_all = False

    def expire(self) -> None:
        """Every token so far, as after an hour; what is issued from now on is good."""
        with self._lock:
            self._accepted.clear()

    def accept(self, token: str) -> None:
        with self._lock:
            self._accepted.add(token)

    def accepts(self, authorization: str | None) -> bool:
        scheme, _, token = (authorization or "").partition(" ")
        with self._lock:
            return scheme.lower() == "bearer" and token in self._accepted and not self.rejects_all

    def issue(self, assertion: str) -> str:
        """A token for an assertion that the service account has signed; ValueError for any other."""
        claims = jwt.decode(assertion, certs=self._account_key)
        if "bigquery" not in claims["scope"] and "cloud-platform" not in claims["scope"]:
            raise ValueError("the scope does not cover BigQuery")
        token = f"issued-{secrets.token_hex(16)}"
        with self._lock:
            self._accepted.add(token)
            self.issued_count += 1
        return token


async def answer(send: Send, status: int, body: object) -> None:
    payload = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


async def read_body(receive: Receive) -> bytes:
    body, has_more = b"", True
    while has_more:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
    return body


def refusal(status: int, reason: str, message: str) -> dict[str, object]:
    """An error as BigQuery words it."""
    detail = {"reason": reason, "message": message, "domain": "global"}
    return {"error": {"code": status, "message": message, "errors": [detail]}}


class Gate:
    """REST: no request passes without an accepted token."""

    def __init__(self, tokens: Tokens, inner: Application) -> None:
        self._tokens = tokens
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
        elif scope["path"] == TOKEN_PATH:
            await self._exchange(receive, send)
        elif self._tokens.accepts(dict(scope["headers"]).get(b"authorization", b"").decode()):
            await self._inner(scope, receive, send)
        else:
            await read_body(receive)
            await answer(send, 401, refusal(401, "authError", "Request had invalid credentials."))

    async def _exchange(self, receive: Receive, send: Send) -> None:
        form = urllib.parse.parse_qs((await read_body(receive)).decode())
        try:
            token = self._tokens.issue(form["assertion"][0])
        except (KeyError, ValueError):
            await answer(send, 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
            return
        await answer(send, 200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"})


class StorageGate(grpc.ServerInterceptor):
    """Storage API: the same tokens, the status that gRPC has for it."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = continuation(details)
        if handler is None or self._tokens.accepts(dict(details.invocation_metadata).get("authorization")):
            return handler
        return refusing(handler, grpc.StatusCode.UNAUTHENTICATED, "Request had invalid credentials.")


def refusing(handler: Any, code: grpc.StatusCode, message: str) -> Any:
    """A handler of the same shape that ends every call with a status."""

    def refuse(_request: object, context: grpc.ServicerContext) -> None:
        context.abort(code, message)

    shapes = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = shapes[handler.request_streaming, handler.response_streaming]
    return make(refuse, handler.request_deserializer, handler.response_serializer)


def fingerprint(token: str) -> str:
    """Tells tokens apart in a record of requests without showing them."""
    return base64.b32encode(hashlib.sha256(token.encode()).digest()[:5]).decode()
