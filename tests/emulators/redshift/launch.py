"""Starts the Redshift emulator for tests, and stops it with everything that it started."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.emulators.processes import HOST, ask, free_ports, running

_SERVER = Path(__file__).with_name("server.py")
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
    host: str = HOST
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
        ask(port, "POST", "/__faults", {"place": place, **fields})

    def heal(self) -> None:
        """Forgets all faults, and the statements so far."""
        for port in (self.storage_port, self.admin_port):
            ask(port, "DELETE", "/__faults")

    def statements(self) -> list[str]:
        """What clients asked since the last `heal`."""
        found: list[str] = ask(self.admin_port, "GET", "/__statements")
        return found


@contextlib.contextmanager
def redshift_server(python: Path, folder: Path, *, has_tls: bool = False) -> Iterator[RedshiftServer]:
    """A cluster on free ports of loopback, run by an interpreter that has its packages.

    Data lie in a folder of their own beneath the system's temporary one: the server
    runs as another user when started by root, and the name of a socket is short.
    """
    port, storage_port, admin_port = free_ports(3)
    home = Path(tempfile.mkdtemp(prefix="onward-rs-"))
    home.chmod(0o755)
    user, password = "onward", "correct horse"
    ports = ["--port", port, "--storage-port", storage_port, "--admin-port", admin_port]
    command = [python, _SERVER, *ports, "--folder", home, "--user", user, *(["--tls"] if has_tls else [])]
    environment = os.environ | {"EMULATOR_PASSWORD": password, "XDG_RUNTIME_DIR": str(home)}
    log = folder / f"redshift-{port}.log"
    try:
        with running("Redshift", command, log=log, environment=environment):
            yield RedshiftServer(port, storage_port, admin_port, user, password, home / "certificate.pem")
    finally:
        _stop_database(home)
        shutil.rmtree(home, ignore_errors=True)


def _stop_database(home: Path) -> None:
    """PostgreSQL detaches itself; where it was left behind, its first file says which process it is."""
    with contextlib.suppress(OSError, ValueError):
        os.kill(int((home / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGTERM)
