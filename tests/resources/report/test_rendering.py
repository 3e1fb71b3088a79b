"""The report as a document: cells as people read them, nothing that runs, nothing that breaks out."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from resources.report.rendering import (
    Cell,
    NightReport,
    Tile,
    format_cell,
    render_report,
    section_of,
    write_report,
)

REPORT = NightReport(
    workspace="acme",
    night="2024-03-04",
    as_of="2024-03-05 05:00",
    config_hash="abc",
    versions="guardrails 3",
    tiles=(Tile("cost", "24.17 USD"),),
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (True, "yes"),
        (False, "no"),
        (1234567, "1,234,567"),
        (Decimal("1234.5"), "1,234.50"),
        (Decimal("0.10"), "0.10"),
        (2500.0, "2,500"),
        (-0.0, "0"),
        (0.5, "0.50"),
        (0.1, "0.10"),
        (0.0123, "0.012"),
        (-0.0123, "-0.012"),
        (0.00001234, "0.000012"),
        ("plain", "plain"),
    ],
)
def test_cells_are_written_as_people_read_them(value: Cell, shown: str) -> None:
    assert format_cell(value) == shown


def test_a_section_keeps_order_and_measures_bars_against_the_longest() -> None:
    frame = pl.DataFrame({"name": ["b", "a"], "people": [4, 1]})
    section = section_of(frame, title="T", text="x", labels=("Name", "People"), bar="people")
    assert [(column.label, column.is_number) for column in section.columns] == [
        ("Name", False),
        ("People", True),
    ]
    assert section.rows == (("b", "4"), ("a", "1"))
    assert section.bars == (100.0, 25.0)


@pytest.mark.parametrize("people", [[], [0, 0]])
def test_a_section_without_anything_to_compare_has_no_bars(people: list[int]) -> None:
    frame = pl.DataFrame({"people": people}, schema={"people": pl.Int64})
    assert section_of(frame, title="T", text="x", labels=("People",), bar="people").bars == ()


def test_labels_must_fit_the_columns() -> None:
    with pytest.raises(ValueError, match="zip"):
        section_of(pl.DataFrame({"a": [1]}), title="T", text="x", labels=("A", "B"))


def test_names_cannot_break_out_of_the_document() -> None:
    frame = pl.DataFrame({"name": ["<script>alert(1)</script>"], "verdict": ["holds"]})
    section = section_of(frame, title="T", text="x", labels=("Name", "Verdict"))
    page = render_report(replace(REPORT, sections=(section,)))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert '<td class=" good">holds</td>' in page


def test_a_page_needs_nothing_else_and_says_what_is_empty() -> None:
    empty = section_of(pl.DataFrame({"a": []}), title="T", text="x", labels=("A",), when_empty="None at all.")
    page = render_report(replace(REPORT, sections=(empty,)))
    assert "None at all." in page
    assert "<b>24.17 USD</b><span>cost</span>" in page
    assert not any(word in page for word in ("http://", "https://", "src=", "@import", "<table>"))


def test_a_page_is_written_whole(tmp_path: Path) -> None:
    path = write_report(REPORT, tmp_path / "reports" / "night.html")
    assert path.read_text(encoding="utf-8") == render_report(REPORT)
    assert [file.name for file in path.parent.iterdir()] == ["night.html"]
