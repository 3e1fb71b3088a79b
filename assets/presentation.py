"""How a published table looks in the Dagster UI: counts, a preview, a picture. Never personal data."""

import base64
import io

import dagster as dg
import matplotlib.figure
import polars as pl

from assets.steps import Plot
from pipelines.contracts.columns import Table
from resources.lake.store import Lake, Version

PREVIEW_ROWS = 8


def as_markdown(rows: pl.DataFrame) -> str:
    """A small frame as a Markdown table."""
    with pl.Config(
        tbl_formatting="ASCII_MARKDOWN",
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_rows=PREVIEW_ROWS,
        tbl_cols=-1,
        tbl_width_chars=10_000,
        fmt_str_lengths=40,
    ):
        return str(rows)


def as_picture(figure: matplotlib.figure.Figure) -> str:
    """A figure as a Markdown image that needs no file."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110, bbox_inches="tight")
    return f"![plot](data:image/png;base64,{base64.b64encode(content.getvalue()).decode()})"


def describe_version(
    table: Table, version: Version, lake: Lake, *, plot: Plot | None
) -> dict[str, dg.MetadataValue]:
    """Metadata of one published version."""
    described: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(version.row_count),
        "version": dg.MetadataValue.text(version.name),
        "content_hash": dg.MetadataValue.text(version.content_hash),
        "unchanged": dg.MetadataValue.bool(version.is_unchanged),
    }
    if table.is_personal or version.row_count == 0:
        return described
    rows = lake.scan(table, version.partition)
    described["preview"] = dg.MetadataValue.md(as_markdown(rows.head(PREVIEW_ROWS).collect()))
    if plot is not None:
        described["plot"] = dg.MetadataValue.md(as_picture(plot(rows.collect())))
    return described
