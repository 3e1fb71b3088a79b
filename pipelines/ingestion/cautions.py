"""What a person should hear about a source that was read all the same, in words with numbers."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.contracts.codes import SourceStatus
from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.contracts.texts import counted

#: So many rows with one cursor value are no coincidence: a backfill stamped them.
_LARGE_TIE = 10_000
_MOST_OF_A_READ = 0.5


def find_cautions(read: Mapping[str, Any], source: SourceSettings) -> Iterator[str]:
    """Warnings about one line of `source_reads`."""
    name = source.name_in(SOURCE_TABLES[read["source"]])
    if read["status"] == SourceStatus.STALE:
        age = counted((read["read_on"] - read["data_on"]).days, "day")
        yield f"{name}: its rows are those of {read['data_on']}, {age} old; the plan says so"
    if read["future_count"]:
        yield (
            f"{name}: {counted(read['future_count'], 'row')} more than a day in the future; they are set "
            "aside in rejected_rows until their time comes. Correct the clock that wrote them"
        )
    tie = read["largest_tie_count"]
    if tie > _LARGE_TIE and tie > _MOST_OF_A_READ * read["read_count"]:
        yield (
            f"{name}: {tie:,} of {read['read_count']:,} rows read have the same {source.cursor}, as a "
            "backfill leaves them; every night reads them again while they are the newest. "
            "Use a cursor that tells rows apart"
        )
    if read["null_cursor_count"]:
        fate = "left out" if source.null_cursor == "exclude" else "read every night"
        yield f"{name}: {counted(read['null_cursor_count'], 'row')} without {source.cursor}, {fate}"
    if read["missed_count"]:
        yield (
            f"{name}: {counted(read['missed_count'], 'row')} came later than lookback and were found by the "
            "comparison of keys; widen lookback"
        )
    if read["deep_document_count"]:
        yield (
            f"{name}: {counted(read['deep_document_count'], 'document')} kept as text from which no value "
            "can be taken: deeper than 127 levels, or not valid UTF-16. Rules and traits see them as empty"
        )
