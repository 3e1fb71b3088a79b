"""Opens published versions: manifest, integrity, decryption. Which version is current is not known here."""

import os.path
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pipelines.contracts.columns import Table
from resources.keys import KeyProvider
from resources.lake import buckets, encryption, files, layout, manifest
from resources.lake.errors import ContractChangedError, CorruptVersionError
from resources.lake.layout import Layout
from resources.lake.manifest import DataFile, Manifest

#: What each file was when its digest last fitted, in this process: a file is read twice only once.
_VERIFIED: dict[Path, tuple[int, int, int, str]] = {}


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable version of a table for one night.

    Attributes:
        content_hash: Equal for equal rows in an equal layout.
        is_unchanged: Whether staging found this version published already, with the same content and config.
        bucket_count: Files by customer bucket; 1 when the table is not bucketed.
        config_hash: Of the configuration that made it.
    """

    table_id: str
    partition: date
    name: str
    row_count: int
    content_hash: str
    folder: Path
    is_unchanged: bool
    bucket_count: int
    config_hash: str


def version_of(content: Manifest, *, layout: Layout, is_unchanged: bool = False) -> Version:
    return Version(
        table_id=content.table_id,
        partition=content.partition,
        name=content.version,
        row_count=content.row_count,
        content_hash=content.content_hash,
        folder=layout.version_folder(content.table_id, content.version),
        is_unchanged=is_unchanged,
        bucket_count=content.bucket_count,
        config_hash=content.config_hash,
    )


def columns_of(table: Table) -> dict[str, str]:
    return {name: str(column.dtype) for name, column in table.schema.columns().items()}


@dataclass(frozen=True, slots=True)
class VersionReader:
    layout: Layout
    keys: KeyProvider

    def load(self, table_id: str, version: str) -> Manifest:
        """The manifest, if the folder holds exactly what it lists."""
        folder = self.layout.version_folder(table_id, version)
        try:
            present = {entry.name for entry in folder.iterdir()}
            text = (folder / layout.MANIFEST).read_bytes()
            content = manifest.decode(text)
        except FileNotFoundError as error:
            raise _corrupt(table_id, version, f"{Path(str(error.filename)).name} is missing") from None
        except OSError as error:
            problem = f"{layout.MANIFEST} cannot be read: {error.strerror}"
            raise _corrupt(table_id, version, problem) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _corrupt(table_id, version, f"{layout.MANIFEST} is damaged") from None
        if (content.workspace_id, content.table_id, content.version) != (
            self.layout.workspace_id,
            table_id,
            version,
        ):
            raise _corrupt(table_id, version, f"{layout.MANIFEST} belongs to another version")
        if extra := present - {file.path for file in content.files} - {layout.MANIFEST}:
            raise _corrupt(table_id, version, f"{', '.join(sorted(extra))} does not belong there")
        return content

    def check_files(self, content: Manifest, chosen: Sequence[DataFile], *, afresh: bool = False) -> None:
        """Compares files with their digests.

        Files that fitted before in this process and have not changed since are
        trusted, unless `afresh`.
        """
        for file in chosen:
            path = self.path_of(content, file)
            try:
                status = path.stat()
                seen = (status.st_ino, status.st_mtime_ns, status.st_size, file.sha256)
                if not afresh and _VERIFIED.get(path) == seen:
                    continue
                fits = status.st_size == file.byte_count and files.sha256_of(path) == file.sha256
            except FileNotFoundError:
                raise _corrupt(content.table_id, content.version, f"{file.path} is missing") from None
            except OSError as error:
                problem = f"{file.path} cannot be read: {error.strerror}"
                raise _corrupt(content.table_id, content.version, problem) from None
            if not fits:
                raise _corrupt(content.table_id, content.version, f"{file.path} is not what was written")
            _VERIFIED[path] = seen

    def path_of(self, content: Manifest, file: DataFile) -> Path:
        folder = self.layout.version_folder(content.table_id, content.version)
        return Path(os.path.normpath(folder / file.path))

    def scan(
        self, table: Table, content: Manifest, *, bucket: int | None = None, bucket_count: int | None = None
    ) -> pl.LazyFrame:
        """The rows of a version, or of one of `bucket_count` buckets, after its files are verified."""
        refuse_other_contract(table, content)
        wanted = content.bucket_count if bucket_count is None else bucket_count
        chosen = content.files if bucket is None else _files_of_bucket(table, content, bucket, of=wanted)
        rows = self._scan_files(table, content, chosen)
        if bucket is None or wanted <= content.bucket_count:
            return rows
        return rows.filter(buckets.bucket(wanted) == bucket)

    def scan_added(self, table: Table, content: Manifest, *, to: Manifest) -> pl.LazyFrame | None:
        """The rows that a version has beyond `to`; None unless it has all files of `to`."""
        refuse_other_contract(table, content)
        known = {file.sha256 for file in to.files}
        if not known <= {file.sha256 for file in content.files}:
            return None
        return self._scan_files(table, content, [file for file in content.files if file.sha256 not in known])

    def _scan_files(self, table: Table, content: Manifest, chosen: Sequence[DataFile]) -> pl.LazyFrame:
        self.check_files(content, chosen)
        if not chosen:
            return table.schema.create_empty(lazy=True)
        if content.data_keys:
            origins = sorted({layout.origin_of(file.path, version=content.version) for file in chosen})
            return pl.concat([self._scan_origin(content, chosen, origin) for origin in origins])
        return pl.scan_parquet([self.path_of(content, file) for file in chosen], glob=False)

    def _scan_origin(self, content: Manifest, chosen: Sequence[DataFile], origin: str) -> pl.LazyFrame:
        """The encrypted files that one version wrote: they share a data key."""
        paths = [
            self.path_of(content, file)
            for file in chosen
            if layout.origin_of(file.path, version=content.version) == origin
        ]
        key = self.keys.unwrap(content.data_keys[origin])
        opened = encryption.decryption(key, encryption.place_of(self.layout, content.table_id, origin))
        for path in paths:
            try:
                pl.scan_parquet(path, glob=False, decryption=opened).collect_schema()
            except pl.exceptions.ComputeError:
                problem = f"{path.name} does not open with the key of {origin}"
                raise _corrupt(content.table_id, content.version, problem) from None
        return pl.scan_parquet(paths, glob=False, decryption=opened)


def refuse_other_contract(table: Table, content: Manifest) -> None:
    expected = columns_of(table)
    found = dict(content.columns)
    if expected == found:
        return
    differing = [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
    raise ContractChangedError(
        f"{table.identifier} of {content.partition} was written under another contract "
        f"({', '.join(differing)} differ); run the night {content.partition} again"
    )


def _files_of_bucket(table: Table, content: Manifest, bucket: int, *, of: int) -> tuple[DataFile, ...]:
    """Files that hold a bucket: counts may differ as long as one divides the other, since doubling splits."""
    stored = content.bucket_count
    if not buckets.has_people(table):
        raise ValueError(f"{table.identifier} has no {buckets.COLUMN}, so it has no buckets")
    if not 0 <= bucket < of:
        raise ValueError(f"bucket {bucket} of {table.identifier} does not exist: there are {of}")
    if max(of, stored) % min(of, stored):
        raise ValueError(f"{table.identifier} lies in {stored} buckets, which do not make {of}")
    if stored == 1:
        return content.files
    smaller = min(of, stored)
    return tuple(
        file
        for file in content.files
        if file.bucket is not None and file.bucket % smaller == bucket % smaller
    )


def _corrupt(table_id: str, version: str, problem: str) -> CorruptVersionError:
    on = layout.partition_of(version) or "of that version"
    return CorruptVersionError(
        f"{table_id}/{version}: {problem}. Restore it from a backup, "
        f"or run the night {on} again, which writes a fresh version"
    )
