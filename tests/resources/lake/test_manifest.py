import json
from dataclasses import replace
from datetime import date

import pytest

from resources.keys import WrappedKey
from resources.lake import manifest
from resources.lake.manifest import DataFile, InputVersion, Manifest

MANIFEST = Manifest(
    workspace_id="shop",
    table_id="scoring/scores",
    partition=date(2025, 1, 2),
    version="2025-01-02-e2-run",
    step="scoring",
    run_id="run",
    epoch=2,
    columns={"workspace_id": "String", "customer_id": "Int64"},
    row_count=3,
    content_hash="c",
    bucket_count=1,
    files=(
        DataFile("../2025-01-01-e1-run/part-0000.parquet", "s1", "d1", 10, 1, None),
        DataFile("part-0000.parquet", "s2", "d2", 20, 2, None),
    ),
    inputs=(InputVersion("scoring/totals", date(2025, 1, 1), "2025-01-01-e1-run"),),
    config_hash="config",
    code_version="0.1.0",
    data_keys={"2025-01-02-e2-run": WrappedKey("k", "c")},
)


def test_decode_gives_back_what_was_encoded() -> None:
    assert manifest.decode(manifest.encode(MANIFEST)) == MANIFEST


def test_origins_are_the_versions_that_wrote_the_files() -> None:
    assert MANIFEST.origins() == {"2025-01-01-e1-run", "2025-01-02-e2-run"}


@pytest.mark.parametrize(
    ("name", "value"), [("row_count", 4), ("content_hash", "x"), ("files", []), ("format", 2), ("extra", 1)]
)
def test_changed_content_does_not_fit_the_seal(name: str, value: object) -> None:
    content = json.loads(manifest.encode(MANIFEST)) | {name: value}
    with pytest.raises(ValueError, match="seal"):
        manifest.decode(json.dumps(content).encode())


def test_another_format_is_refused_even_when_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "FORMAT", 2)
    later = manifest.encode(MANIFEST)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="another release"):
        manifest.decode(later)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_anything_else_is_no_manifest(text: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        manifest.decode(text)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../x/part-0000.parquet", "../x/../part-0000.parquet", "x.parquet"]
)
def test_paths_that_leave_the_table_are_refused(path: str) -> None:
    forged = replace(MANIFEST, files=(replace(MANIFEST.files[0], path=path),))
    with pytest.raises(ValueError, match="not a path that the lake writes"):
        manifest.decode(manifest.encode(forged))


def test_content_hash_depends_on_content_and_order_not_on_place() -> None:
    files = MANIFEST.files
    moved = tuple(replace(file, path="part-0009.parquet", sha256="other", byte_count=1) for file in files)
    assert manifest.content_hash(files) == manifest.content_hash(moved)
    assert manifest.content_hash(files) != manifest.content_hash(files[::-1])
    in_bucket = (replace(files[0], bucket=1), files[1])
    assert manifest.content_hash(files) != manifest.content_hash(in_bucket)
