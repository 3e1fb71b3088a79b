"""What the night says about its sources: on its page, and where rows are those of an earlier night."""

from collections.abc import Iterator

import polars as pl

from assets.steps import Night
from pipelines.contracts.codes import SourceStatus
from pipelines.contracts.settings.connector import UNLABELLED, name_of
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
#: As `settings.connector.name_of` says it.
_NAME = (
    pl.when(pl.col("feed") == UNLABELLED)
    .then(pl.col("source"))
    .otherwise(pl.format("{}/{}", "source", "feed"))
    .alias("source")
)
_IS_STALE = pl.col("status") == SourceStatus.STALE.value


def compose_sources(night: Night) -> Section:
    reads = night.read(SOURCE_READS).sort("source", "feed").collect()
    shown = reads.select(
        _NAME,
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
        text=" ".join([_in_words(stale_sources(night)), *_oddities(reads)]),
        labels=LABELS,
    )


def stale_sources(night: Night) -> list[str]:
    """Feeds whose rows are those of an earlier night, as nothing newer could be read."""
    return night.read(SOURCE_READS).filter(_IS_STALE).select(_NAME).collect()["source"].sort().to_list()


def describe_stale_sources(night: Night) -> list[str]:
    """One sentence a feed whose rows are those of an earlier night."""
    stale = night.read(SOURCE_READS).filter(_IS_STALE).with_columns(_NAME).sort("source").collect()
    return [
        f"{row['source']}: could not be read, rows of {row['data_on']} "
        f"({counted((row['read_on'] - row['data_on']).days, 'day')} old) stand in"
        for row in stale.iter_rows(named=True)
    ]


def _in_words(stale: list[str]) -> str:
    if not stale:
        return "How each source was read tonight; all of them are tonight's."
    return f"How each source was read tonight. The plan rests on earlier rows of {', '.join(stale)}."


def _oddities(reads: pl.DataFrame) -> Iterator[str]:
    """Values that were read and do not mean what they say."""
    for row in reads.iter_rows(named=True):
        name = name_of(row["source"], row["feed"])
        kept, cleared = row["kept_sentinel_count"], row["cleared_sentinel_count"]
        if kept or cleared:
            yield f"{name}: {counted(kept, 'date')} of the years 1 and 9999 kept, {cleared:,} cleared."
        if row["deep_document_count"]:
            documents = counted(row["deep_document_count"], "document")
            yield f"{name}: {documents} from which no value can be taken."
