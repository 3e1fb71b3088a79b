"""Each kind of warehouse once a test process, all of them behind one fixture."""

from contextlib import ExitStack, closing

import pytest

from tests.resources.warehouses.contract.engines import ENGINES


@pytest.fixture(scope="session")
def engine_of(start_emulator, tmp_path_factory):
    """Kind → its engine, started when it is asked for first."""
    with ExitStack() as stack:
        made = {}

        def make(kind):
            if kind not in made:
                folder = tmp_path_factory.mktemp(f"contract-{kind}")
                server = [] if kind == "duckdb" else [start_emulator(kind)]
                made[kind] = stack.enter_context(closing(ENGINES[kind](folder, *server)))
            return made[kind]

        yield make


@pytest.fixture(scope="session", params=list(ENGINES))
def engine(request, engine_of):
    return engine_of(request.param)
