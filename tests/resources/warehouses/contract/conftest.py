"""Each kind of warehouse once a test process, all of them behind one fixture."""

from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.resources.warehouses.contract.engines.every import ENGINES


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


def pytest_collection_modifyitems(items):
    """Snowflake's copy of requests knows fewer versions of chardet than there are; it needs none."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:urllib3 .* doesn't match a supported version"))
