"""What starting an emulator as a process of its own has in common, whatever the kind."""

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
STARTS_WITHIN_SECONDS = 60
STOPS_WITHIN_SECONDS = 30
_SHOWN_CHARACTERS = 4000


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nothing listens on; all are held until the last is known."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in taken]


@contextmanager
def running(
    kind: str, command: list[object], *, log: Path, environment: dict[str, str] | None = None
) -> Iterator[str]:
    """The process of an emulator until the context ends; gives the line that it prints once it answers.

    An empty line means that it has died, which raises RuntimeError with the end of its log.
    """
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            text=True,
        )
    try:
        line = process.stdout.readline().strip() if process.stdout else ""
        if not line:
            raise RuntimeError(f"the {kind} emulator did not start:\n{_end_of(log)}")
        yield line
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """Asks it to end, and ends it when it does not."""
    process.terminate()
    try:
        process.wait(STOPS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def ask(port: int, method: str, path: str, body: object = None) -> Any:
    """The answer of an emulator to its tests; None where it says nothing."""
    content = None if body is None else json.dumps(body)
    headers = {} if content is None else {"content-type": "application/json"}
    with closing(http.client.HTTPConnection(HOST, port, timeout=STARTS_WITHIN_SECONDS)) as connection:
        connection.request(method, path, content, headers)
        answer = connection.getresponse().read()
    return json.loads(answer) if answer.strip() else None


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-_SHOWN_CHARACTERS:]
