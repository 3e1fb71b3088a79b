"""Where the dbt project is, where it builds, and what dbt is told. dbt itself runs as a child process."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_dbt import DbtProject

from pipelines.contracts.settings.connections import Connection, DuckDBConnection

PROJECT_FOLDER = Path(__file__).resolve().parent.parent / "dbt_project"
#: Generated or private to a machine; a change in them does not change the project.
_IGNORED = {"target", "logs", ".user.yml"}
_ARTIFACTS = ("partial_parse.msgpack", "manifest.json")


class DbtParseError(Exception):
    """dbt cannot read its project."""


class DbtTargetError(Exception):
    """dbt cannot build in the target warehouse."""


def build_dbt_project(
    home: Path, *, target: str = "duckdb", project_folder: Path = PROJECT_FOLDER
) -> DbtProject:
    """The dbt project with its artifacts under the state folder, so that the checkout stays clean."""
    return DbtProject(
        project_dir=project_folder,
        profiles_dir=project_folder,
        target=target,
        target_path=target_folder(home),
    )


def target_folder(home: Path) -> Path:
    return (home / "dbt").absolute()


def dbt_variables(home: Path, *, target: Connection) -> dict[str, str]:
    """Variables that every dbt process needs beside those of its parent.

    dagster-dbt hands on its own environment only, so that of the code location needs them too.
    """
    return {
        **_target_variables(target),
        "DBT_TARGET_PATH": str(target_folder(home)),
        "DBT_LOG_PATH": str(target_folder(home)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def _target_variables(target: Connection) -> dict[str, str]:
    """What `profiles.yml` asks for, from the resolved settings of the target."""
    match target:
        case DuckDBConnection():
            return {"ONWARD_WAREHOUSE_PATH": target.path}
        case _:
            raise DbtTargetError(f"dbt builds in a DuckDB file; the target is of kind {target.kind}")


def build_arguments(*, with_unit_tests: bool) -> list[str]:
    """Arguments that build and test all models.

    Unit tests prove code, not data, so a night leaves them out.
    """
    return ["build"] if with_unit_tests else ["build", "--exclude-resource-type", "unit_test"]


def ensure_manifest(project: DbtProject, *, environment: Mapping[str, str]) -> Path:
    """Path of the manifest, parsed anew when it is missing or older than any file of the project.

    Args:
        project: The dbt project.
        environment: Whole environment of the child process, `dbt_variables` included.
    """
    manifest = Path(project.manifest_path)
    if _is_current(manifest, Path(project.project_dir)):
        return manifest
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=manifest.parent, prefix=".parse-") as folder:
        _parse(project, Path(folder), environment)
        # The manifest last: with it the others are in place.
        for name in _ARTIFACTS:
            (Path(folder) / name).replace(manifest.parent / name)
    return manifest


def _parse(project: DbtProject, folder: Path, environment: Mapping[str, str]) -> None:
    places = {
        "--project-dir": project.project_dir,
        "--profiles-dir": project.profiles_dir,
        "--target-path": folder,
        "--log-path": folder,
        "--target": project.target,
    }
    options = [str(part) for option in places.items() for part in option]
    command = [sys.executable, "-m", "dbt.cli.main", "--quiet", "parse", *options]
    finished = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)  # noqa: S603  fixed command
    if finished.returncode:
        raise DbtParseError(f"dbt cannot read {project.project_dir}:\n{finished.stdout}{finished.stderr}")


def _is_current(manifest: Path, project_folder: Path) -> bool:
    if not manifest.exists():
        return False
    parsed_at = manifest.stat().st_mtime_ns
    # Folders count too: their time tells of a file that was removed.
    return all(path.stat().st_mtime_ns <= parsed_at for path in _project_files(project_folder))


def _project_files(project_folder: Path) -> Iterator[Path]:
    for path in project_folder.iterdir():
        if path.name not in _IGNORED:
            yield path
            yield from path.rglob("*") if path.is_dir() else ()
