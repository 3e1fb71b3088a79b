"""A server on loopback that answers like a language model's, or as badly as a test wants."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

#: What a request is answered with: status, body and headers. A number of seconds may be waited before.
Reply = tuple[int, bytes, dict[str, str]]
Behaviour = Callable[[dict[str, Any], int], Reply]


def completion(content: object, *, usage: object = None) -> Reply:
    """A well-formed completion with that text."""
    message = {"message": {"role": "assistant", "content": content}}
    counted = {"prompt_tokens": 100, "completion_tokens": 5} if usage is None else usage
    return 200, json.dumps({"choices": [message], "usage": counted}).encode(), {}


def answering(topic: str) -> Behaviour:
    """Answers every question with the same topic."""
    return lambda _request, _number: completion(json.dumps({"topic": topic}))


def status(code: int, **headers: str) -> Reply:
    return (
        code,
        b'{"error": {"message": "no"}}',
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


class FakeServer:
    """Keeps every request; a behaviour gets the request's body and its number."""

    def __init__(self, behaviour: Behaviour, *, delay_seconds: float = 0.0) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        lock, kept = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    number = len(kept.requests)
                    kept.requests.append({"path": self.path, **body})
                    kept.headers.append(dict(self.headers))
                time.sleep(delay_seconds)
                code, content, headers = behaviour(body, number)
                self.send_response(code)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: object) -> None:
                """A test says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def texts(self) -> list[str]:
        """The product texts of all requests, sorted: they come from several threads."""
        return sorted(request["messages"][1]["content"] for request in self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
