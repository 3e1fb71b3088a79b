"""Files in a folder: one immutable batch per night and channel, released by its manifest.

A batch is `<night>/<destination>-<channel>.<format>`; a night that was planned
again with further rows makes `…-2`, with only those. The data file comes first,
the manifest last: a consumer takes a file when its manifest is there. A data
file without a manifest was never handed over and may be replaced; one with a
manifest never changes.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from itertools import count
from pathlib import Path
from secrets import token_hex

import polars as pl

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.settings.destinations import FilesDestination
from resources.destinations.delimited import is_formula, to_csv
from resources.destinations.protocol import ANSWER, TAKEN
from resources.lake import files as durable

_COLUMNS = (
    "send_id",
    "customer_id",
    "channel",
    "template_id",
    "offer_id",
    "not_before",
    "not_after",
    "purpose",
    "programme",
)
_MANIFEST = ".manifest.json"


class DeliveredBatchError(Exception):
    """A batch that was handed over is not what its manifest says."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a released batch holds; written after the batch itself."""

    batch: str
    night: str
    destination: str
    channel: str
    format: str
    columns: tuple[str, ...]
    row_count: int
    sha256: str


class FolderOfFiles:
    """Hands messages over as files.

    Args:
        name: Name of the destination in the settings.
        settings: Its settings.
        root: Folder that `settings.path` is relative to.
    """

    def __init__(self, name: str, settings: FilesDestination, *, root: Path) -> None:
        self._name = name
        self._settings = settings
        self._folder = root / settings.path

    @property
    def name(self) -> str:
        return self._name

    def hand_over(self, messages: pl.DataFrame, *, night: date, confirm: Callable[[], None]) -> pl.DataFrame:
        """Release one further batch per channel with the messages that no batch of the night holds yet."""
        taken = self.read_back(night)
        waiting = messages.join(taken, on="send_id", how="anti").with_columns(reason=self._refusal())
        accepted = waiting.filter(pl.col("reason").is_null())
        answers = [
            messages.select("send_id").join(taken, on="send_id", how="inner").pipe(_answer, DispatchStatus.ACKED),
            waiting.filter(pl.col("reason").is_not_null()).pipe(_answer, DispatchStatus.REJECTED),
        ]
        for (channel,), rows in accepted.sort("channel").group_by("channel", maintain_order=True):
            batch = self._release(rows, channel=str(channel), night=night, confirm=confirm)
            answers.append(rows.with_columns(batch=pl.lit(batch)).pipe(_answer, DispatchStatus.ACKED))
        return pl.concat(answers).sort("send_id")

    def read_back(self, night: date) -> pl.DataFrame:
        """Messages in released batches of the night, each batch checked against its manifest."""
        batches = [
            self._send_ids(night, manifest).with_columns(batch=pl.lit(manifest.batch))
            for manifest in self._manifests(night)
        ]
        return pl.concat([TAKEN.to_frame(), *batches])

    def _refusal(self) -> pl.Expr:
        """Why a message cannot be handed over; null when it can.

        An address is never altered: what a spreadsheet would run is refused
        instead of defused, because a defused address is another address.
        """
        if not self._settings.with_addresses:
            return pl.lit(None, pl.String)
        address = pl.col("address")
        refusal = pl.when(address.is_null()).then(pl.lit("no_address"))
        if self._settings.format == "csv":
            refusal = refusal.when(is_formula(address)).then(pl.lit("unsafe_address"))
        return refusal

    def _release(self, rows: pl.DataFrame, *, channel: str, night: date, confirm: Callable[[], None]) -> str:
        """Write the batch and then its manifest; returns the name of the batch."""
        columns = (*_COLUMNS, "address") if self._settings.with_addresses else _COLUMNS
        content = self._encode(rows.select(columns).sort("send_id"))
        batch = self._next_batch(channel, night)
        manifest = Manifest(
            batch=batch,
            night=night.isoformat(),
            destination=self._name,
            channel=channel,
            format=self._settings.format,
            columns=columns,
            row_count=rows.height,
            sha256=hashlib.sha256(content).hexdigest(),
        )
        folder = self._folder / night.isoformat()
        durable.make_folder(folder)
        confirm()
        # Without a manifest it was never handed over; what it holds may have been cancelled since.
        durable.remove_file(folder / batch)
        self._place(folder / batch, content)
        confirm()
        self._place(folder / f"{batch}{_MANIFEST}", _to_json(manifest))
        return batch

    def _encode(self, rows: pl.DataFrame) -> bytes:
        if self._settings.format == "csv":
            return to_csv(rows)
        content = io.BytesIO()
        rows.write_parquet(content)
        return content.getvalue()

    def _next_batch(self, channel: str, night: date) -> str:
        """First name that no released batch has; the same name again after a crash before the release."""
        released = {manifest.batch.partition(".")[0] for manifest in self._manifests(night)}
        stem = f"{self._name}-{channel}"
        names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        return f"{next(name for name in names if name not in released)}.{self._settings.format}"

    def _place(self, path: Path, content: bytes) -> None:
        """A complete, durable file under a name that is not taken; written outside the folder that people watch."""
        staging = self._folder / ".staging"
        durable.make_folder(staging)
        temporary = staging / f"{path.parent.name}-{path.name}-{token_hex(8)}"
        try:
            durable.write_bytes(temporary, content)
            temporary.chmod(0o600 if self._settings.with_addresses else 0o644)
            if not durable.link_new(temporary, path):
                raise DeliveredBatchError(
                    f"{path} appeared while it was being written: another run is delivering the same night. "
                    "Wait until it is done and run the night again; nothing was overwritten"
                )
        finally:
            durable.remove_file(temporary)
        durable.sync_folder(path.parent)

    def _manifests(self, night: date) -> Iterator[Manifest]:
        folder = self._folder / night.isoformat()
        for path in sorted(folder.glob(f"{self._name}-*{_MANIFEST}")):
            yield Manifest(**json.loads(path.read_text("utf-8")))

    def _send_ids(self, night: date, manifest: Manifest) -> pl.DataFrame:
        path = self._folder / night.isoformat() / manifest.batch
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            content = b""
        if hashlib.sha256(content).hexdigest() != manifest.sha256:
            raise DeliveredBatchError(
                f"{path} is not what its manifest says: it was changed or moved away before the night was closed. "
                "Put the original file back and run the night again; nothing was sent twice"
            )
        if manifest.format == "csv":
            return pl.read_csv(content, columns=["send_id"], schema_overrides={"send_id": pl.String})
        return pl.read_parquet(content, columns=["send_id"])


def _answer(rows: pl.DataFrame, status: DispatchStatus) -> pl.DataFrame:
    missing = [pl.lit(None, pl.String).alias(name) for name in ("reason", "batch") if name not in rows.columns]
    return rows.with_columns(*missing, status=pl.lit(status.value)).select(ANSWER.names())


def _to_json(manifest: Manifest) -> bytes:
    return (json.dumps(asdict(manifest), indent=2) + "\n").encode()
