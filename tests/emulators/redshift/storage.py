"""The object store of the emulator: moto behind a gate that answers badly on request.

Runs as a process of its own, so that it does not take turns with the cluster.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from faults import Fault, Faults
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{0}</Code><Message>{0}</Message></Error>'


class _QuietHandler(MotoRequestHandler):
    def log_request(self, *_: object) -> None:
        """Nothing: a line for each request would fill the pipe."""


class Gate:
    """A WSGI application in front of another."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._faults = Faults()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == "/__faults":
            return self._set_faults(method, environ, start_response)
        fault = self._faults.take("storage", path, method)
        if fault is None:
            return self._application(environ, start_response)
        time.sleep(fault.delay)
        if fault.status is not None:
            start_response(f"{fault.status} {fault.code}", [("Content-Type", "application/xml")])
            return [_ERROR.format(fault.code).encode()]
        return _cut(self._application(environ, start_response), fault)

    def _set_faults(
        self, method: str, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if method == "DELETE":
            self._faults.clear()
        else:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            self._faults.add(json.loads(environ["wsgi.input"].read(length)))
        start_response("204 No Content", [])
        return []


def _cut(body: Iterable[bytes], fault: Fault) -> Iterator[bytes]:
    """The body up to a byte; the length that was announced then never arrives."""
    whole = b"".join(body)
    end = len(whole) - 1 if fault.drop_after == -1 else fault.drop_after or 0
    yield whole[:end]


def _die_with(parent: int) -> None:
    """Ends this process when the one that started it is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main(port: int) -> None:
    threading.Thread(target=_die_with, args=(os.getppid(),), daemon=True).start()
    gate = Gate(DomainDispatcherApplication(create_backend_app))
    make_server("127.0.0.1", port, gate, threaded=True, request_handler=_QuietHandler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
