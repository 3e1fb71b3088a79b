"""Starts and stops the Snowflake emulator, and tells how to connect to it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.emulators.processes import HOST, ask, running

USER = "SVC_ONWARD"


@dataclass(frozen=True)
class SnowflakeServer:
    """A running emulator.

    Attributes:
        private_key: PEM file of the key that opens it.
        encrypted_key: The same key, behind a passphrase.
        foreign_key: A key that opens nothing.
    """

    port: int
    private_key: Path
    encrypted_key: Path
    foreign_key: Path
    password: str
    passphrase: str
    oauth_token: str
    access_token: str
    host: str = HOST
    user: str = USER

    def settings(self, **changes: object) -> dict[str, object]:
        """An entry of `connections.yml`; None takes a setting away."""
        entry: dict[str, object] = {
            "kind": "snowflake",
            "account": "EMULATOR",
            "user": self.user,
            "private_key_file": str(self.private_key),
            "database": "CRM",
            "schema": "PUBLIC",
            "warehouse": "COMPUTE_WH",
            "host": self.host,
            "port": self.port,
            "protocol": "http",
        } | changes
        return {name: value for name, value in entry.items() if value is not None}

    def misbehave(self, **fault: object) -> None:
        """Sets a fault; fields as in `faults.Fault`."""
        self._call("POST", "/__faults", fault)

    def cut_results(self, rows: int) -> None:
        """Results of more rows come in chunks of so many."""
        self._call("POST", "/__chunks", {"rows": rows})

    def set_account_zone(self, zone: str) -> None:
        """The zone of sessions that ask for none, from now on."""
        self._call("POST", "/__zone", {"zone": zone})

    def behave(self) -> None:
        """No fault is left, chunks have their usual size, and the log is empty."""
        self._call("DELETE", "/__faults")

    def log(self) -> list[dict[str, object]]:
        """Logins and statements since the last `behave`."""
        return self._call("GET", "/__log")

    def statements(self) -> list[str]:
        return [str(entry["sql"]) for entry in self.log() if "sql" in entry]

    def _call(self, method: str, path: str, body: object = None):
        return ask(self.port, method, path, body)


@contextmanager
def snowflake_server(
    python: Path, folder: Path, *, rows_per_chunk: int = 100_000
) -> Iterator[SnowflakeServer]:
    """An emulator on a free port; keys and log lie in `folder`, and `python` has its requirements."""
    folder.mkdir(parents=True, exist_ok=True)
    passphrase = secrets.token_urlsafe()
    private_key, encrypted_key, foreign_key = _write_keys(folder, passphrase)
    server = SnowflakeServer(
        port=0,
        private_key=private_key,
        encrypted_key=encrypted_key,
        foreign_key=foreign_key,
        password=secrets.token_urlsafe(),
        passphrase=passphrase,
        oauth_token=secrets.token_urlsafe(),
        access_token=secrets.token_urlsafe(),
    )
    # Uploaded files go to the temporary folder: its own, so that they go with it.
    environment = os.environ | {"TMPDIR": str(folder), "HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    command = _command(python, server, folder, rows_per_chunk)
    with running("Snowflake", command, log=folder / "server.log", environment=environment) as port:
        yield replace(server, port=int(port))


def _command(python: Path, server: SnowflakeServer, folder: Path, rows_per_chunk: int) -> list[object]:
    return [
        *(str(python), str(Path(__file__).with_name("server.py"))),
        *("--rows-per-chunk", str(rows_per_chunk), "--user", server.user),
        # With an equals sign: a random token may start with a dash.
        *(f"--password={server.password}", f"--oauth-token={server.oauth_token}"),
        *(f"--access-token={server.access_token}", "--public-key", str(folder / "rsa_key.pub")),
    ]


def _write_keys(folder: Path, passphrase: str) -> tuple[Path, Path, Path]:
    key, foreign = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    plain = serialization.NoEncryption()
    locked = serialization.BestAvailableEncryption(passphrase.encode())
    paths = (folder / "rsa_key.p8", folder / "rsa_encrypted.p8", folder / "rsa_foreign.p8")
    for path, secret, encryption in zip(paths, (key, key, foreign), (plain, locked, plain), strict=True):
        path.write_bytes(
            secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        )
        path.chmod(0o600)
    (folder / "rsa_key.pub").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return paths
