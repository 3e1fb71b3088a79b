"""Damage of every kind is found before a row is used."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from resources.lake.errors import CorruptVersionError
from resources.lake.reading import Version


def flip_bit(folder: Path) -> None:
    path = folder / "bucket-0001.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def flip_bit_unseen(folder: Path) -> None:
    """As a failing disk does it: size and times stay."""
    path = folder / "bucket-0001.parquet"
    status = path.stat()
    flip_bit(folder)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def truncate(folder: Path) -> None:
    path = folder / "bucket-0001.parquet"
    path.write_bytes(path.read_bytes()[:-1])


def zero(folder: Path) -> None:
    path = folder / "bucket-0001.parquet"
    path.write_bytes(bytes(path.stat().st_size))


def swap(folder: Path) -> None:
    first, second, spare = folder / "bucket-0000.parquet", folder / "bucket-0001.parquet", folder / "spare"
    first.rename(spare)
    second.rename(first)
    spare.rename(second)


def remove(folder: Path) -> None:
    (folder / "bucket-0001.parquet").unlink()


def turn_into_folder(folder: Path) -> None:
    remove(folder)
    (folder / "bucket-0001.parquet").mkdir()


def add(folder: Path) -> None:
    shutil.copy(folder / "bucket-0001.parquet", folder / "bucket-0002.parquet")


def remove_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def cut_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes()[:-40])


def falsify_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"row_count": 40', '"row_count": 41'))


def manifest_of_another_kind(folder: Path) -> None:
    (folder / "manifest.json").write_text(json.dumps(["not", "a", "manifest"]))


def manifest_turned_into_folder(folder: Path) -> None:
    remove_manifest(folder)
    (folder / "manifest.json").mkdir()


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)


DAMAGES = [
    (flip_bit, "bucket-0001.parquet is not what was written"),
    (flip_bit_unseen, "bucket-0001.parquet is not what was written"),
    (truncate, "bucket-0001.parquet is not what was written"),
    (zero, "bucket-0001.parquet is not what was written"),
    (swap, r"bucket-000\d.parquet is not what was written"),
    (remove, "bucket-0001.parquet is missing"),
    (turn_into_folder, "bucket-0001.parquet is not what was written"),
    (add, "bucket-0002.parquet does not belong there"),
    (remove_manifest, "manifest.json is missing"),
    (cut_manifest, "manifest.json is damaged"),
    (falsify_manifest, "manifest.json is damaged"),
    (manifest_of_another_kind, "manifest.json is damaged"),
    (manifest_turned_into_folder, "manifest.json cannot be read"),
    (remove_folder, "2025-01-02-e1-run is missing"),
]


def publish_in_buckets(world, name: str) -> Version:
    table, rows = {
        "scores": (world.scores, world.score_rows(*[0.5] * 40)),
        "addresses": (world.addresses, world.address_rows(*["a@x.example"] * 40)),
    }[name]
    return world.publish({table: rows}, bucket_count=2)[0]


@pytest.mark.parametrize("name", ["scores", "addresses"])
@pytest.mark.parametrize(("damage", "problem"), DAMAGES, ids=[one.__name__ for one, _ in DAMAGES])
def test_damage_is_found_before_use_and_repaired_by_a_rerun(
    world, name: str, damage: Callable[[Path], None], problem: str
) -> None:
    version = publish_in_buckets(world, name)
    table = {"scores": world.scores, "addresses": world.addresses}[name]
    damage(version.folder)
    with pytest.raises(CorruptVersionError, match=problem) as refusal:
        world.lake.scan(table, world.night)
    assert str(refusal.value).startswith(f"{table.identifier}/{version.name}: ")
    assert "run the night 2025-01-02 again" in str(refusal.value)
    assert len(world.lake.verify()) >= 1
    assert not publish_in_buckets(world, name).is_unchanged
    assert world.rows(table).height == 40


def test_damage_after_the_first_read_is_found(world) -> None:
    version = publish_in_buckets(world, "scores")
    assert world.rows(world.scores).height == 40
    flip_bit(version.folder)
    with pytest.raises(CorruptVersionError):
        world.lake.scan(world.scores, world.night)


def test_file_that_the_disk_cannot_read_is_damage(world, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_in_buckets(world, "scores")

    def fail(path: Path) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr("resources.lake.files.sha256_of", fail)
    with pytest.raises(CorruptVersionError, match=r"bucket-0000\.parquet cannot be read: Input/output error"):
        world.lake.scan(world.scores, world.night)


def test_unchanged_files_are_read_for_their_digest_once(world, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_in_buckets(world, "scores")
    world.rows(world.scores)
    monkeypatch.setattr("resources.lake.files.sha256_of", lambda path: pytest.fail(f"{path} was read again"))
    assert world.rows(world.scores).height == 40


def test_a_version_in_the_place_of_another_is_refused(world) -> None:
    first = publish_in_buckets(world, "scores")
    second = world.publish({world.scores: world.score_rows(0.1)})[0]
    shutil.rmtree(second.folder)
    shutil.copytree(first.folder, second.folder)
    with pytest.raises(CorruptVersionError, match="belongs to another version"):
        world.lake.scan(world.scores, world.night)


def test_pointer_to_a_folder_with_a_strange_name_is_refused(world) -> None:
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        world.pointers.swap({"scoring/scores": "handmade"}, partition=world.night, lease=writer.lease)
    with pytest.raises(CorruptVersionError, match=r"handmade is missing.*run the night of that version"):
        world.lake.scan(world.scores, world.night)
