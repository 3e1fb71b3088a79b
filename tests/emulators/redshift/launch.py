"""Starts the Redshift emulator for tests, and stops it with everything that it started."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SERVER = Path(__file__).with_name("server.py")
_PATIENCE_SECONDS = 60
#: Variables of the environment in which a connection looks for its secrets.
PASSWORD_VARIABLE = "ONWARD_TEST_REDSHIFT_PASSWORD"  # noqa: S105
KEY_VARIABLE = "ONWARD_TEST_REDSHIFT_KEY"
_STORAGE_KEY = "onward"


@dataclass(frozen=True)
class RedshiftServer:
    """A running emulator.

    Attributes:
        certificate: What a client must trust to connect with TLS.
        uri: Of the same tables in PostgreSQL, for clients that know no Redshift.
    """

    port: int
    storage_port: int
    admin_port: int
    user: str
    password: str
    certificate: Path
    host: str = "127.0.0.1"
    database: str = "dev"
    bucket: str = "staging"

    @property
    def storage_url(self) -> str:
        return f"http://{self.host}:{self.storage_port}"

    @property
    def uri(self) -> str:
        credentials = f"{self.user}:{self.password}"
        return f"postgresql://{credentials}@{self.host}:{self.port}/{self.database}?sslmode=disable"

    def settings(self, **changes: Any) -> dict[str, Any]:
        """An entry of `connections.yml` with its secrets resolved; None takes a setting away."""
        staging = {
            "url": f"s3://{self.bucket}/onward",
            "iam_role": "arn:aws:iam::123456789012:role/unload",
            "region": "us-east-1",
            "access_key": _STORAGE_KEY,
            "secret_key": _STORAGE_KEY,
            "endpoint_url": self.storage_url,
        }
        entry = {
            "kind": "redshift",
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "user": self.user,
            "password": self.password,
            "is_encrypted": False,
            "staging": staging,
            **changes,
        }
        return {name: value for name, value in entry.items() if value is not None}

    def written_settings(self, **changes: Any) -> dict[str, Any]:
        """The same as a file holds it: secrets are references to `variables`."""
        entry = self.settings(**changes)
        keys = dict.fromkeys(("access_key", "secret_key"), f"env:{KEY_VARIABLE}")
        return entry | {"password": f"env:{PASSWORD_VARIABLE}", "staging": entry["staging"] | keys}

    @property
    def variables(self) -> dict[str, str]:
        """What the environment of a workspace has to hold."""
        return {PASSWORD_VARIABLE: self.password, KEY_VARIABLE: _STORAGE_KEY}

    def spoil(self, place: str, **fields: object) -> None:
        """Sets a fault; see `faults.py`."""
        port = self.storage_port if place == "storage" else self.admin_port
        self._call("POST", port, "/__faults", {"place": place, **fields})

    def heal(self) -> None:
        """Forgets all faults, and the statements so far."""
        for port in (self.storage_port, self.admin_port):
            self._call("DELETE", port, "/__faults")

    def statements(self) -> list[str]:
        """What clients asked since the last `heal`."""
        found: list[str] = json.loads(self._call("GET", self.admin_port, "/__statements"))
        return found

    def _call(self, method: str, port: int, path: str, content: object = None) -> bytes:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"http://{self.host}:{port}{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310
            return bytes(answer.read())


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]


@contextlib.contextmanager
def redshift_server(python: Path, folder: Path, *, has_tls: bool = False) -> Iterator[RedshiftServer]:
    """A cluster on free ports of loopback, run by an interpreter that has its packages.

    Data lie in a folder of their own beneath the system's temporary one: the server
    runs as another user when started by root, and the name of a socket is short.
    """
    port, storage_port, admin_port = _free_ports(3)
    home = Path(tempfile.mkdtemp(prefix="onward-rs-"))
    home.chmod(0o755)
    user, password = "onward", "correct horse"
    ports = ["--port", port, "--storage-port", storage_port, "--admin-port", admin_port]
    command = [python, _SERVER, *ports, "--folder", home, "--user", user, *(["--tls"] if has_tls else [])]
    environment = os.environ | {"EMULATOR_PASSWORD": password, "XDG_RUNTIME_DIR": str(home)}
    log = folder / f"redshift-{port}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [str(part) for part in command], env=environment, stdout=subprocess.PIPE, stderr=errors
        )
    try:
        if process.stdout is None or process.stdout.readline().strip() != b"ready":
            raise RuntimeError(f"the Redshift emulator did not start:\n{log.read_text()}")
        yield RedshiftServer(port, storage_port, admin_port, user, password, home / "certificate.pem")
    finally:
        _stop(process, home)


def _stop(process: subprocess.Popen[bytes], home: Path) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        _stop_database(home)
    if process.stdout is not None:
        process.stdout.close()
    shutil.rmtree(home, ignore_errors=True)


def _stop_database(home: Path) -> None:
    """PostgreSQL detaches itself; its first file says which process it is."""
    with contextlib.suppress(OSError, ValueError):
        os.kill(int((home / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGTERM)
