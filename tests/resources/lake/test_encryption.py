import json
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from resources.keys import FileKeys, KeyUnavailableError
from resources.lake import layout, manifest
from resources.lake.errors import CorruptVersionError
from resources.lake.store import Lake

CANARIES = [f"canary-{number}@secret.example" for number in range(20)]


def publish_canaries(world, on: date | None = None):
    return world.publish({world.addresses: world.address_rows(*CANARIES)}, on=on or world.night)[0]


def lake_with(world, keys: FileKeys) -> Lake:
    return Lake(world.root / "lake", world.workspace, pointers=world.pointers, leases=world.leases, keys=keys)


def parquet_files(world) -> list[Path]:
    return sorted((world.root / "lake").rglob("*.parquet"))


def test_personal_rows_come_back_with_the_key(world) -> None:
    publish_canaries(world)
    assert world.rows(world.addresses)["address"].to_list() == CANARIES


def test_no_written_file_shows_a_canary(world) -> None:
    publish_canaries(world)
    written = [path for path in (world.root / "lake").rglob("*") if path.is_file()]
    assert len(written) == 3
    for path in written:
        content = path.read_bytes()
        assert not any(canary.encode() in content for canary in CANARIES)
        assert b"secret.example" not in content


def test_no_file_opens_without_the_key(world) -> None:
    publish_canaries(world)
    [path] = parquet_files(world)
    with pytest.raises(pl.exceptions.ComputeError, match="encrypted footer"):
        pl.read_parquet(path)
    with pytest.raises(pl.exceptions.ComputeError, match="unable to decrypt"):
        pl.read_parquet(
            path, decryption=pl.ParquetDecryptionProperties(footer_key=b"0" * 32, aad_prefix=b"anything")
        )


def test_plain_tables_need_no_key(world) -> None:
    world.publish({world.scores: world.score_rows(0.5)})
    [path] = parquet_files(world)
    assert pl.read_parquet(path).height == 1
    assert not (world.root / "keys").exists()


def test_missing_master_key_is_a_typed_error(world) -> None:
    publish_canaries(world)
    (world.root / "keys" / "master.key").unlink()
    with pytest.raises(KeyUnavailableError, match="restore it from a backup"):
        world.lake.scan(world.addresses, world.night)


def test_another_master_key_is_a_typed_error(world) -> None:
    publish_canaries(world)
    other = FileKeys(world.root / "other.key")
    other.wrap(b"anything")
    with pytest.raises(KeyUnavailableError, match="restore the key that was in use"):
        lake_with(world, other).scan(world.addresses, world.night)
    with (
        pytest.raises(KeyUnavailableError),
        lake_with(world, other).writing("scoring", world.night, run_id="run", config_hash="c") as writer,
    ):
        writer.stage(world.addresses, world.address_rows("a@b.example"))
    assert world.rows(world.addresses)["address"].to_list() == CANARIES


def test_equal_personal_rows_make_different_bytes_and_equal_hashes(world) -> None:
    first = publish_canaries(world, date(2025, 1, 1))
    second = publish_canaries(world, date(2025, 1, 2))
    blocks = [(version.folder / "part-0000.parquet").read_bytes() for version in (first, second)]
    assert blocks[0] != blocks[1]
    assert first.content_hash == second.content_hash
    keys = [world.reader.load(first.table_id, version.name).data_keys for version in (first, second)]
    assert keys[0][first.name].ciphertext != keys[1][second.name].ciphertext


def test_different_personal_rows_have_different_hashes(world) -> None:
    first = world.publish({world.addresses: world.address_rows("a@x.example")})[0]
    second = world.publish({world.addresses: world.address_rows("b@x.example")})[0]
    assert first.content_hash != second.content_hash


def test_content_hash_of_personal_rows_cannot_be_guessed(world) -> None:
    """Under another key the same rows have another hash."""
    own = publish_canaries(world).content_hash
    content_key = world.layout.workspace_folder / "content-key.json"
    content_key.unlink()
    assert publish_canaries(world).content_hash != own


def test_content_hash_survives_a_rotation_of_the_master_key(world) -> None:
    publish_canaries(world)
    earlier = (world.root / "keys" / "master.key").read_text()
    fresh = FileKeys(world.root / "fresh.key")
    fresh.wrap(b"anything")
    path = world.root / "fresh.key"
    path.write_text(path.read_text() + earlier)
    rotated = lake_with(world, FileKeys(path))
    with rotated.writing("scoring", world.night, run_id="run", config_hash="config") as writer:
        assert writer.stage(world.addresses, world.address_rows(*CANARIES)).is_unchanged


@pytest.mark.parametrize("content", ["", "{}", '{"key_id": 1}'])
def test_damaged_content_key_is_a_typed_error(world, content: str) -> None:
    publish_canaries(world)
    (world.layout.workspace_folder / "content-key.json").write_text(content)
    with pytest.raises(KeyUnavailableError, match=r"content-key\.json is damaged"):
        publish_canaries(world)
    assert world.rows(world.addresses)["address"].to_list() == CANARIES


def test_an_authentic_file_in_another_place_does_not_open(world) -> None:
    """Someone who may write the lake but has no key puts an old address book in place of a new one."""
    older = world.publish({world.addresses: world.address_rows("old@x.example")}, on=date(2025, 1, 1))[0]
    current = world.publish({world.addresses: world.address_rows("new@x.example")})[0]
    shutil.copy(older.folder / "part-0000.parquet", current.folder / "part-0000.parquet")
    forged = json.loads((older.folder / "manifest.json").read_text())
    forged |= {"version": current.name, "partition": str(world.night)}
    forged["data_keys"] = {current.name: forged["data_keys"][older.name]}
    forged.pop("seal")
    (current.folder / layout.MANIFEST).write_text(json.dumps(forged | {"seal": manifest._seal(forged)}))
    with pytest.raises(CorruptVersionError, match="does not open with the key"):
        world.lake.scan(world.addresses, world.night)


def test_appended_personal_rows_keep_the_keys_of_all_their_files(world) -> None:
    first = world.publish({world.addresses: world.address_rows(*CANARIES[:10])}, on=date(2025, 1, 1))[0]
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        second = writer.append(world.addresses, world.address_rows(*CANARIES).tail(10), to=first)
        writer.publish()
    assert set(world.reader.load(second.table_id, second.name).data_keys) == {first.name, second.name}
    assert world.rows(world.addresses)["address"].to_list() == CANARIES


def test_bucketed_personal_rows_are_encrypted_too(world) -> None:
    world.publish({world.addresses: world.address_rows(*CANARIES)}, bucket_count=4)
    assert len(parquet_files(world)) == 4
    for path in parquet_files(world):
        assert path.read_bytes()[:4] == b"PARE"
    assert world.rows(world.addresses)["address"].to_list() == CANARIES
