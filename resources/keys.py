"""Master keys: wrap and unwrap the data keys of personal tables.

A data key encrypts the files of one version; only its wrapped form is stored.
Where the master key comes from is the provider's business. Encrypting files
is the lake's.
"""

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyUnavailableError(Exception):
    """A master key is missing, malformed or not the one that is needed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key under a master key: safe to store beside the data.

    Attributes:
        key_id: Name of the master key.
        ciphertext: Nonce and AES-256-GCM ciphertext, base64.
    """

    key_id: str
    ciphertext: str


class KeyProvider(Protocol):
    def wrap(self, key: bytes) -> WrappedKey: ...

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """The data key; KeyUnavailableError when the master key is missing or another one."""
        ...


class _MasterKeys:
    """A ring of 256-bit master keys: the first wraps, every one unwraps, so that a key can be rotated."""

    def __init__(self, encoded_keys: Sequence[str], *, origin: str) -> None:
        keys = [_decode(encoded, origin=origin) for encoded in encoded_keys]
        self._keys = {_key_id(key): key for key in keys}
        self._current = _key_id(keys[0])
        self._origin = origin

    def wrap(self, key: bytes) -> WrappedKey:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._keys[self._current]).encrypt(nonce, key, self._current.encode())
        return WrappedKey(self._current, base64.b64encode(nonce + sealed).decode())

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        if wrapped.key_id not in self._keys:
            raise KeyUnavailableError(
                f"master key {wrapped.key_id} is needed, but {self._origin} holds {', '.join(self._keys)}; "
                "restore the key that was in use when the table was written"
            )
        try:
            sealed = base64.b64decode(wrapped.ciphertext, validate=True)
            nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return AESGCM(self._keys[wrapped.key_id]).decrypt(nonce, ciphertext, wrapped.key_id.encode())
        except (InvalidTag, binascii.Error, ValueError):
            raise KeyUnavailableError(
                f"a data key does not open under master key {wrapped.key_id}: its wrapped form is damaged; "
                "restore the manifest from a backup, or run the night again"
            ) from None


class EnvironmentKeys:
    """Master keys given as text, for deployments that inject secrets.

    Args:
        encoded: 32 bytes in base64; None or empty when the variable is not set.
        variable: Name of the variable, for messages.
        earlier: Keys before the last rotations; they only unwrap.
    """

    def __init__(self, encoded: str | None, *, variable: str, earlier: Sequence[str] = ()) -> None:
        if not encoded:
            raise KeyUnavailableError(f"{variable} is not set; set it to 32 random bytes in base64")
        self._keys = _MasterKeys([encoded, *earlier], origin=variable)

    def wrap(self, key: bytes) -> WrappedKey:
        return self._keys.wrap(key)

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        return self._keys.unwrap(wrapped)


class FileKeys:
    """Master keys in a file that only its owner may read; the first wrap creates it.

    One key a line in base64, the current one first. Unwrapping never creates
    the file: a new key could not open what an earlier one closed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def wrap(self, key: bytes) -> WrappedKey:
        if not self._path.exists():
            _create_key_file(self._path)
        return self._read().wrap(key)

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        return self._read().unwrap(wrapped)

    def _read(self) -> _MasterKeys:
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            lines = self._path.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyUnavailableError(
                f"master key file {self._path} cannot be read ({type(error).__name__}); "
                "restore it from a backup: without it personal tables stay closed"
            ) from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyUnavailableError(
                f"others may read {self._path} (mode {mode:04o}); run: chmod 600 {self._path}"
            )
        if not lines:
            raise KeyUnavailableError(f"master key file {self._path} is empty; restore it from a backup")
        return _MasterKeys(lines, origin=str(self._path))


def _decode(encoded: str, *, origin: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnavailableError(f"{origin} does not hold {KEY_BYTES} bytes in base64")
    return key


def _key_id(key: bytes) -> str:
    """Names a key without revealing it: 64 bits of a digest of 256 random bits."""
    return hashlib.blake2b(key, digest_size=8, person=b"onward key id").hexdigest()


def _create_key_file(path: Path) -> None:
    """Writes a fresh key beside its place and links it in: of two first users one wins and both agree."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)
    except FileExistsError:
        # Someone else was first; their key is the key.
        return
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
