"""What import rules cannot say: no clock, no unseeded randomness, no engine hash, no eager work in stages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAGE_MODULES = sorted((ROOT / "pipelines").rglob("*.py"))

FORBIDDEN_CALLS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "monotonic"),
    ("time", "perf_counter"),
    ("random", "random"),
    ("random", "seed"),
    ("os", "getenv"),
}
FORBIDDEN_METHODS = {"hash", "hash_rows", "sample", "shuffle", "write_parquet", "sink_parquet"}
FORBIDDEN_IMPORTS = {"os", "random", "pathlib", "io", "subprocess", "socket", "time", "secrets", "uuid"}

#: Where an algorithm needs the rows in hand, and why.
EAGER_ALLOWED = {
    "pipelines/enrichment/btyd/gamma_gamma.py": "every step of a fit goes over all distinct spends",
    "pipelines/enrichment/btyd/histories.py": "every step of a fit goes over all distinct histories",
    "pipelines/enrichment/item_affinity.py": "what goes with what was bought is a product of matrices",
    "pipelines/enrichment/item_knowledge.py": "an inverse is of all items at once",
    "pipelines/enrichment/send_times.py": "every round of a fit goes over all people",
    "pipelines/identity/labels.py": "labels of a person are measured in one row, not in a night",
    "pipelines/enrichment/forecasting/state.py": "how much history there is decides what is stacked",
    "pipelines/enrichment/forecasting/training.py": "every step of a fit goes over all snapshots",
    "pipelines/identity/linking.py": "components and ids are properties of the whole graph",
    "pipelines/identity/resolution.py": "four tables are made of the survivors, which are chosen once",
    "pipelines/segmentation/clusters.py": "every step of a fit goes over all people that are fitted on",
    "pipelines/segmentation/lookalikes.py": "who is taken depends on the score of everyone",
    "pipelines/segmentation/segments.py": "lookalikes learn from the verdicts of the rules before them",
    "pipelines/personalization/learning/state.py": "how many decisions there are decides what is looked at",
    "pipelines/personalization/proposing.py": "models score people and actions as matrices",
    "pipelines/planning/deciding.py": "a place given away changes every later answer",
}


def calls(module: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call):
            yield node


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("module", STAGE_MODULES, ids=name_of)
def test_a_stage_reads_no_clock_no_environment_and_no_dice(module: Path) -> None:
    found = [
        ast.unparse(call.func)
        for call in calls(module)
        if isinstance(call.func, ast.Attribute)
        and (
            (ast.unparse(call.func.value).split(".")[-1], call.func.attr) in FORBIDDEN_CALLS
            or call.func.attr in FORBIDDEN_METHODS
        )
    ]
    assert not found


@pytest.mark.parametrize("module", STAGE_MODULES, ids=name_of)
def test_a_stage_imports_nothing_from_outside_the_process(module: Path) -> None:
    imported = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not imported & FORBIDDEN_IMPORTS


@pytest.mark.parametrize("module", STAGE_MODULES, ids=name_of)
def test_frames_are_collected_only_outside_of_stages(module: Path) -> None:
    is_eager = any(
        isinstance(call.func, ast.Attribute) and call.func.attr in {"collect", "collect_all"}
        for call in calls(module)
    )
    assert is_eager == (name_of(module) in EAGER_ALLOWED)
