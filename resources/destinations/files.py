"""Files in a folder: one immutable batch per night and channel.

A batch is `<night>/<destination>-<channel>.<format>`; a night that was planned
again with further rows makes `…-2`, with only those. How a batch becomes visible
and stays as it is stands in `batches.py`.
"""

import io
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import polars as pl

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.settings.destinations import FilesDestination
from resources.destinations.batches import Batch, BatchFolder
from resources.destinations.delimited import is_formula, to_csv
from resources.destinations.protocol import ANSWER, TAKEN

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
        # Addresses are for the owner's eyes; batches without them may be read by whoever reads the folder.
        mode = 0o600 if settings.with_addresses else 0o644
        self._batches = BatchFolder(root / settings.path, name, mode=mode)

    def hand_over(self, messages: pl.DataFrame, *, night: date, confirm: Callable[[], None]) -> pl.DataFrame:
        """Release one further batch per channel with the messages that no batch of the night holds yet."""
        taken = self.read_back(night)
        waiting = messages.join(taken, on="send_id", how="anti").with_columns(reason=self._refusal())
        accepted = waiting.filter(pl.col("reason").is_null()).sort("channel", "send_id")
        answers = [
            taken.join(messages, on="send_id", how="semi").pipe(_answer, DispatchStatus.ACKED),
            waiting.filter(pl.col("reason").is_not_null()).pipe(_answer, DispatchStatus.REJECTED),
        ]
        for (channel,), rows in accepted.group_by("channel", maintain_order=True):
            batch = self._batch(rows, str(channel), night)
            self._batches.release(batch, night, confirm=confirm)
            answers.append(rows.with_columns(batch=pl.lit(batch.name)).pipe(_answer, DispatchStatus.ACKED))
        return pl.concat(answers).sort("send_id")

    def read_back(self, night: date) -> pl.DataFrame:
        batches = [
            pl.DataFrame({"send_id": send_ids}).with_columns(batch=pl.lit(batch))
            for batch, send_ids in self._batches.released(night)
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
        is_unsafe = is_formula(address) if self._settings.format == "csv" else pl.lit(False)
        return (
            pl.when(address.is_null())
            .then(pl.lit("no_address"))
            .when(is_unsafe)
            .then(pl.lit("unsafe_address"))
        )

    def _batch(self, rows: pl.DataFrame, channel: str, night: date) -> Batch:
        columns = (*_COLUMNS, "address") if self._settings.with_addresses else _COLUMNS
        return Batch(
            name=self._free_name(channel, night),
            channel=channel,
            format=self._settings.format,
            columns=columns,
            send_ids=tuple(rows.get_column("send_id")),
            content=self._encode(rows.select(columns)),
        )

    def _encode(self, rows: pl.DataFrame) -> bytes:
        if self._settings.format == "csv":
            return to_csv(rows)
        content = io.BytesIO()
        rows.write_parquet(content)
        return content.getvalue()

    def _free_name(self, channel: str, night: date) -> str:
        """First name that no released batch has; the same name again after a crash before the release."""
        released = {name.partition(".")[0] for name, _ in self._batches.released(night)}
        stem = f"{self._name}-{channel}"
        names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        return f"{next(name for name in names if name not in released)}.{self._settings.format}"


def _answer(rows: pl.DataFrame, status: DispatchStatus) -> pl.DataFrame:
    absent = {name: pl.lit(None, pl.String) for name in ("reason", "batch") if name not in rows.columns}
    return rows.with_columns(**absent, status=pl.lit(status.value)).select(ANSWER.names())
