"""Removes what nobody can reach: superseded versions and the remains of broken runs."""

import os
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from resources.control.leases import LeaseHeldError
from resources.lake import files, layout
from resources.lake.layout import Layout
from resources.lake.ports import LeaseStore, PointerStore
from resources.lake.reading import VersionReader

_OWNER = "garbage collection"


@dataclass(slots=True)
class GarbageReport:
    """What a collection did.

    Attributes:
        removed: Versions and staging folders that are gone, relative to the workspace.
        kept: Folders that it left alone because somebody is writing that night.
        freed_bytes: Size of what was removed.
    """

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    freed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class GarbageCollector:
    """Collects one workspace; a version is removed under the lease of its stage and night."""

    reader: VersionReader
    pointers: PointerStore
    leases: LeaseStore

    def collect(self, *, keep_hours: float) -> GarbageReport:
        """Removes unreachable folders that were last touched more than `keep_hours` ago.

        The margin is for readers that opened a version before it was
        superseded. A table whose current version has no readable manifest is
        left alone: what it refers to is unknown (CorruptVersionError).
        """
        report = GarbageReport()
        oldest = time.time() - keep_hours * 3600
        for table_id in self._layout.table_ids():
            self._collect_table(table_id, oldest, report)
        for draft in self._drafts():
            if draft.stat().st_mtime <= oldest:
                self._remove_draft(draft, report)
        return report

    @property
    def _layout(self) -> Layout:
        return self.reader.layout

    def _collect_table(self, table_id: str, oldest: float, report: GarbageReport) -> None:
        stage = table_id.split("/")[0]
        reachable = self._reachable(table_id)
        for version in self._layout.version_names(table_id):
            on = layout.partition_of(version)
            folder = self._layout.version_folder(table_id, version)
            if on is None or version in reachable or folder.stat().st_mtime > oldest:
                continue
            self._under_lease(stage, on, folder, report)

    def _reachable(self, table_id: str) -> set[str]:
        """Versions that are current for some night, and those whose files they consist of."""
        current = {pointer.version for pointer in self.pointers.all() if pointer.dataset == table_id}
        referred = (self.reader.load(table_id, version).origins() for version in current)
        return current.union(*referred)

    def _under_lease(self, stage: str, on: date, folder: Path, report: GarbageReport) -> None:
        """Removes a version, unless its night is being written or it became reachable meanwhile."""
        name = layout.lease_name(self._layout.workspace_id, stage, on)
        try:
            lease = self.leases.acquire(name, _OWNER)
        except LeaseHeldError:
            report.kept.append(self._relative(folder))
            return
        try:
            if folder.name not in self._reachable(f"{stage}/{folder.parent.name}"):
                self._remove(folder, report)
        finally:
            self.leases.release(lease)

    def _drafts(self) -> list[Path]:
        folder = self._layout.staging_folder
        return sorted(folder.iterdir()) if folder.exists() else []

    def _remove_draft(self, draft: Path, report: GarbageReport) -> None:
        ...

    def _remove(self, folder: Path, report: GarbageReport) -> None:
        ...
