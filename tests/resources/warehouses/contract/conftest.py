"""Each kind of warehouse once a test process, all of them behind one fixture."""

import pytest

from tests.resources.warehouses.contract.engines import ENGINES, DuckDBEngine


@pytest.fixture(scope="session", params=list(ENGINES))
def engine(request, start_emulator, tmp_path_factory):
    kind = request.param
    folder = tmp_path_factory.mktemp(f"contract-{kind}")
    made = DuckDBEngine(folder) if kind == "duckdb" else ENGINES[kind](folder, start_emulator(kind))
    yield made
    made.close()
