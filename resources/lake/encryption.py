"""Keys of personal tables: one data key per version, and one per workspace for content digests.

Files are encrypted by Polars' Parquet modular encryption (AES-256-GCM). The
additional authenticated data names workspace, table and version, so that an
authentic file in the wrong place does not open.
"""

import hmac
import json
import os
from dataclasses import asdict

import polars as pl

from resources.keys import KEY_BYTES, KeyProvider, KeyUnavailableError, WrappedKey
from resources.lake import files
from resources.lake.layout import Layout

_CONTENT_KEY = "content-key.json"


def fresh_key() -> bytes:
    return os.urandom(KEY_BYTES)


def place_of(layout: Layout, table_id: str, version: str) -> bytes:
    return f"{layout.workspace_id}/{table_id}/{version}".encode()


def encryption(key: bytes, place: bytes) -> pl.ParquetEncryptionProperties:
    return pl.ParquetEncryptionProperties(footer_key=key, aad_prefix=place)


def decryption(key: bytes, place: bytes) -> pl.ParquetDecryptionProperties:
    return pl.ParquetDecryptionProperties(footer_key=key, aad_prefix=place)


def content_digest(rows: pl.LazyFrame, *, layout: Layout, keys: KeyProvider) -> str:
    """Keyed digest of rows in their order, by way of a plain file that is never written."""
    digest = hmac.new(_content_key(layout, keys), digestmod="sha256")
    files.digest_frame(rows, digest)
    return digest.hexdigest()


def _content_key(layout: Layout, keys: KeyProvider) -> bytes:
    """The workspace's key for content digests: made once, so that equal content keeps its digest."""
    path = layout.workspace_folder / _CONTENT_KEY
    if not path.exists():
        draft = layout.staging_folder / f"{_CONTENT_KEY}.{os.urandom(8).hex()}"
        files.make_folder(layout.staging_folder)
        files.write_bytes(draft, json.dumps(asdict(keys.wrap(fresh_key()))).encode())
        # Of two first writers one wins, and both read what the winner wrote.
        files.link_new(draft, path)
        files.sync_folder(layout.workspace_folder)
        files.remove_file(draft)
    try:
        return keys.unwrap(WrappedKey(**json.loads(path.read_bytes())))
    except (ValueError, TypeError):
        raise KeyUnavailableError(
            f"{path} is damaged; restore it from a backup, or delete it: "
            "the next night then writes every personal table anew"
        ) from None
