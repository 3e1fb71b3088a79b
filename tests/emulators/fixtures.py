"""Fixtures of the emulators: each started once a test process, and skipped where its Python is missing."""

import importlib
import os
from contextlib import ExitStack

import pytest

from tests.emulators.install import PYTHONS, interpreter_of


@pytest.fixture(scope="session")
def start_emulator(tmp_path_factory):
    """Kind of warehouse → its running server, as `launch.py` of the emulator describes it."""
    with ExitStack() as stack:
        running = {}

        def start(kind):
            if kind not in running:
                running[kind] = stack.enter_context(server_of(kind, tmp_path_factory.mktemp(kind)))
            return running[kind]

        yield start


def server_of(kind, folder):
    """A server of one's own, for what fills schema `onward`; a context manager."""
    interpreter = interpreter_of(kind)
    if not interpreter.exists():
        reason = f"the emulator of {kind} needs Python {PYTHONS[kind]}; install it and run `make emulators`"
        # Where all must run, a missing environment is a failure and not a gap.
        if os.environ.get("ONWARD_REQUIRE_EMULATORS"):
            pytest.fail(reason)
        pytest.skip(reason)
    launch = importlib.import_module(f"tests.emulators.{kind}.launch")
    return getattr(launch, f"{kind}_server")(interpreter, folder)


@pytest.fixture(scope="session")
def snowflake_server(start_emulator):
    return start_emulator("snowflake")


@pytest.fixture(scope="session")
def bigquery_server(start_emulator):
    return start_emulator("bigquery")


@pytest.fixture(scope="session")
def redshift_server(start_emulator):
    return start_emulator("redshift")
