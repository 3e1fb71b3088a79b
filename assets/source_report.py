"""What the night says about its sources: on its page, and where rows are those of an earlier night."""

import polars as pl

from assets.steps import Night
from pipelines.contracts.codes import SourceStatus
from pipelines.contracts.source_tables import SOURCE_READS
from pipelines.contracts.texts import counted
from resources.report.rendering import Section, section_of

LABELS = (
    "Source",
    "Rows",
    "Read",
    "Rows read",
    "Rows now",
    "New",
    "Changed",
    "Gone",
    "Rejected",
    "Newest (UTC)",
)
_IS_STALE = pl.col("status") == SourceStatus.STALE.value


def compose_sources(night: Night) -> Section:
    reads = night.read(SOURCE_READS).sort("source").collect()
    shown = reads.select(
        "source",
        pl.when(_IS_STALE)
        .then(pl.format("stale: of {}", "data_on"))
        .otherwise(pl.lit("fresh"))
        .alias("rows"),
        pl.col("read_mode").fill_null("not read"),
        "read_count",
        "row_count",
        "added_count",
        "changed_count",
        "removed_count",
        "rejected_count",
        pl.col("newest_at").dt.strftime("%Y-%m-%d %H:%M"),
    )
    return section_of(
        shown,
        title="Sources",
        text=_in_words(stale_sources(night)),
        labels=LABELS,
    )


def stale_sources(night: Night) -> list[str]:
    """Sources whose rows are those of an earlier night, as nothing newer could be read."""
    return night.read(SOURCE_READS).filter(_IS_STALE).collect()["source"].sort().to_list()


def describe_stale_sources(night: Night) -> list[str]:
    """One sentence a source whose rows are those of an earlier night."""
    stale = night.read(SOURCE_READS).filter(_IS_STALE).sort("source").collect()
    return [
        f"{row['source']}: could not be read, rows of {row['data_on']} "
        f"({counted((row['read_on'] - row['data_on']).days, 'day')} old) stand in"
        for row in stale.iter_rows(named=True)
    ]


def _in_words(stale: list[str]) -> str:
    if not stale:
        return "How each source was read tonight; all of them are tonight's."
    return f"How each source was read tonight. The plan rests on earlier rows of {', '.join(stale)}."
