from datetime import date
from pathlib import Path

import pytest

from resources.lake import layout
from resources.lake.layout import Layout


@pytest.mark.parametrize("workspace_id", ["", "..", "a/b", "/abs", ".hidden", "a\0b", "a b", "x" * 101])
def test_workspace_id_cannot_leave_the_root(workspace_id: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        Layout(Path("lake"), workspace_id)


@pytest.mark.parametrize("step", ["", "a.b", "a/b", ".."])
def test_step_names_are_safe_in_file_names(step: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        layout.lease_name("shop", step, date(2025, 1, 2))


def test_lease_is_of_a_step_and_night_of_a_workspace() -> None:
    assert layout.lease_name("shop", "planning", date(2025, 1, 2)) == "lake/shop/planning/2025-01-02"


@pytest.mark.parametrize(
    ("name", "on"),
    [
        ("2025-01-02-e12-0a1b2c3d", date(2025, 1, 2)),
        ("2025-13-02-e12-0a1b2c3d", None),
        ("2025-01-02", None),
        ("copy of 2025-01-02-e1-run", None),
    ],
)
def test_partition_is_read_from_the_name(name: str, on: date | None) -> None:
    assert layout.partition_of(name) == on


def test_writer_of_a_draft_is_read_from_its_name() -> None:
    draft = Layout(Path("lake"), "shop").draft_folder(
        "customer_value", "enrichment/value", "2025-01-02-e1-run"
    )
    assert layout.writer_of_draft(draft.name) == ("customer_value", date(2025, 1, 2))
    assert layout.writer_of_draft("discarded.0123") is None
    assert layout.writer_of_draft("content-key.json.0123") is None


def test_later_versions_refer_to_the_first_place_of_a_file() -> None:
    once = layout.seen_from_later("part-0000.parquet", version="2025-01-01-e1-run")
    assert once == "../2025-01-01-e1-run/part-0000.parquet"
    assert layout.seen_from_later(once, version="2025-01-02-e1-run") == once
    assert layout.origin_of(once, version="2025-01-02-e1-run") == "2025-01-01-e1-run"
    assert layout.origin_of("bucket-0001.parquet", version="2025-01-02-e1-run") == "2025-01-02-e1-run"


def test_epoch_in_the_name_of_a_version() -> None:
    assert layout.epoch_of(layout.version_name(date(2025, 1, 2), epoch=12, run_id="abc")) == 12
    with pytest.raises(ValueError, match="not a version of the lake"):
        layout.epoch_of("2025-01-02")
