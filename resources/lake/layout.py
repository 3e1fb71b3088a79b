"""Names and folders of the lake: which version lies where."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

MANIFEST = "manifest.json"
_SAFE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
_VERSION = re.compile(r"^(\d{4}-\d{2}-\d{2})-e(\d+)-[A-Za-z0-9_-]{1,8}$")
_DATA_PATH = re.compile(r"^(?:\.\./([A-Za-z0-9_-]+)/)?(?:part|bucket)-\d{4}\.parquet$")


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders of one workspace: `<root>/<workspace>/<stage>/<table>/<version>/`."""

    root: Path
    workspace_id: str

    def __post_init__(self) -> None:
        if not _SAFE_NAME.match(self.workspace_id):
            raise ValueError("a workspace id is made of letters, digits, _ and -")

    @property
    def workspace_folder(self) -> Path:
        return self.root / self.workspace_id

    @property
    def staging_folder(self) -> Path:
        """Unfinished and discarded versions; on the disk of the tables, so that a rename is atomic."""
        return self.workspace_folder / ".staging"

    def table_folder(self, table_id: str) -> Path:
        stage, name = table_id.split("/")
        return self.workspace_folder / stage / name

    def version_folder(self, table_id: str, version: str) -> Path:
        return self.table_folder(table_id) / version

    def draft_entries(self) -> list[Path]:
        """Everything in staging: drafts, and what a collection did not finish removing."""
        return sorted(self.staging_folder.iterdir()) if self.staging_folder.exists() else []

    def discarded_entry(self, token: str) -> Path:
        return self.staging_folder / f"discarded.{token}"

    def draft_folder(self, step: str, table_id: str, version: str) -> Path:
        return self.staging_folder / f"{step}.{table_id.replace('/', '.')}.{version}"

    def unreachable_mark(self, table_id: str, version: str) -> Path:
        """An empty file that is as old as the discovery that nothing leads to the version any more."""
        return self.workspace_folder / ".unreachable" / f"{table_id.replace('/', '.')}.{version}"

    def table_ids(self) -> list[str]:
        """Tables that have a folder, whether or not a contract still knows them."""
        return sorted(
            f"{folder.parent.name}/{folder.name}"
            for folder in self.workspace_folder.glob("[!.]*/*")
            if folder.is_dir()
        )

    def version_names(self, table_id: str) -> list[str]:
        folder = self.table_folder(table_id)
        return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


def version_name(on: date, *, epoch: int, run_id: str) -> str:
    """Epoch and run make it unique: two attempts never share a folder."""
    name = f"{on.isoformat()}-e{epoch}-{run_id[:8]}"
    if not _VERSION.match(name):
        raise ValueError("a run id starts with letters, digits, _ or -")
    return name


def partition_of(version: str) -> date | None:
    """The night in the name of a version; None for a name that the lake did not give."""
    match = _VERSION.match(version)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def epoch_of(version: str) -> int:
    """The epoch in the name of a version: tables that one writer published together have the same."""
    match = _VERSION.match(version)
    if match is None:
        raise ValueError("not a version of the lake")
    return int(match[2])


def writer_of_draft(name: str) -> tuple[str, date] | None:
    """Step and night whose writer made a draft; None for other entries of the staging folder."""
    step, _, version = name.partition(".")
    on = partition_of(version.rpartition(".")[2])
    return None if on is None else (step, on)


def lease_name(workspace_id: str, step: str, on: date) -> str:
    """One writer for the tables that a step publishes together for a night."""
    if not _SAFE_NAME.match(step):
        raise ValueError("the name of a step is made of letters, digits, _ and -")
    return f"lake/{workspace_id}/{step}/{on.isoformat()}"


def origin_of(path: str, *, version: str) -> str:
    """The version that wrote the file at a manifest's relative path."""
    match = _DATA_PATH.match(path)
    if match is None:
        raise ValueError("not a path that the lake writes")
    return match[1] or version


def seen_from_later(path: str, *, version: str) -> str:
    """A file's path as a later version of the same table refers to it."""
    return path if path.startswith("../") else f"../{version}/{path}"
