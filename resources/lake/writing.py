"""Stages the tables that one step publishes for a night, and publishes them together."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from importlib import metadata

import polars as pl

from pipelines.contracts.columns import Table
from resources.compute import Compute
from resources.control.leases import Lease
from resources.keys import WrappedKey
from resources.lake import auditing, buckets, layout, manifest
from resources.lake.drafts import Draft
from resources.lake.errors import CorruptVersionError, WriteFailedError
from resources.lake.files import HashedFile
from resources.lake.manifest import DataFile, InputVersion, Manifest
from resources.lake.ports import PointerStore
from resources.lake.reading import (
    Version,
    VersionReader,
    columns_of,
    version_of,
)

Frame = pl.LazyFrame | pl.DataFrame

#: Most files per bucket; appending then rewrites them as one, since each more file slows down every reader.
MOST_FILES = 30

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One attempt at the tables that a step publishes for a night, under its lease.

    Attributes:
        inputs: Versions read since the session began; filled by the lake while it goes on.
    """

    step: str
    on: date
    run_id: str
    config_hash: str
    lease: Lease
    inputs: set[InputVersion]


class Writer:
    """What `Lake.writing` hands out: stage tables one by one, then publish them in one swap."""

    def __init__(self, session: Session, *, reader: VersionReader, pointers: PointerStore) -> None:
        self._session = session
        self._reader = reader
        self._pointers = pointers
        self._version = layout.version_name(session.on, epoch=session.lease.epoch, run_id=session.run_id)
        self._staged: dict[str, str] = {}
        self._is_published = False

    @property
    def lease(self) -> Lease:
        """The lease that fences this writer; whatever else the step changes can be fenced by it too."""
        return self._session.lease

    def stage(self, table: Table, frame: pl.LazyFrame | pl.DataFrame, *, bucket_count: int = 1) -> Version:
        """Audits, sorts and writes a table; nobody sees it before `publish`.

        A table with people is laid out in `bucket_count` files by customer
        bucket, any other in one. ContractBrokenError names table, rules and
        counts, and leaves nothing behind.
        """
        self._refuse_second(table)
        rows = auditing.conform(frame.lazy(), table)
        count = bucket_count if buckets.has_people(table) else 1
        with self._drafting(table) as draft:
            written = draft.write(rows, bucket_count=count)
            return self._settle(draft, self._describe(table, written, count, draft.data_keys))

    def stage_buckets(
        self,
        tables: Sequence[Table],
        compute: Callable[[int], Mapping[Table, Frame]],
        *,
        bucket_count: int,
        runner: Compute,
    ) -> dict[Table, Version]:
        """Like `stage` of several tables that are computed bucket by bucket.

        A bucket's frames are written before the next bucket of the same worker
        is computed, so memory is that of one bucket, however many people there are.
        """
        for table in tables:
            self._refuse_second(table)
        with ExitStack() as opened:
            drafts = {table: opened.enter_context(self._drafting(table)) for table in tables}

            def write(bucket: int) -> dict[Table, HashedFile]:
                frames = compute(bucket)
                return {
                    table: draft.write_bucket(
                        auditing.conform(frames[table].lazy(), table), bucket, of=bucket_count
                    )
                    for table, draft in drafts.items()
                }

            written = runner.map(write, range(bucket_count))
            return {
                table: self._settle(
                    draft,
                    self._describe(
                        table, draft.audit([one[table] for one in written]), bucket_count, draft.data_keys
                    ),
                )
                for table, draft in drafts.items()
            }

    def append(self, table: Table, frame: pl.LazyFrame | pl.DataFrame, *, to: Version) -> Version:
        """A version with all rows of `to` and these: its files are referred to, not copied.

        A primary key that `to` has already breaks the contract.
        """
        self._refuse_second(table)
        if to.table_id != table.identifier:
            raise ValueError(f"{table.identifier} cannot go on from {to.table_id}")
        earlier = self._reader.load(table.identifier, to.name)
        self._session.inputs.add(InputVersion(to.table_id, to.partition, to.name))
        known = self._reader.scan(table, earlier)
        if len(earlier.files) >= MOST_FILES * earlier.bucket_count:
            everything = pl.concat([known, auditing.conform(frame.lazy(), table)])
            return self.stage(table, everything, bucket_count=earlier.bucket_count)
        rows = auditing.conform(frame.lazy(), table)
        with self._drafting(table) as draft:
            added = _without_empty(draft, draft.write(rows, bucket_count=earlier.bucket_count))
            if added:
                fresh = pl.concat([draft.scan(file.path) for file in added])
                auditing.refuse_repeated(auditing.count_shared_keys(known, fresh, table), table)
            referred = tuple(
                replace(file, path=layout.seen_from_later(file.path, version=earlier.version))
                for file in earlier.files
            )
            data_keys = {**earlier.data_keys, **draft.data_keys}
            content = self._describe(table, referred + added, earlier.bucket_count, data_keys)
            return self._settle(draft, content)

    def publish(self) -> None:
        """One swap for everything staged; StaleEpochError when the lease is no longer ours.

        Versions that did not change are part of the swap, so that a writer
        that lost its lease finds out even then.
        """
        if self._is_published or not self._staged:
            raise ValueError(f"{self._session.step}: nothing is staged, or it is published already")
        self._pointers.swap(self._staged, partition=self._session.on, lease=self._session.lease)
        self._is_published = True

    def _refuse_second(self, table: Table) -> None:
        if self._is_published or table.identifier in self._staged:
            raise ValueError(f"{table.identifier} is staged already, or {self._session.step} is published")

    @contextmanager
    def _drafting(self, table: Table) -> Iterator[Draft]:
        """A staging folder that does not outlive a failure; after a crash the next session sweeps it."""
        draft = Draft(
            table,
            self._version,
            step=self._session.step,
            layout=self._reader.layout,
            keys=self._reader.keys,
        )
        try:
            yield draft
        except Exception:
            # The failure that matters is on its way up; what stays here is swept later.
            with suppress(WriteFailedError):
                draft.discard()
            raise

    def _describe(
        self,
        table: Table,
        written: tuple[DataFile, ...],
        bucket_count: int,
        data_keys: Mapping[str, WrappedKey],
    ) -> Manifest:
        session = self._session
        inputs = sorted(session.inputs, key=lambda source: (source.table_id, source.partition))
        origins = {layout.origin_of(file.path, version=self._version) for file in written}
        return Manifest(
            workspace_id=self._reader.layout.workspace_id,
            table_id=table.identifier,
            partition=session.on,
            version=self._version,
            step=session.step,
            run_id=session.run_id,
            epoch=session.lease.epoch,
            columns=columns_of(table),
            row_count=sum(file.row_count for file in written),
            content_hash=manifest.content_hash(written),
            bucket_count=bucket_count,
            files=written,
            inputs=tuple(inputs),
            config_hash=session.config_hash,
            code_version=metadata.version("onward"),
            data_keys={origin: key for origin, key in data_keys.items() if origin in origins},
        )

    def _settle(self, draft: Draft, content: Manifest) -> Version:
        """Keeps the published version when it says the same; else the draft gets its place beside it."""
        published = self._published_intact(content.table_id)
        is_unchanged = published is not None and _same(published, content)
        if published is not None and is_unchanged:
            draft.discard()
            content = published
        else:
            draft.settle(content)
        self._staged[content.table_id] = content.version
        return version_of(content, layout=self._reader.layout, is_unchanged=is_unchanged)

    def _published_intact(self, table_id: str) -> Manifest | None:
        """The current version if every byte of it is as it was written; a damaged one has to be replaced."""
        pointer = self._pointers.read(table_id, self._session.on)
        if pointer is None:
            return None
        try:
            published = self._reader.load(table_id, pointer.version)
            self._reader.check_files(published, published.files, afresh=True)
        except CorruptVersionError as damage:
            _LOG.warning("%s. It is replaced now.", damage)
            return None
        return published


def _without_empty(draft: Draft, written: tuple[DataFile, ...]) -> tuple[DataFile, ...]:
    for file in written:
        if file.row_count == 0:
            draft.drop(file)
    return tuple(file for file in written if file.row_count)


def _same(published: Manifest, content: Manifest) -> bool:
    """Whether publishing would change nothing that a reader or an auditor could see."""
    return (published.content_hash, published.config_hash, published.columns, published.bucket_count) == (
        content.content_hash,
        content.config_hash,
        content.columns,
        content.bucket_count,
    )
