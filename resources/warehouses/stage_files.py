"""Files that rows pass through on their way into a warehouse, and disks that have no room for them."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa

from resources.warehouses.base import Load, SourceError, SourceProblem

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: How libraries that hand on no number call a disk, a quota or a file that is full.
_FULL_TEXTS = ("No space left", "uota exceeded", "File too large", "not enough space")


def is_disk_full(error: BaseException) -> bool:
    """Whether a failure to write means that there is no room."""
    number = error.errno if isinstance(error, OSError) else None
    return number in _FULL or any(text in str(error) for text in _FULL_TEXTS)


@contextmanager
def writing_stage_files(load: Load, folder: Path) -> Iterator[None]:
    """Failures to write the rows of a load into a folder of this machine as SourceError."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError, pa.ArrowException) as error:
        what = f"its rows could not be written to {folder} ({type(error).__name__}); nothing was kept."
        code, remedy = "write_failed", "Make the folder writable, or point TMPDIR elsewhere."
        if is_disk_full(error):
            what = f"the disk is full: its rows could not be written to {folder}; nothing was kept."
            code, remedy = "disk_full", "Make room there, or point TMPDIR at a larger disk."
        table = f"{load.schema_name}.{load.table}"
        raise SourceError(SourceProblem(code, "target", table, None, what, remedy)) from None
