"""Immutable batches in a folder, each released by its manifest and remembered after consumers took it away.

A batch becomes durable in this order: data file, record, manifest. The record
(in `.released`, for Onward alone) holds the ids of its messages. A batch counts as
released when its manifest is there, or when a consumer has taken the data file:
a data file without a manifest was never handed over and may be replaced.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from secrets import token_hex

from resources.lake import files as durable

_MANIFEST = ".manifest.json"


class BatchNameTakenError(Exception):
    """Somebody else wrote under the name that a batch was to get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What consumers read first; written after the batch itself."""

    batch: str
    night: str
    destination: str
    channel: str
    format: str
    columns: tuple[str, ...]
    row_count: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be released."""

    name: str
    channel: str
    format: str
    columns: tuple[str, ...]
    send_ids: tuple[str, ...]
    content: bytes

    def manifest(self, destination: str, night: date) -> Manifest:
        return Manifest(
            batch=self.name,
            night=night.isoformat(),
            destination=destination,
            channel=self.channel,
            format=self.format,
            columns=self.columns,
            row_count=len(self.send_ids),
            sha256=hashlib.sha256(self.content).hexdigest(),
        )


class BatchFolder:
    """The folder of one destination.

    Args:
        mode: Permissions of data files.
    """

    def __init__(self, folder: Path, destination: str, *, mode: int) -> None:
        self._folder = folder
        self._destination = destination
        self._mode = mode

    def released(self, night: date) -> Iterator[tuple[str, list[str]]]:
        """Name and message ids of each batch of the night that was handed over."""
        records = self._folder / ".released" / night.isoformat()
        for path in sorted(records.glob(f"{self._destination}-*.json")):
            record = json.loads(path.read_text("utf-8"))
            batch_file = self._folder / night.isoformat() / record["batch"]
            if not batch_file.exists() or batch_file.with_name(f"{batch_file.name}{_MANIFEST}").exists():
                yield record["batch"], record["send_ids"]

    def release(self, batch: Batch, night: date, *, confirm: Callable[[], None]) -> None:
        """Make a batch visible; what an interrupted run left under its name is replaced."""
        batch_file = self._folder / night.isoformat() / batch.name
        record = self._folder / ".released" / night.isoformat() / f"{batch.name}.json"
        for folder in (batch_file.parent, record.parent):
            durable.make_folder(folder)
        confirm()
        # The record first: a record without a data file means that a consumer took the batch.
        for leftover in (record, batch_file):
            durable.remove_file(leftover)
            durable.sync_folder(leftover.parent)
        self._place(batch_file, batch.content)
        self._place(record, _json({"batch": batch.name, "send_ids": batch.send_ids}))
        confirm()
        manifest = batch.manifest(self._destination, night)
        self._place(batch_file.with_name(f"{batch_file.name}{_MANIFEST}"), _json(asdict(manifest)))

    def _place(self, path: Path, content: bytes) -> None:
        """A complete, durable file under a free name; written outside the folder that people watch."""
        staging = self._folder / ".staging"
        durable.make_folder(staging)
        temporary = staging / f"{path.parent.name}-{path.name}-{token_hex(8)}"
        try:
            durable.write_bytes(temporary, content)
            temporary.chmod(self._mode)
            if not durable.link_new(temporary, path):
                raise BatchNameTakenError(
                    f"{path} appeared while it was being written: another run is delivering the same "
                    "night. Wait until it is done and run the night again; nothing was overwritten"
                )
        finally:
            durable.remove_file(temporary)
        durable.sync_folder(path.parent)


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()
