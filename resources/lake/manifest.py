"""The manifest of a version: what its files are, and what they were made of."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

from resources.keys import WrappedKey
from resources.lake import layout

FORMAT = 1


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a version.

    Attributes:
        path: Relative to the version's folder; begins with `../` when an earlier version wrote it.
        sha256: Of the file as it lies on disk.
        content_digest: Of the rows: equal for equal rows. Keyed for personal tables, where
            a plain hash of few rows could be guessed.
        bucket: Customer bucket of its rows; None in an unbucketed version.
    """

    path: str
    sha256: str
    content_digest: str
    byte_count: int
    row_count: int
    bucket: int | None


@dataclass(frozen=True, slots=True)
class InputVersion:
    """A version that was read while this one was made."""

    table_id: str
    partition: date
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything known about a version; written last and never changed.

    Attributes:
        step: What published it; its lease guards the version.
        columns: Name and Polars type of every column, in order.
        content_hash: Of the rows in their layout; equal content has equal hashes.
        data_keys: Wrapped data key of every version that wrote one of the files; empty when not personal.
    """

    workspace_id: str
    table_id: str
    partition: date
    version: str
    step: str
    run_id: str
    epoch: int
    columns: Mapping[str, str]
    row_count: int
    content_hash: str
    bucket_count: int
    files: tuple[DataFile, ...]
    inputs: tuple[InputVersion, ...]
    config_hash: str
    code_version: str
    data_keys: Mapping[str, WrappedKey]

    def origins(self) -> set[str]:
        """Versions whose files this one consists of."""
        return {layout.origin_of(file.path, version=self.version) for file in self.files}


def content_hash(files: tuple[DataFile, ...]) -> str:
    """Digest of the digests of the files, in their order."""
    lines = [f"{file.bucket} {file.content_digest}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """JSON that a person can read, with a seal over its content."""
    content = asdict(manifest) | {"format": FORMAT}
    return json.dumps(content | {"seal": _seal(content)}, indent=1, sort_keys=True, default=str).encode()


def decode(text: bytes) -> Manifest:
    """Reads `encode`'s bytes; ValueError, KeyError or TypeError when they are anything else."""
    content = json.loads(text)
    seal = content.pop("seal")
    if seal != _seal(content):
        raise ValueError("the seal does not fit the content")
    if content.pop("format") != FORMAT:
        raise ValueError("written by another release")
    manifest = Manifest(
        **content
        | {
            "partition": date.fromisoformat(content["partition"]),
            "files": tuple(DataFile(**file) for file in content["files"]),
            "inputs": tuple(
                InputVersion(**source | {"partition": date.fromisoformat(source["partition"])})
                for source in content["inputs"]
            ),
            "data_keys": {origin: WrappedKey(**key) for origin, key in content["data_keys"].items()},
        }
    )
    manifest.origins()
    return manifest


def _seal(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
