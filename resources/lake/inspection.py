"""Compares the lake on disk with what the control database says is published."""

from collections.abc import Iterator

from resources.control.pointers import Pointer
from resources.lake import layout
from resources.lake.errors import CorruptVersionError
from resources.lake.ports import PointerStore
from resources.lake.reading import VersionReader


def find_problems(reader: VersionReader, pointers: PointerStore) -> list[str]:
    """Damage of published versions, every byte read again, and folders that no writer of this lake made."""
    damaged = (_damage(reader, pointer) for pointer in pointers.all())
    return [*(problem for problem in damaged if problem), *_strangers(reader)]


def _damage(reader: VersionReader, pointer: Pointer) -> str | None:
    try:
        content = reader.load(pointer.dataset, pointer.version)
        reader.check_files(content, content.files, afresh=True)
    except CorruptVersionError as damage:
        return str(damage)
    return None


def _strangers(reader: VersionReader) -> Iterator[str]:
    """Superseded versions are not strange: garbage collection removes them in time."""
    for table_id in reader.layout.table_ids():
        for version in reader.layout.version_names(table_id):
            folder = reader.layout.version_folder(table_id, version)
            if layout.partition_of(version) is None or not (folder / layout.MANIFEST).is_file():
                yield f"{table_id}/{version} is not a version of this lake. Move it away: nothing reads it"
