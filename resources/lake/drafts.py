"""A version in the making: sorted files in a staging folder, audited before anyone can see them."""

from collections.abc import Sequence
from contextlib import ExitStack

import polars as pl

from pipelines.contracts.columns import Table
from resources.keys import KeyProvider, WrappedKey
from resources.lake import auditing, buckets, encryption, files, manifest
from resources.lake.files import HashedFile
from resources.lake.layout import MANIFEST, Layout
from resources.lake.manifest import DataFile, Manifest

#: The file of a version that has no buckets.
_WHOLE = "part-0000.parquet"


def _bucket_name(bucket: int) -> str:
    return f"bucket-{bucket:04d}.parquet"


class Draft:
    """The staging folder of one version of one table."""

    def __init__(self, table: Table, version: str, *, step: str, layout: Layout, keys: KeyProvider) -> None:
        self._table = table
        self._version = version
        self._layout = layout
        self._keys = keys
        self._key = encryption.fresh_key() if table.is_personal else None
        self._place = encryption.place_of(layout, table.identifier, version)
        self._folder = layout.draft_folder(step, table.identifier, version)
        files.make_folder(self._folder)

    @property
    def data_keys(self) -> dict[str, WrappedKey]:
        """The wrapped data key by the version that it opens; empty for a table that is not personal."""
        return {} if self._key is None else {self._version: self._keys.wrap(self._key)}

    def write(self, rows: pl.LazyFrame, *, bucket_count: int) -> tuple[DataFile, ...]:
        """Sorts, writes and audits the rows; ContractBrokenError when one of them breaks the contract."""
        if bucket_count == 1:
            written = [self._write_sorted(rows, _WHOLE)]
        else:
            written = [
                self._write_bucket(part, bucket)
                for bucket, part in enumerate(self._split(rows, bucket_count))
            ]
        return self.audit(written)

    def write_bucket(self, rows: pl.LazyFrame, bucket: int, *, of: int) -> HashedFile:
        """Sorts and writes the people of one bucket; ValueError when there is one of another."""
        if of == 1:
            return self._write_sorted(rows, _WHOLE)
        file = self._write_sorted(rows, _bucket_name(bucket))
        strays = self.scan(file.path.name).filter(buckets.bucket(of) != bucket)
        stray_count = int(strays.select(pl.len()).collect().item())
        if stray_count:
            raise ValueError(f"{self._table.identifier}: {stray_count} people are not of bucket {bucket}")
        return file

    def audit(self, written: Sequence[HashedFile]) -> tuple[DataFile, ...]:
        """All files of the version, in the order of their buckets; ContractBrokenError as `write` has it."""
        self._audit(written)
        is_bucketed = len(written) > 1
        return tuple(
            self._describe(file, bucket if is_bucketed else None) for bucket, file in enumerate(written)
        )

    def scan(self, name: str) -> pl.LazyFrame:
        return pl.scan_parquet(self._folder / name, glob=False, decryption=self._decryption())

    def drop(self, file: DataFile) -> None:
        files.remove_file(self._folder / file.path)

    def discard(self) -> None:
        files.remove_tree(self._folder)

    def settle(self, content: Manifest) -> None:
        """Manifest last, then one rename: what has its final name is complete and durable."""
        target = self._layout.version_folder(content.table_id, content.version)
        files.write_bytes(self._folder / MANIFEST, manifest.encode(content))
        files.sync_folder(self._folder)
        files.make_folder(target.parent)
        files.rename(self._folder, target)
        files.sync_folder(target.parent)

    def _write_sorted(self, rows: pl.LazyFrame, name: str) -> HashedFile:
        ordered = rows.sort(self._table.schema.primary_key())
        return files.write_frame(ordered, self._folder / name, encryption=self._encryption())

    def _split(self, rows: pl.LazyFrame, bucket_count: int) -> list[HashedFile]:
        """Streams the unsorted rows into a file per bucket, so that sorting needs one bucket's memory."""
        paths = [self._folder / f"unsorted-{bucket:04d}.parquet" for bucket in range(bucket_count)]
        with ExitStack() as opened:
            parts = [opened.enter_context(HashedFile(files.open_new(path))) for path in paths]
            by_bucket = pl.PartitionBy(
                self._folder,
                key={"bucket": buckets.bucket(bucket_count)},
                include_key=False,
                file_path_provider=lambda place: parts[place.partition_keys.item()],
                approximate_bytes_per_file=None,
            )
            files.sink(rows, by_bucket, parts, encryption=self._encryption())
        return parts

    def _write_bucket(self, part: HashedFile, bucket: int) -> HashedFile:
        rows = self.scan(part.path.name) if part.byte_count else self._table.schema.create_empty(lazy=True)
        written = self._write_sorted(rows, _bucket_name(bucket))
        files.remove_file(part.path)
        return written

    def _audit(self, written: Sequence[HashedFile]) -> None:
        found = [
            auditing.audit(self.scan(file.path.name), self._table, workspace_id=self._layout.workspace_id)
            for file in written
        ]
        whole = auditing.together(found)
        if len(written) > 1 and buckets.COLUMN not in self._table.schema.primary_key():
            rows = pl.concat([self.scan(file.path.name) for file in written])
            whole = whole.with_repeated_keys(auditing.count_repeated_keys(rows, self._table))
        auditing.refuse_broken(whole, self._table)

    def _describe(self, file: HashedFile, bucket: int | None) -> DataFile:
        rows = self.scan(file.path.name)
        sha256 = file.digest.hexdigest()
        if self._table.is_personal:
            content = encryption.content_digest(rows, layout=self._layout, keys=self._keys)
        else:
            content = sha256
        row_count = int(rows.select(pl.len()).collect().item())
        return DataFile(file.path.name, sha256, content, file.byte_count, row_count, bucket)

    def _encryption(self) -> pl.ParquetEncryptionProperties | None:
        if self._key is None:
            return None
        return encryption.encryption(self._key, self._place)

    def _decryption(self) -> pl.ParquetDecryptionProperties | None:
        if self._key is None:
            return None
        return encryption.decryption(self._key, self._place)
