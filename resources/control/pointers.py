"""Pointers: which version of a dataset is the published one, per night."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from resources.control.columns import Clock, utc_now
from resources.control.database import reading, upsert, writing
from resources.control.leases import Lease, StaleEpochError, require_current
from resources.control.tables import POINTERS


@dataclass(frozen=True, slots=True)
class Pointer:
    dataset: str
    partition: date
    version: str
    epoch: int


_COLUMNS = (POINTERS.c.dataset, POINTERS.c.partition, POINTERS.c.version, POINTERS.c.epoch)


class Pointers:
    """The pointers of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now

    def read(self, dataset: str, partition: date) -> Pointer | None:
        found = self._select(POINTERS.c.dataset == dataset, POINTERS.c.partition == partition)
        return found[0] if found else None

    def latest(self, dataset: str, *, before: date) -> Pointer | None:
        """The newest night earlier than `before`."""
        is_earlier = POINTERS.c.partition < before
        newest = (
            sa.select(sa.func.max(POINTERS.c.partition))
            .where(POINTERS.c.workspace_id == self._workspace_id, POINTERS.c.dataset == dataset, is_earlier)
            .scalar_subquery()
        )
        found = self._select(POINTERS.c.dataset == dataset, POINTERS.c.partition == newest)
        return found[0] if found else None

    def history(self, dataset: str, *, since: date, until: date) -> list[Pointer]:
        """The nights in `[since, until)`, oldest first."""
        return self._select(
            POINTERS.c.dataset == dataset, POINTERS.c.partition >= since, POINTERS.c.partition < until
        )

    def all(self) -> list[Pointer]:
        return self._select()

    def swap(self, versions: Mapping[str, str], *, partition: date, lease: Lease) -> None:
        """Publish versions of several datasets at once, for the holder of the lease only.

        Raises:
            StaleEpochError: The lease is over, or a later holder of it has already published.
        """
        if not versions:
            return
        with writing(self._engine) as connection:
            require_current(connection, lease)
            self._require_not_newer(connection, list(versions), partition, lease)
            insert = upsert(connection, POINTERS)
            keys = ("workspace_id", "dataset", "partition")
            replaced = {
                column.name: insert.excluded[column.name]
                for column in POINTERS.columns
                if column.name not in keys
            }
            connection.execute(
                insert.on_conflict_do_update(index_elements=keys, set_=replaced),
                [
                    {
                        "workspace_id": self._workspace_id,
                        "dataset": dataset,
                        "partition": partition,
                        "version": version,
                        "lease": lease.name,
                        "epoch": lease.epoch,
                        "updated_at": self._now(),
                    }
                    for dataset, version in sorted(versions.items())
                ],
            )

    def remove(self, dataset: str, partition: date) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                sa.delete(POINTERS).where(
                    POINTERS.c.workspace_id == self._workspace_id,
                    POINTERS.c.dataset == dataset,
                    POINTERS.c.partition == partition,
                )
            )

    def _require_not_newer(
        self, connection: sa.Connection, datasets: list[str], partition: date, lease: Lease
    ) -> None:
        newer = connection.execute(
            sa.select(POINTERS.c.dataset, POINTERS.c.epoch).where(
                POINTERS.c.workspace_id == self._workspace_id,
                POINTERS.c.dataset.in_(datasets),
                POINTERS.c.partition == partition,
                POINTERS.c.lease == lease.name,
                POINTERS.c.epoch > lease.epoch,
            )
        ).first()
        if newer is not None:
            raise StaleEpochError(
                f"{newer.dataset} of {partition} was published under epoch {newer.epoch} of the lease "
                f"{lease.name}, which is newer than {lease.epoch}. Was the control database put back to an "
                "older copy? Nothing was written"
            )

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Pointer]:
        wanted = (
            sa.select(*_COLUMNS)
            .where(POINTERS.c.workspace_id == self._workspace_id, *conditions)
            .order_by(POINTERS.c.dataset, POINTERS.c.partition)
        )
        with reading(self._engine) as connection:
            return [
                Pointer(row.dataset, row.partition, row.version, row.epoch)
                for row in connection.execute(wanted)
            ]
