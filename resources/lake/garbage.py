"""Removes what nobody can reach: superseded versions and the remains of broken runs."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from resources.control.leases import LeaseHeldError
from resources.lake import files, layout
from resources.lake.errors import CorruptVersionError
from resources.lake.manifest import Manifest
from resources.lake.ports import LeaseStore, PointerStore
from resources.lake.reading import VersionReader

_OWNER = "garbage collection"


@dataclass(slots=True)
class GarbageReport:
    """What a collection did.

    Attributes:
        removed: Versions and drafts that are gone, relative to the workspace.
        kept: Folders that it left alone because somebody is writing that night.
        problems: Tables that it left alone because a current version is damaged.
        freed_bytes: Size of what was removed.
    """

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    freed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class GarbageCollector:
    """Collects one workspace; a folder is removed under the lease of its step and night."""

    reader: VersionReader
    pointers: PointerStore
    leases: LeaseStore

    def collect(self, *, keep_hours: float) -> GarbageReport:
        """Removes versions known as unreachable, and drafts untouched, for `keep_hours`.

        The margin is for readers and writers that opened a version before it
        was superseded; 0 is for when nothing runs. What a damaged version
        refers to is unknown, so its table is left alone.
        """
        report = GarbageReport()
        for table_id in self.reader.layout.table_ids():
            with _noting_damage(report):
                reachable = self._reachable(table_id)
                for version in self.reader.layout.version_names(table_id):
                    if version in reachable:
                        files.remove_file(self.reader.layout.unreachable_mark(table_id, version))
                    elif layout.partition_of(version) is not None:
                        self._age(table_id, version, keep_hours, report)
        self._collect_drafts(keep_hours, report)
        return report

    def _age(self, table_id: str, version: str, keep_hours: float, report: GarbageReport) -> None:
        """Removes a version that was unreachable at every look for `keep_hours`.

        The age of its folder would not tell since when it is; a mark does.
        """
        mark = self.reader.layout.unreachable_mark(table_id, version)
        if not mark.exists():
            files.make_folder(mark.parent)
            files.write_bytes(mark, b"")
        if _is_older(mark, keep_hours):
            with _noting_damage(report):
                self._remove_version(self.reader.load(table_id, version), mark, report)

    def _remove_version(self, content: Manifest, mark: Path, report: GarbageReport) -> None:
        folder = self.reader.layout.version_folder(content.table_id, content.version)
        with self._leased(content.step, content.partition, folder, report) as is_ours:
            if not is_ours:
                return
            files.remove_file(mark)
            # Its writer may have published it between the first look and the lease.
            pointer = self.pointers.read(content.table_id, content.partition)
            if pointer is None or pointer.version != content.version:
                self._remove(folder, report)

    def _collect_drafts(self, keep_hours: float, report: GarbageReport) -> None:
        for draft in self.reader.layout.draft_entries():
            if not _is_older(draft, keep_hours):
                continue
            writer = layout.writer_of_draft(draft.name)
            if writer is None:
                self._remove(draft, report)
                continue
            with self._leased(*writer, draft, report) as is_ours:
                if is_ours:
                    self._remove(draft, report)

    def _reachable(self, table_id: str) -> set[str]:
        """Versions that are current for some night, and those whose files they consist of."""
        current = {pointer.version for pointer in self.pointers.all() if pointer.dataset == table_id}
        referred = (self.reader.load(table_id, version).origins() for version in current)
        return current.union(*referred)

    @contextmanager
    def _leased(self, step: str, on: date, folder: Path, report: GarbageReport) -> Iterator[bool]:
        """Whether nobody is writing that night; if so, nobody can while this lasts."""
        name = layout.lease_name(self.reader.layout.workspace_id, step, on)
        try:
            lease = self.leases.acquire(name, _OWNER)
        except LeaseHeldError:
            report.kept.append(self._relative(folder))
            yield False
            return
        try:
            yield True
        finally:
            self.leases.release(lease)

    def _remove(self, entry: Path, report: GarbageReport) -> None:
        """Out of sight in one step, then gone: a crash leaves no half version where versions are."""
        report.freed_bytes += _size(entry)
        report.removed.append(self._relative(entry))
        doomed = self.reader.layout.discarded_entry(os.urandom(8).hex())
        files.make_folder(doomed.parent)
        files.rename(entry, doomed)
        if doomed.is_dir():
            files.remove_tree(doomed)
        else:
            files.remove_file(doomed)

    def _relative(self, entry: Path) -> str:
        return str(entry.relative_to(self.reader.layout.workspace_folder))


@contextmanager
def _noting_damage(report: GarbageReport) -> Iterator[None]:
    """A damaged version keeps what hangs on it; the rest is collected all the same."""
    try:
        yield
    except CorruptVersionError as damage:
        report.problems.append(str(damage))


def _is_older(entry: Path, hours: float) -> bool:
    return time.time() - entry.stat().st_mtime >= hours * 3600


def _size(entry: Path) -> int:
    parts = entry.rglob("*") if entry.is_dir() else [entry]
    return sum(part.stat().st_size for part in parts if part.is_file())
