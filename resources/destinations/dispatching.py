"""Carries the plan of a night through the outbox to its destinations, once.

The order matters: `enqueue`, then `settle` what a crash left behind, then judge
what is `waiting` (that is the caller's, with the newest permissions and
switches), `withhold` what must not leave, hold what waits for a person, and
`hand_over` the rest. A night that stops anywhere in between and is run again goes
through the same order.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.control_codes import WAITING
from pipelines.contracts.settings.destinations import DestinationsFile
from resources.control.leases import Lease
from resources.control.outbox import Outbox, OutboxRecord, OutboxRow
from resources.destinations.files import FolderOfFiles
from resources.destinations.protocol import Destination

#: Stands in the log for messages on a channel that no destination takes.
NO_DESTINATION = "none"
_NO_DESTINATION_REASON = "no_destination"
_LOG = pl.Schema(
    {
        "send_id": pl.String,
        "customer_id": pl.Int64,
        "channel": pl.String,
        "destination": pl.String,
        "status": pl.String,
        "reason": pl.String,
        "batch": pl.String,
        "attempt_count": pl.Int64,
    }
)


class UnexpectedMessageError(Exception):
    """A message is about to leave that nobody judged."""


def open_destinations(settings: DestinationsFile, *, root: Path) -> dict[str, Destination]:
    """The configured destinations by name.

    Args:
        settings: `destinations.yml`.
        root: State folder that relative paths start from.
    """
    return {name: FolderOfFiles(name, target, root=root) for name, target in settings.destinations.items()}


def routes(settings: DestinationsFile) -> dict[str, str]:
    """Channel → name of the destination that takes it."""
    return {
        channel.value: name for name, target in settings.destinations.items() for channel in target.channels
    }


class Dispatcher:
    """Dispatch of one night.

    Args:
        destinations: Destinations by name.
        channels: Channel → name of its destination.
        lease: Lease that fences every change.
        confirm: Called before anything becomes visible outside; raises when the lease is lost.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        destinations: Mapping[str, Destination],
        channels: Mapping[str, str],
        night: date,
        lease: Lease,
        confirm: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._destinations = destinations
        self._channels = channels
        self._night = night
        self._lease = lease
        self._confirm = confirm

    def enqueue(self, plan: pl.DataFrame) -> None:
        """Make the outbox hold the plan; messages that no destination takes are cancelled."""
        addressed = plan.with_columns(
            destination=pl.col("channel").replace_strict(
                dict(self._channels), default=NO_DESTINATION, return_dtype=pl.String
            )
        )
        columns = OutboxRow.__slots__
        rows = [OutboxRow(**row) for row in addressed.select(columns).sort("send_id").to_dicts()]
        self._outbox.enqueue(rows, night=self._night, lease=self._lease)
        stranded = [row.send_id for row in self._waiting() if row.destination == NO_DESTINATION]
        self._move(stranded, DispatchStatus.CANCELLED, reason=_NO_DESTINATION_REASON)

    def settle(self) -> None:
        """Find out what became of messages that an earlier run claimed and left.

        What the destination has is acknowledged; the rest waits again.
        """
        rows = self._outbox.rows(self._night)
        abandoned = self._outbox.abandoned(self._night, self._lease)
        for name, destination in self._destinations.items():
            left = {row.send_id for row in abandoned if row.destination == name}
            sent = {
                row.send_id for row in rows if row.destination == name and row.status is DispatchStatus.SENT
            }
            if not left | sent:
                continue
            taken = destination.read_back(self._night)
            self._outbox.reclaim(left, self._lease)
            for batch, send_ids in _by(taken, "batch"):
                self._move(left.intersection(send_ids), DispatchStatus.SENT, batch=batch)
                self._move((left | sent).intersection(send_ids), DispatchStatus.ACKED)
            self._move(left.difference(taken.get_column("send_id")), DispatchStatus.PLANNED)

    def waiting(self) -> pl.DataFrame:
        """Ids of messages that may be handed over if they are still allowed to."""
        return pl.DataFrame(
            {"send_id": [row.send_id for row in self._waiting()]}, schema={"send_id": pl.String}
        )

    def withhold(self, withheld: pl.DataFrame) -> None:
        """Close messages with the final status and reason that each carries."""
        for (status, reason), rows in withheld.sort("send_id").group_by(
            "status", "reason", maintain_order=True
        ):
            self._move(rows.get_column("send_id"), DispatchStatus(str(status)), reason=str(reason))

    def hand_over(self, messages: pl.DataFrame, *, permit: Callable[[], None] | None = None) -> None:
        """Give messages to their destinations: columns of the plan, and `address` where one is asked for.

        Args:
            messages: All that waits and may leave.
            permit: Called like `confirm`; raises when the messages may not leave any more.

        Raises:
            UnexpectedMessageError: The outbox holds a waiting message that is not among them.
        """
        for name, destination in self._destinations.items():
            channels = [channel for channel, target in self._channels.items() if target == name]
            rows = messages.filter(pl.col("channel").is_in(channels))
            self._require_judged(name, rows)
            claimed = self._outbox.claim(self._night, name, rows.height, self._lease) if rows.height else []
            if claimed:
                confirm = self._confirming(permit)
                self._record(destination.hand_over(rows, night=self._night, confirm=confirm))

    def log(self) -> pl.DataFrame:
        """Every message of the night as it stands."""
        rows = [{name: getattr(row, name) for name in _LOG} for row in self._outbox.rows(self._night)]
        return pl.DataFrame(rows, schema=_LOG)

    def _confirming(self, permit: Callable[[], None] | None) -> Callable[[], None]:
        def confirm() -> None:
            self._confirm()
            if permit is not None:
                permit()

        return confirm

    def _waiting(self) -> list[OutboxRecord]:
        """What waits to be handed over, and not for a person."""
        rows = self._outbox.rows(self._night)
        return [row for row in rows if row.status is DispatchStatus.PLANNED and row.reason not in WAITING]

    def _require_judged(self, destination: str, messages: pl.DataFrame) -> None:
        waiting = {row.send_id for row in self._waiting() if row.destination == destination}
        judged = set(messages.get_column("send_id"))
        if waiting != judged:
            raise UnexpectedMessageError(
                f"{destination}: {len(waiting)} messages wait in the outbox, {len(judged)} were judged fit "
                f"to leave, and {len(waiting ^ judged)} of them differ. Nothing was handed over; run the "
                "night again"
            )

    def _record(self, answers: pl.DataFrame) -> None:
        sent = answers.filter(pl.col("status") == DispatchStatus.ACKED.value)
        for batch, send_ids in _by(sent, "batch"):
            self._move(send_ids, DispatchStatus.SENT, batch=batch)
            self._move(send_ids, DispatchStatus.ACKED)
        for status in (DispatchStatus.REJECTED, DispatchStatus.UNKNOWN):
            for reason, send_ids in _by(answers.filter(pl.col("status") == status.value), "reason"):
                self._move(send_ids, status, reason=reason)

    def _move(
        self, send_ids: Sequence[str] | set[str] | pl.Series, status: DispatchStatus, **facts: str | None
    ) -> None:
        if len(send_ids):
            self._outbox.move(send_ids, status, lease=self._lease, **facts)


def _by(rows: pl.DataFrame, column: str) -> list[tuple[str, list[str]]]:
    """Ids by the value of a column, in a fixed order."""
    grouped = rows.group_by(column).agg(pl.col("send_id").sort()).sort(column)
    return [(value, send_ids) for value, send_ids in grouped.iter_rows()]
