"""The house: sizes, names, empty package files, and nothing in it that speaks of a machine."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("pipelines", "resources", "assets", "service")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
#: A migration is a record of what was done once, not a module that grows.
SIZED_MODULES = [module for module in MODULES if "versions" not in module.parts]
BANNED_NAMES = {"utils", "helpers", "common", "manager", "data", "df", "final", "misc"}
TOP_LEVEL = {
    "pipelines", "assets", "resources", "dbt_project", "service", "tests", "examples", "benchmarks", "docs",
    "pyproject.toml", "workspace.yaml", "Makefile", "README.md", "CONTRIBUTING.md", "requirements.lock",
    ".ci", ".gitignore", ".sqlfluff", "LICENSE",
}  # fmt: skip


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.mark.parametrize("module", SIZED_MODULES, ids=name_of)
def test_a_module_holds_one_idea(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 300


@pytest.mark.parametrize("module", SIZED_MODULES, ids=name_of)
def test_a_function_fits_on_a_screen(module: Path) -> None:
    too_long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > 40 + _docstring_lines(node)
    ]
    assert not too_long


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    docstring = ast.get_docstring(node)
    return len(docstring.splitlines()) if docstring else 0


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_names_say_what_a_thing_is(module: Path) -> None:
    tree = ast.parse(module.read_text())
    variables = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    assert module.stem not in BANNED_NAMES | {"base"} or name_of(module) == "resources/warehouses/base.py"
    assert not (variables | arguments) & {"df", "data", "utils", "helper"}


@pytest.mark.parametrize("package_file", [m for m in MODULES if m.name == "__init__.py"], ids=name_of)
def test_package_files_are_empty(package_file: Path) -> None:
    assert package_file.read_text() == ""


def test_top_level_is_fixed() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked_files()} <= TOP_LEVEL


def test_yaml_files_stay_short() -> None:
    long_files = [
        name_of(path)
        for path in tracked_files()
        if path.suffix in {".yml", ".yaml"} and len(path.read_text().splitlines()) > 200
    ]
    assert not long_files


def test_nothing_names_a_registry_or_a_path_of_a_machine() -> None:
    hosts = [
        "py" + "pi.org",
        "python" + "hosted",
        "npm" + "js.",
        "deb." + "debian",
        "/wo" + "rk/",
        "/ro" + "ot/",
    ]
    pattern = re.compile("|".join(map(re.escape, hosts)))
    found = [
        f"{name_of(path)}:{number}"
        for path in tracked_files()
        if path.suffix not in {".png", ".parquet", ".duckdb"}
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found
