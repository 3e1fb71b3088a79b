"""Faults on request: throttling, outages, broken streams, expired tokens, a Storage API that is closed.

`POST /emulator/faults` takes a JSON object, `DELETE` forgets every fault,
`GET /emulator/requests` says what was asked for so far.

    {"expire_tokens": true}                        every token so far is refused from now on
    {"reject_credentials": true}                   every token is refused, new ones too
    {"answers": [{"status": 503, "count": 2, "path": "/jobs"}]}    the next two such requests
    {"stream_breaks": [1, 3]}                      the next stream ends after 1 batch, the one after after 3
    {"stream_status": "RESOURCE_EXHAUSTED"}        how it ends (UNAVAILABLE otherwise)
    {"query_delays": [5]}                          the next query takes five seconds longer
    {"denies_storage": true}                       the Storage API answers PERMISSION_DENIED
    {"time_zone": "Asia/Kolkata"}                  the default zone of the project
"""

import json
import threading
from collections.abc import Iterator
from typing import Any

import access
import costs
import grpc
import memory

_REASONS = {429: "rateLimitExceeded", 500: "internalError", 502: "badGateway", 503: "backendError"}


class Faults:
    """What goes wrong next."""

    def __init__(self, tokens: access.Tokens) -> None:
        self.tokens = tokens
        self._lock = threading.Lock()
        self._requests: list[str] = []
        self.forget()

    def forget(self) -> None:
        self.tokens.rejects_all = False
        costs.DELAYS.clear()
        memory.set_zone("UTC")
        with self._lock:
            self._answers: list[dict[str, Any]] = []
            self._stream_breaks: list[int] = []
            self._stream_status = "UNAVAILABLE"
            self._denies_storage = False

    def plan(self, wanted: dict[str, Any]) -> None:
        if wanted.get("expire_tokens"):
            self.tokens.expire()
        self.tokens.rejects_all = bool(wanted.get("reject_credentials", self.tokens.rejects_all))
        if "accept_token" in wanted:
            self.tokens.accept(wanted["accept_token"])
        if "time_zone" in wanted:
            memory.set_zone(wanted["time_zone"])
        costs.DELAYS.extend(wanted.get("query_delays", []))
        with self._lock:
            self._answers += wanted.get("answers", [])
            self._stream_breaks += wanted.get("stream_breaks", [])
            self._stream_status = wanted.get("stream_status", self._stream_status)
            self._denies_storage = wanted.get("denies_storage", self._denies_storage)

    def note(self, request: str) -> None:
        with self._lock:
            self._requests.append(request)

    def report(self) -> dict[str, Any]:
        with self._lock:
            requests = list(self._requests)
        queries = [vars(query) for query in list(costs.QUERIES)]
        return {"requests": requests, "queries": queries, "tokens_issued": self.tokens.issued_count}

    def next_answer(self, path: str) -> int | None:
        """Status with which a request is to be refused."""
        with self._lock:
            for fault in self._answers:
                if fault["count"] and fault.get("path", "") in path:
                    fault["count"] -= 1
                    return int(fault["status"])
        return None

    def next_break(self) -> tuple[int | None, grpc.StatusCode]:
        """After how many batches the stream that starts now ends, and how."""
        with self._lock:
            batch_count = self._stream_breaks.pop(0) if self._stream_breaks else None
            return batch_count, grpc.StatusCode[self._stream_status]

    @property
    def denies_storage(self) -> bool:
        with self._lock:
            return self._denies_storage


class Control:
    """The way in for tests; everything else passes."""

    def __init__(self, plan: Faults, inner: access.Application) -> None:
        self._plan = plan
        self._inner = inner

    async def __call__(self, scope: access.Scope, receive: access.Receive, send: access.Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(access.CONTROL_PATH):
            await self._inner(scope, receive, send)
            return
        body = await access.read_body(receive)
        if scope["method"] == "POST":
            self._plan.plan(json.loads(body))
        elif scope["method"] == "DELETE":
            self._plan.forget()
        await access.answer(send, 200, self._plan.report() if scope["method"] == "GET" else {})


class Answers:
    """REST requests that are refused with a status of choice."""

    def __init__(self, plan: Faults, inner: access.Application) -> None:
        self._plan = plan
        self._inner = inner

    async def __call__(self, scope: access.Scope, receive: access.Receive, send: access.Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        self._plan.note(f"{scope['method']} {scope['path']}")
        status = self._plan.next_answer(scope["path"])
        if status is None:
            await self._inner(scope, receive, send)
            return
        await access.read_body(receive)
        await access.answer(send, status, access.refusal(status, _REASONS[status], "Try again later."))


class StorageFaults(grpc.ServerInterceptor):
    """Streams that end early, and a Storage API that is not allowed."""

    def __init__(self, plan: Faults) -> None:
        self._plan = plan

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = continuation(details)
        self._plan.note(details.method)
        if handler is None:
            return None
        if self._plan.denies_storage:
            what = "Permission 'bigquery.readsessions.create' denied."
            return access.refusing(handler, grpc.StatusCode.PERMISSION_DENIED, what)
        if not details.method.endswith("/ReadRows"):
            return handler
        batch_count, status = self._plan.next_break()
        return handler if batch_count is None else _ending_early(handler, batch_count, status)


def _ending_early(handler: Any, batch_count: int, status: grpc.StatusCode) -> Any:
    def read(request: object, context: grpc.ServicerContext) -> Iterator[object]:
        for index, response in enumerate(handler.unary_stream(request, context)):
            if index >= batch_count:
                break
            yield response
        context.abort(status, "The stream was interrupted.")

    return grpc.unary_stream_rpc_method_handler(
        read, handler.request_deserializer, handler.response_serializer
    )
