"""Leases: at most one holder, and an epoch that rises with every acquisition.

A lease does not keep a stalled holder from waking up and going on: the epoch
does. Whoever publishes or dispatches names its lease, and a lease that has been
taken over since is refused there.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from resources.control.columns import Clock, utc_now
from resources.control.database import reading, upsert, writing
from resources.control.processes import ProcessIdentity, is_gone, this_process
from resources.control.tables import LEASES

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.1


class LeaseHeldError(Exception):
    """Somebody else holds the lease and is alive."""


class StaleEpochError(Exception):
    """The lease was taken over or given back; its holder must stop."""


@dataclass(frozen=True, slots=True)
class Lease:
    name: str
    epoch: int
    owner: str


class Leases:
    """All leases of a control database.

    Args:
        ttl_seconds: Life of a lease that is not renewed; the heartbeat renews three times in it.
    """

    def __init__(self, engine: sa.Engine, *, ttl_seconds: float = 60.0, now: Clock = utc_now) -> None:
        self._engine = engine
        self._ttl = timedelta(seconds=ttl_seconds)
        self._now = now

    def acquire(self, name: str, owner: str, *, wait_seconds: float = 0.0) -> Lease:
        """Take the lease, from a dead holder at once, or wait for a living one.

        Raises:
            LeaseHeldError: The holder is alive and kept the lease for all of `wait_seconds`.
        """
        deadline = time.monotonic() + wait_seconds
        while True:
            holder = self._holder(name)
            if holder is None or self._is_over(holder):
                lease = self._take(name, owner)
                if lease is not None:
                    return lease
            elif time.monotonic() >= deadline:
                raise LeaseHeldError(_held(holder))
            time.sleep(min(_POLL_SECONDS, max(deadline - time.monotonic(), 0.001)))

    def renew(self, lease: Lease) -> None:
        """Prolong the lease by its whole life.

        Raises:
            StaleEpochError: Somebody else has it by now.
        """
        with writing(self._engine) as connection:
            require_current(connection, lease)
            connection.execute(
                sa.update(LEASES)
                .where(LEASES.c.name == lease.name)
                .values(expires_at=self._now() + self._ttl)
            )

    def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when somebody else has it by now."""
        with writing(self._engine) as connection:
            connection.execute(
                sa.update(LEASES)
                .where(LEASES.c.name == lease.name, LEASES.c.epoch == lease.epoch)
                .values(owner=None, machine=None, pid=None, process_started=None, expires_at=None)
            )

    @contextmanager
    def holding(self, name: str, owner: str, *, wait_seconds: float = 0.0) -> Iterator[Lease]:
        """Hold the lease for the block; a thread renews it."""
        lease = self.acquire(name, owner, wait_seconds=wait_seconds)
        is_over = threading.Event()
        heartbeat = threading.Thread(
            target=self._beat, args=(lease, is_over), name=f"lease {name}", daemon=True
        )
        heartbeat.start()
        try:
            yield lease
        finally:
            is_over.set()
            heartbeat.join()
            self.release(lease)

    def _beat(self, lease: Lease, is_over: threading.Event) -> None:
        while not is_over.wait(self._ttl.total_seconds() / 3):
            try:
                self.renew(lease)
            except StaleEpochError:
                _LOG.exception("the lease %s is lost; what its holder publishes will be refused", lease.name)
                return
            except SQLAlchemyError:
                # The next beat comes before the lease is over; if none gets through, the epoch protects.
                _LOG.exception("the lease %s could not be renewed", lease.name)

    def _holder(self, name: str) -> sa.RowMapping | None:
        """Row of the lease if anybody has it."""
        held = sa.select(LEASES).where(LEASES.c.name == name, LEASES.c.owner.is_not(None))
        with reading(self._engine) as connection:
            return connection.execute(held).mappings().one_or_none()

    def _take(self, name: str, owner: str) -> Lease | None:
        """Take a lease that is free or whose holder is dead; null when another one was faster."""
        process = this_process()
        now = self._now()
        with writing(self._engine) as connection:
            connection.execute(upsert(connection, LEASES).values(name=name, epoch=0).on_conflict_do_nothing())
            row = (
                connection.execute(sa.select(LEASES).where(LEASES.c.name == name).with_for_update())
                .mappings()
                .one()
            )
            if row["owner"] is not None and not self._is_over(row):
                return None
            if row["owner"] is not None:
                _LOG.warning("the lease %s is taken over from %s, who is gone", name, row["owner"])
            lease = Lease(name=name, epoch=row["epoch"] + 1, owner=owner)
            connection.execute(
                sa.update(LEASES)
                .where(LEASES.c.name == name)
                .values(
                    epoch=lease.epoch,
                    owner=owner,
                    machine=process.machine,
                    pid=process.pid,
                    process_started=process.started,
                    acquired_at=now,
                    expires_at=now + self._ttl,
                )
            )
        return lease

    def _is_over(self, holder: sa.RowMapping) -> bool:
        process = ProcessIdentity(holder["machine"], holder["pid"], holder["process_started"])
        return bool(holder["expires_at"] <= self._now()) or is_gone(process)


def require_current(connection: sa.Connection, lease: Lease) -> None:
    """Refuse a lease that is no longer held, and keep it from being taken over until the transaction ends.

    Raises:
        StaleEpochError: The lease was taken over or given back.
    """
    row = connection.execute(
        sa.select(LEASES.c.epoch, LEASES.c.owner).where(LEASES.c.name == lease.name).with_for_update()
    ).one_or_none()
    if row is None or row.epoch != lease.epoch or row.owner != lease.owner:
        now_at = "nobody" if row is None or row.owner is None else f"{row.owner} (epoch {row.epoch})"
        raise StaleEpochError(
            f"the lease {lease.name} of {lease.owner} (epoch {lease.epoch}) is over; it is with {now_at}. "
            "Nothing was written. Start the run again if no other one is doing its work"
        )


def _held(holder: sa.RowMapping) -> str:
    return (
        f"the lease {holder['name']} is held by {holder['owner']} (process {holder['pid']}) since "
        f"{holder['acquired_at']:%Y-%m-%d %H:%M:%S} UTC, epoch {holder['epoch']}. Wait until it is done, or "
        f"stop it: a stopped holder on this machine is noticed at once, one elsewhere at "
        f"{holder['expires_at']:%H:%M:%S} UTC"
    )
