"""The folder that Dagster keeps its own state in, and the packaged settings that belong there."""

from importlib.resources import files
from pathlib import Path

FILE_NAME = "dagster.yaml"
_PLACEHOLDER = "@DAGSTER_HOME@"


def instance_settings(folder: Path) -> str:
    """The packaged `dagster.yaml` for a folder."""
    packaged = files("resources.dagster_instance").joinpath(FILE_NAME).read_text(encoding="utf-8")
    return packaged.replace(_PLACEHOLDER, str(folder.absolute()))


def prepare_dagster_home(folder: Path) -> Path:
    """Creates the folder and brings its `dagster.yaml` up to date; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / FILE_NAME
    if not is_prepared(folder):
        draft = target.with_suffix(".draft")
        draft.write_text(instance_settings(folder), encoding="utf-8")
        draft.replace(target)
    return folder


def is_prepared(folder: Path) -> bool:
    """Whether the settings in the folder are those of this release."""
    target = folder / FILE_NAME
    return target.is_file() and target.read_text(encoding="utf-8") == instance_settings(folder)
