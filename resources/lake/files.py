"""The only place of the lake that changes the file system: small durable steps.

Every step is a module-level function that callers reach through the module,
so that a test can make each of them fail in turn.
"""

import errno
import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol, cast

import polars as pl

from resources.lake.errors import WriteFailedError

#: Fixed, because otherwise the row groups, and with them the bytes, follow the number of threads.
ROW_GROUP_SIZE = 200_000


class Digest(Protocol):
    """What `hashlib` and `hmac` objects have in common."""

    def update(self, content: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def make_folder(path: Path) -> None:
    """Makes a folder and those above it; each new name is durable before the next is made in it."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        with _reported(folder):
            folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def open_new(path: Path) -> io.FileIO:
    with _reported(path):
        return io.FileIO(path, "x")


def write_block(handle: io.FileIO, block: bytes) -> None:
    with _reported(Path(str(handle.name))):
        remaining = memoryview(block)
        while remaining:
            remaining = remaining[handle.write(remaining) :]


def sync_file(handle: io.FileIO) -> None:
    with _reported(Path(str(handle.name))):
        os.fsync(handle.fileno())


def sync_folder(path: Path) -> None:
    """Makes the names in a folder survive a power cut; fsync of a file alone does not."""
    with _reported(path):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def rename(source: Path, target: Path) -> None:
    """Atomic; refuses to replace a folder that holds something."""
    with _reported(target):
        source.rename(target)


def link_new(source: Path, target: Path) -> bool:
    """Gives a complete file its name; False when the name is taken already."""
    with _reported(target):
        try:
            os.link(source, target)
        except FileExistsError:
            return False
        return True


def remove_file(path: Path) -> None:
    with _reported(path):
        path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    with _reported(path):
        shutil.rmtree(path)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turns what the operating system says into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise WriteFailedError(
            f"cannot write {path}: {error.strerror or type(error).__name__}. {_remedy(error, path)}"
        ) from error


def _remedy(error: OSError, path: Path) -> str:
    kept = "What was published before is untouched"
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return f"{kept}; make the folder writable and run the night again"
    existing = next(folder for folder in path.parents if folder.exists())
    free_mb = shutil.disk_usage(existing).free // 2**20
    return f"{kept}; {free_mb} MB are free: make room and run the night again"


class HashedFile(io.RawIOBase):
    """A new file that knows the digest and size of what went through it, without being read again.

    Polars reports any failure of its sink as a ComputeError with the cause as
    text (2.1), so the real cause is kept in `failure`.
    """

    def __init__(self, handle: io.FileIO) -> None:
        self.path = Path(str(handle.name))
        self.digest = hashlib.sha256()
        self.byte_count = 0
        self.failure: BaseException | None = None
        self._handle = handle

    def writable(self) -> bool:
        return True

    def write(self, block: bytes, /) -> int:  # type: ignore[override]  # Polars hands over bytes
        if self.failure is not None:
            raise self.failure
        try:
            write_block(self._handle, block)
        except BaseException as failure:
            self.failure = failure
            raise
        self.digest.update(block)
        self.byte_count += len(block)
        return len(block)

    def finish(self) -> None:
        """Durable on disk from here on."""
        sync_file(self._handle)

    def close(self) -> None:
        self._handle.close()
        super().close()


class DigestSink(io.RawIOBase):
    """Takes what would be a file and keeps only its digest."""

    def __init__(self, digest: Digest) -> None:
        self._digest = digest

    def writable(self) -> bool:
        return True

    def write(self, block: bytes, /) -> int:  # type: ignore[override]  # Polars hands over bytes
        self._digest.update(block)
        return len(block)


def write_bytes(path: Path, content: bytes) -> None:
    """A small new file, durable."""
    handle = open_new(path)
    try:
        write_block(handle, content)
        sync_file(handle)
    finally:
        handle.close()


def write_frame(
    frame: pl.LazyFrame, path: Path, *, encryption: pl.ParquetEncryptionProperties | None
) -> HashedFile:
    """Streams a frame into a new Parquet file, durable when this returns."""
    with HashedFile(open_new(path)) as target:
        sink(frame, cast("IO[bytes]", target), [target], encryption=encryption)
        target.finish()
    return target


def sink(
    frame: pl.LazyFrame,
    target: IO[bytes] | pl.PartitionBy,
    opened: list[HashedFile],
    *,
    encryption: pl.ParquetEncryptionProperties | None,
) -> None:
    """Runs the frame into `target`; a write that failed in one of the `opened` files surfaces as itself."""
    try:
        frame.sink_parquet(target, row_group_size=ROW_GROUP_SIZE, encryption=encryption)
    except BaseException:
        failure = next((file.failure for file in opened if file.failure is not None), None)
        if failure is not None:
            raise failure from None
        raise


def digest_frame(frame: pl.LazyFrame, digest: Digest) -> None:
    """Feeds the plain, uncompressed Parquet bytes of a frame into a digest; nothing reaches the disk."""
    target = cast("IO[bytes]", DigestSink(digest))
    frame.sink_parquet(target, row_group_size=ROW_GROUP_SIZE, compression="uncompressed", statistics=False)


def sha256_of(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
