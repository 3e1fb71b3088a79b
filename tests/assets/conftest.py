"""The definitions of the sample workspace, built once, in a home that holds nothing else."""

import os
from pathlib import Path

import dagster as dg
import pytest

from assets.definitions import build_definitions
from resources.settings import read_environment

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "complete_journey"


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def definitions(sample_home: Path) -> dg.Definitions:
    variables = {**os.environ, "ONWARD_HOME": str(sample_home), "ONWARD_WORKSPACE": str(SAMPLE)}
    return build_definitions(read_environment(variables))
