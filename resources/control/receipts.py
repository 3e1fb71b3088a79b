"""Receipts: what destinations said about messages, each answer once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from resources.control.columns import Clock, utc_now
from resources.control.database import reading, upsert, writing
from resources.control.tables import RECEIPTS

_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class ReceivedReceipt:
    """An answer about a message; `receipt_id` makes a repeated answer the same one."""

    receipt_id: str
    send_id: str
    customer_id: int
    channel: str
    status: str
    received_at: datetime


class Receipts:
    """The receipts of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now

    def record(self, receipts: Sequence[ReceivedReceipt]) -> None:
        """Keep answers; one that is already there stays as it is."""
        same = {"workspace_id": self._workspace_id, "created_at": self._now()}
        with writing(self._engine) as connection:
            insert = upsert(connection, RECEIPTS).on_conflict_do_nothing()
            for start in range(0, len(receipts), _CHUNK):
                chunk = receipts[start : start + _CHUNK]
                connection.execute(insert, [same | _values(receipt) for receipt in chunk])

    def between(self, since: datetime, until: datetime) -> list[ReceivedReceipt]:
        """Answers received in `[since, until)`, by instant and id."""
        wanted = (
            sa.select(*(RECEIPTS.c[name] for name in ReceivedReceipt.__slots__))
            .where(
                RECEIPTS.c.workspace_id == self._workspace_id,
                RECEIPTS.c.received_at >= since,
                RECEIPTS.c.received_at < until,
            )
            .order_by(RECEIPTS.c.received_at, RECEIPTS.c.receipt_id)
        )
        with reading(self._engine) as connection:
            return [ReceivedReceipt(**row) for row in connection.execute(wanted).mappings()]


def _values(receipt: ReceivedReceipt) -> dict[str, object]:
    return {name: getattr(receipt, name) for name in ReceivedReceipt.__slots__}
