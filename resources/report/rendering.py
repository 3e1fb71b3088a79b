"""The report of a night: one HTML file that needs nothing else, readable without scripts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined

Cell = str | int | float | Decimal | bool | None


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that is read first."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    is_number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table with its meaning.

    Attributes:
        bars: Width in percent for each row; empty for a table without bars.
    """

    title: str
    text: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    bars: tuple[float, ...] = ()
    when_empty: str = "Nothing tonight."


@dataclass(frozen=True, slots=True, kw_only=True)
class NightReport:
    workspace: str
    night: str
    as_of: str
    config_hash: str
    versions: str
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...] = field(default_factory=tuple)


def format_cell(value: Cell) -> str:
    """A value as people read it: thousands apart, no false precision, nothing for null."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    if isinstance(value, float):
        return _format_number(value)
    return str(value)


def _format_number(value: float) -> str:
    """Whole numbers whole, others with two decimals; small ones with two digits that tell."""
    if value.is_integer():
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 0.1 else f"{Decimal(f'{value:.2g}'):f}"  # noqa: PLR2004


def section_of(
    frame: pl.DataFrame,
    *,
    title: str,
    text: str,
    labels: Sequence[str],
    bar: str | None = None,
    when_empty: str = "Nothing tonight.",
) -> Section:
    """A frame as a section: columns in order, under the given labels, with a bar for one of them."""
    most = float(frame[bar].max() or 0) if bar and not frame.is_empty() else 0.0  # type: ignore[arg-type]
    widths = tuple(round(100 * float(value or 0) / most, 1) for value in frame[bar]) if bar and most else ()
    return Section(
        title=title,
        text=text,
        columns=tuple(
            Column(label, is_number=dtype.is_numeric())
            for label, dtype in zip(labels, frame.dtypes, strict=True)
        ),
        rows=tuple(tuple(format_cell(cell) for cell in row) for row in frame.iter_rows()),
        bars=widths,
        when_empty=when_empty,
    )


def render_report(report: NightReport) -> str:
    """The report as one HTML document."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return templates.get_template("night.html.j2").render(report=report)


def write_report(report: NightReport, path: Path) -> Path:
    """Writes the document so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(render_report(report), encoding="utf-8")
    partial.replace(path)
    return path
