"""Starts the BigQuery emulator as a process of its own and stops it again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.emulators.processes import HOST, ask, running

PROJECT = "onward-test"
#: Variable of the environment in which a connection looks for a ready token.
TOKEN_VARIABLE = "ONWARD_TEST_BIGQUERY_TOKEN"  # noqa: S105
ACCOUNT = f"onward@{PROJECT}.iam.gserviceaccount.com"
_TOKEN = "ready-token-of-the-tests"  # noqa: S105
_SERVER = Path(__file__).with_name("server.py")


@dataclass(frozen=True)
class BigQueryServer:
    """A running emulator.

    Attributes:
        keyfile: Service account key that it knows.
        foreign_keyfile: The same account with a key that it does not know.
        token: An access token that it accepts.
    """

    port: int
    storage_port: int
    keyfile: Path
    foreign_keyfile: Path
    token: str = _TOKEN
    project: str = PROJECT

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """What the environment of a workspace has to hold."""
        return {TOKEN_VARIABLE: self.token}

    def settings(self, **changes: Any) -> dict[str, Any]:
        """An entry of `connections.yml`; None takes a setting away."""
        entry = {
            "kind": "bigquery",
            "project": self.project,
            "location": "US",
            "keyfile": str(self.keyfile),
            "api_endpoint": self.url,
            "storage_endpoint": f"http://{HOST}:{self.storage_port}",
            **changes,
        }
        return {name: value for name, value in entry.items() if value is not None}

    def plan_faults(self, **faults: Any) -> None:
        """See `faults.py`; adds to what is planned."""
        self._ask("POST", "faults", faults)

    def forget_faults(self) -> None:
        """Ends every fault; tokens that expired stay so, except the ready one."""
        self._ask("DELETE", "faults")
        self._ask("POST", "faults", {"accept_token": self.token})

    def report(self) -> dict[str, Any]:
        """Requests, queries and issued tokens so far."""
        report: dict[str, Any] = self._ask("GET", "requests")
        return report

    def _ask(self, method: str, name: str, body: object = None) -> Any:
        return ask(self.port, method, f"/emulator/{name}", body or {})


def _write_keyfile(path: Path, token_url: str, key: rsa.RSAPrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "tests",
        "private_key": pem.decode(),
        "client_email": ACCOUNT,
        "client_id": "1",
        "token_uri": token_url,
    }
    path.write_text(json.dumps(account), encoding="utf-8")
    path.chmod(0o600)


@contextmanager
def bigquery_server(python: Path, folder: Path) -> Iterator[BigQueryServer]:
    """A server on free ports of loopback that keeps its tables in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    account_key, log = folder / "account.pem", folder / "server.log"
    account_key.write_bytes(public)
    arguments = ["--folder", folder / "tables", "--project", PROJECT, "--token", _TOKEN]
    command = [python, _SERVER, *arguments, "--account-key", account_key]
    with running("BigQuery", command, log=log) as line:
        ports = json.loads(line)
        token_url = f"http://{HOST}:{ports['port']}/token"
        known, foreign = folder / "keyfile.json", folder / "foreign_keyfile.json"
        _write_keyfile(known, token_url, key)
        _write_keyfile(foreign, token_url, rsa.generate_private_key(public_exponent=65537, key_size=2048))
        yield BigQueryServer(ports["port"], ports["storage_port"], known, foreign)
