"""Reads published tables by night; what every reader of the lake needs, and all that a pinned one can do."""

from datetime import date

import polars as pl

from pipelines.contracts.columns import Table
from resources.control.pointers import Pointer
from resources.lake import layout
from resources.lake.errors import CorruptVersionError, MissingVersionError
from resources.lake.manifest import InputVersion, Manifest
from resources.lake.ports import PublishedPointers
from resources.lake.reading import Version, VersionReader, version_of


class LakeView:
    """The published tables of one workspace.

    Every read verifies the files it opens and decrypts personal tables. A
    version is seen whole and as it was published, whatever is published
    meanwhile. Rows come in no order.

    Where `bucket` is given, only the people of that bucket of `bucket_count`
    are read; the count is the version's own when it is not given, and else one
    of the two divides the other.
    """

    def __init__(
        self,
        reader: VersionReader,
        published: PublishedPointers,
        recorders: dict[object, set[InputVersion]],
    ) -> None:
        """`recorders` are the sets that take down what is read, one per open writer."""
        self._reader = reader
        self._published = published
        self._recorders = recorders

    def find(self, table: Table, on: date) -> Version | None:
        """The current version of a night, if one is published."""
        pointer = self._published.read(table.identifier, on)
        return None if pointer is None else self._describe(pointer)

    def find_latest(self, table: Table, *, before: date) -> Version | None:
        """The current version of the newest earlier night, if there is one."""
        pointer = self._published.latest(table.identifier, before=before)
        return None if pointer is None else self._describe(pointer)

    def require(self, table: Table, on: date) -> Version:
        """The current version of a night; MissingVersionError when it is not published."""
        return self._describe(self._pointer(table, on))

    def scan(
        self, table: Table, on: date, *, bucket: int | None = None, bucket_count: int | None = None
    ) -> pl.LazyFrame:
        """The rows of a night; MissingVersionError when it is not published."""
        return self._open(table, self._pointer(table, on), bucket, bucket_count)

    def versions(self, table: Table, on: date) -> list[Version]:
        """All versions of a night that are still there, the published one among them, oldest first."""
        names = self._reader.layout.version_names(table.identifier)
        contents = [
            self._reader.load(table.identifier, name) for name in names if layout.partition_of(name) == on
        ]
        contents.sort(key=lambda content: (content.epoch, content.version))
        return [version_of(content, layout=self._reader.layout) for content in contents]

    def scan_version(self, table: Table, version: Version) -> pl.LazyFrame:
        """The rows of a version, whether or not it is the published one."""
        return self._reader.scan(table, self._reader.load(table.identifier, version.name))

    def scan_latest(
        self, table: Table, *, before: date, bucket: int | None = None, bucket_count: int | None = None
    ) -> pl.LazyFrame:
        """The rows of the newest earlier night; an empty frame of the contract's types before the first."""
        pointer = self._published.latest(table.identifier, before=before)
        if pointer is None:
            return table.schema.create_empty(lazy=True)
        return self._open(table, pointer, bucket, bucket_count)

    def scan_history(
        self,
        table: Table,
        *,
        since: date,
        until: date,
        bucket: int | None = None,
        bucket_count: int | None = None,
    ) -> pl.LazyFrame:
        """The rows of all nights in [since, until) together; an empty frame when there are none."""
        nights = self._published.history(table.identifier, since=since, until=until)
        if not nights:
            return table.schema.create_empty(lazy=True)
        return pl.concat([self._open(table, pointer, bucket, bucket_count) for pointer in nights])

    def scan_made_from(self, table: Table, *, of: Version) -> pl.LazyFrame | None:
        """The version of `table` that `of` was made from on its own night; None when that is gone."""
        source = self._source_of(table, of)
        return None if source is None else self._reader.scan(table, source)

    def scan_added_since(self, table: Table, on: date, *, of: Version) -> pl.LazyFrame | None:
        """What the version of a night has beyond the one that `of` was made from.

        None when that is gone, or when rows of it changed or left since: then
        whoever goes on from `of` has to begin anew.
        """
        pointer, source = self._pointer(table, on), self._source_of(table, of)
        if source is None:
            return None
        self._record(table, pointer)
        return self._reader.scan_added(table, self._reader.load(table.identifier, pointer.version), to=source)

    def _source_of(self, table: Table, version: Version) -> Manifest | None:
        inputs = self._reader.load(version.table_id, version.name).inputs
        same_night = [
            one for one in inputs if (one.table_id, one.partition) == (table.identifier, version.partition)
        ]
        if len(same_night) != 1:
            return None
        try:
            return self._reader.load(table.identifier, same_night[0].version)
        except CorruptVersionError:
            return None

    def _record(self, table: Table, pointer: Pointer) -> None:
        for inputs in tuple(self._recorders.values()):
            inputs.add(InputVersion(table.identifier, pointer.partition, pointer.version))

    def _pointer(self, table: Table, on: date) -> Pointer:
        pointer = self._published.read(table.identifier, on)
        if pointer is None:
            raise MissingVersionError(
                f"{table.identifier} has no version for the night {on}; "
                f"run stage {table.stage} of that night first"
            )
        return pointer

    def _describe(self, pointer: Pointer) -> Version:
        content = self._reader.load(pointer.dataset, pointer.version)
        return version_of(content, layout=self._reader.layout)

    def _open(
        self, table: Table, pointer: Pointer, bucket: int | None, bucket_count: int | None
    ) -> pl.LazyFrame:
        content = self._reader.load(table.identifier, pointer.version)
        rows = self._reader.scan(table, content, bucket=bucket, bucket_count=bucket_count)
        self._record(table, pointer)
        return rows
