import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resources.keys import EnvironmentKeys, FileKeys, KeyUnavailableError, WrappedKey

FIRST = base64.b64encode(b"1" * 32).decode()
SECOND = base64.b64encode(b"2" * 32).decode()
DATA_KEY = b"d" * 32


def given(encoded: str, *earlier: str) -> EnvironmentKeys:
    return EnvironmentKeys(encoded, variable="MASTER_KEY", earlier=earlier)


def test_unwrap_gives_back_what_was_wrapped() -> None:
    assert given(FIRST).unwrap(given(FIRST).wrap(DATA_KEY)) == DATA_KEY


def test_wrapping_twice_gives_different_ciphertexts() -> None:
    keys = given(FIRST)
    assert keys.wrap(DATA_KEY).ciphertext != keys.wrap(DATA_KEY).ciphertext


def test_wrapped_key_shows_neither_key() -> None:
    wrapped = given(FIRST).wrap(DATA_KEY)
    assert base64.b64encode(DATA_KEY).decode()[:40] not in wrapped.ciphertext
    assert FIRST not in repr((wrapped, given(FIRST)))


def test_another_master_key_names_both_keys() -> None:
    wrapped = given(FIRST).wrap(DATA_KEY)
    present = given(SECOND).wrap(DATA_KEY).key_id
    with pytest.raises(KeyUnavailableError, match=f"{wrapped.key_id} is needed.*{present}"):
        given(SECOND).unwrap(wrapped)


def test_rotated_ring_opens_what_the_earlier_key_closed() -> None:
    wrapped = given(FIRST).wrap(DATA_KEY)
    rotated = given(SECOND, FIRST)
    assert rotated.unwrap(wrapped) == DATA_KEY
    assert rotated.wrap(DATA_KEY).key_id == given(SECOND).wrap(DATA_KEY).key_id != wrapped.key_id


@pytest.mark.parametrize("damage", ["", "AAAA", "not base64!", base64.b64encode(b"x" * 60).decode()])
def test_damaged_wrapped_key_is_a_typed_error(damage: str) -> None:
    keys = given(FIRST)
    wrapped = WrappedKey(keys.wrap(DATA_KEY).key_id, damage)
    with pytest.raises(KeyUnavailableError, match="damaged"):
        keys.unwrap(wrapped)


@pytest.mark.parametrize("encoded", [None, ""])
def test_variable_that_is_not_set_is_named(encoded: str | None) -> None:
    with pytest.raises(KeyUnavailableError, match="MASTER_KEY is not set"):
        EnvironmentKeys(encoded, variable="MASTER_KEY")


@pytest.mark.parametrize("encoded", ["short", "not base64!", base64.b64encode(b"1" * 31).decode()])
def test_malformed_key_is_refused_without_showing_it(encoded: str) -> None:
    with pytest.raises(KeyUnavailableError, match="32 bytes in base64") as refusal:
        given(encoded)
    assert encoded not in str(refusal.value)


def test_first_wrap_creates_a_private_key_file(tmp_path: Path) -> None:
    path = tmp_path / "home" / "keys" / "master.key"
    wrapped = FileKeys(path).wrap(DATA_KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]
    assert FileKeys(path).unwrap(wrapped) == DATA_KEY


def test_unwrap_never_creates_a_key_file(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with pytest.raises(KeyUnavailableError, match=r"master\.key cannot be read.*backup"):
        FileKeys(path).unwrap(given(FIRST).wrap(DATA_KEY))
    assert not path.exists()


def test_concurrent_first_users_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    with ThreadPoolExecutor(8) as pool:
        wrapped = list(pool.map(lambda _: FileKeys(path).wrap(DATA_KEY), range(32)))
    assert len({one.key_id for one in wrapped}) == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]


def test_second_of_two_first_users_keeps_the_key_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "master.key"
    first = FileKeys(path).wrap(DATA_KEY)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert FileKeys(path).wrap(DATA_KEY).key_id == first.key_id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    path.write_text(FIRST)
    path.chmod(mode)
    with pytest.raises(KeyUnavailableError, match="chmod 600"):
        FileKeys(path).wrap(DATA_KEY)


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "is empty"), (b"\xff\xfe", "cannot be read"), (b"zzz", "32 bytes in base64")],
)
def test_damaged_key_file_is_a_typed_error(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnavailableError, match=problem):
        FileKeys(path).wrap(DATA_KEY)


def test_key_file_may_hold_earlier_keys(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text(f"{SECOND}\n{FIRST}\n")
    path.chmod(0o600)
    assert FileKeys(path).unwrap(given(FIRST).wrap(DATA_KEY)) == DATA_KEY
