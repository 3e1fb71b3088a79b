"""The lake: published tables by night, for reading, writing and keeping in order."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from resources.keys import KeyProvider
from resources.lake import files, inspection, layout
from resources.lake.garbage import GarbageCollector, GarbageReport
from resources.lake.layout import Layout
from resources.lake.manifest import InputVersion
from resources.lake.ports import LeaseStore, PinnedPointers, PointerStore
from resources.lake.reading import Version, VersionReader
from resources.lake.view import LakeView
from resources.lake.writing import Session, Writer

#: What users of the lake name in their signatures.
__all__ = ["Lake", "Version", "Writer"]


class Lake(LakeView):
    """The tables of one workspace, as they are published at each call."""

    def __init__(
        self, root: Path, workspace_id: str, *, pointers: PointerStore, leases: LeaseStore, keys: KeyProvider
    ) -> None:
        super().__init__(VersionReader(Layout(root, workspace_id), keys), pointers, {})
        self._pointers = pointers
        self._leases = leases

    def pinned(self) -> LakeView:
        """The lake of this instant: of tables that are published together a reader sees all or none."""
        return LakeView(self._reader, PinnedPointers(self._pointers.all()), self._recorders)

    @contextmanager
    def writing(
        self, step: str, on: date, *, run_id: str, config_hash: str, wait_seconds: float = 120.0
    ) -> Iterator[Writer]:
        """The only writer of a step and night; LeaseHeldError when another is at it for `wait_seconds`.

        What this lake reads meanwhile stands in the manifests as input.
        Leaving without `publish` changes nothing that anyone sees.
        """
        name = layout.lease_name(self._reader.layout.workspace_id, step, on)
        with self._leases.holding(name, run_id, wait_seconds=wait_seconds) as lease:
            self._sweep_drafts(step, on)
            with self._recording() as inputs:
                session = Session(
                    step=step, on=on, run_id=run_id, config_hash=config_hash, lease=lease, inputs=inputs
                )
                yield Writer(session, reader=self._reader, pointers=self._pointers)

    def collect_garbage(self, *, keep_hours: float) -> GarbageReport:
        """Removes unreachable versions and drafts that were last touched more than `keep_hours` ago."""
        return GarbageCollector(self._reader, self._pointers, self._leases).collect(keep_hours=keep_hours)

    def verify(self) -> list[str]:
        """What is wrong with the published versions, as sentences; reads every byte."""
        return inspection.find_problems(self._reader, self._pointers)

    @contextmanager
    def _recording(self) -> Iterator[set[InputVersion]]:
        inputs: set[InputVersion] = set()
        session = object()
        self._recorders[session] = inputs
        try:
            yield inputs
        finally:
            del self._recorders[session]

    def _sweep_drafts(self, step: str, on: date) -> None:
        """What an attempt that died left in staging; its lease is ours now."""
        for draft in self._reader.layout.draft_entries():
            if layout.writer_of_draft(draft.name) == (step, on):
                files.remove_tree(draft)
