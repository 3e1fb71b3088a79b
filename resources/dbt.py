"""Where the dbt project is, where it builds, and what dbt is told. dbt itself runs as a child process."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_dbt import DbtProject

from pipelines.contracts.settings.connections import Connection
from resources.dbt_targets import require_adapter, target_variables

PROJECT_FOLDER = Path(__file__).resolve().parent.parent / "dbt_project"
#: Generated or private to a machine; a change in them does not change the project.
_IGNORED = {"target", "logs", ".user.yml"}
_ARTIFACTS = ("partial_parse.msgpack", "manifest.json")


class DbtParseError(Exception):
    """dbt cannot read its project."""


def build_dbt_project(home: Path, *, kind: str, project_folder: Path = PROJECT_FOLDER) -> DbtProject:
    """The dbt project with its artifacts under the state folder, so that the checkout stays clean.

    Args:
        home: The state folder.
        kind: Kind of the target warehouse; `profiles.yml` has a target of that name.
        project_folder: The project.

    Raises:
        DbtAdapterError: This installation cannot build there.
    """
    require_adapter(kind)
    return DbtProject(
        project_dir=project_folder,
        profiles_dir=project_folder,
        target=kind,
        target_path=target_folder(home, kind),
    )


def target_folder(home: Path, kind: str) -> Path:
    """Artifacts of one target: what dbt makes of the project differs between kinds of warehouses."""
    return (home / "dbt" / kind).absolute()


def place_variables(home: Path, *, kind: str) -> dict[str, str]:
    """Variables with which dbt can read its project: where artifacts lie, and no setting of a warehouse."""
    return {
        "DBT_TARGET_PATH": str(target_folder(home, kind)),
        "DBT_LOG_PATH": str(target_folder(home, kind)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def dbt_variables(home: Path, *, target: Connection) -> dict[str, str]:
    """Variables that a dbt process needs to build, beside those of its parent; some are secret."""
    return target_variables(target) | place_variables(home, kind=target.kind)


def build_arguments(*, with_unit_tests: bool) -> list[str]:
    """Arguments that build and test all models.

    Unit tests prove code, not data, so a night leaves them out.
    """
    return ["build"] if with_unit_tests else ["build", "--exclude-resource-type", "unit_test"]


def ensure_manifest(project: DbtProject, *, environment: Mapping[str, str]) -> Path:
    """Path of the manifest, parsed anew when it is missing or older than any file of the project.

    Args:
        project: The dbt project.
        environment: Whole environment of the child process; `place_variables` at least.
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
