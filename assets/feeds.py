"""The feeds of each source table put together: one table, whose rows say which feed they came from."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg
import polars as pl

from assets.merging import PulledFeed
from assets.steps import Frame, Night
from pipelines.contracts.codes import RemovalReason
from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings, ids_of, name_of
from pipelines.ingestion.feeds import find_shared_keys, rows_of_others
from pipelines.ingestion.reconciliation import record_removals
from resources.lake.store import Version
from resources.warehouses.base import SourceError, SourceProblem
from resources.warehouses.requests import relation_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledTable:
    """A source table as it stands tonight.

    Attributes:
        feeds: By name.
        rows: The whole table.
        added: Rows to append to `earlier`; None when the table has to be written anew.
        earlier: Version of the latest earlier night.
        dropped: One line per row of a feed that is no longer configured.
    """

    feeds: Mapping[str, PulledFeed]
    rows: pl.LazyFrame
    added: Frame | None
    earlier: Version | None
    dropped: pl.DataFrame

    @property
    def row_count(self) -> int:
        return sum(one.counts.row_count for one in self.feeds.values())

    @property
    def facts(self) -> dict[str, dg.MetadataValue]:
        """For the run's metadata; named by feed where there are several."""
        if len(self.feeds) == 1:
            return dict(next(iter(self.feeds.values())).facts)
        return {f"{name} {key}": fact for name, one in self.feeds.items() for key, fact in one.facts.items()}


def unite_feeds(night: Night, table: Table, feeds: Mapping[str, PulledFeed]) -> PulledTable:
    """All rows of a table, its feeds together.

    Raises:
        SourceError: Two feeds hold rows with one key.
    """
    settings = night.config.connector.feeds_of(table)
    rows = pl.concat([one.rows for one in feeds.values()])
    _require_own_keys(table, settings, rows)
    dropped = _dropped(night, table, settings)
    added = [one.added for one in feeds.values() if one.added is not None]
    is_appended = len(added) == len(feeds) and dropped.is_empty()
    return PulledTable(
        feeds=feeds,
        rows=rows,
        added=pl.concat(added) if is_appended else None,
        earlier=night.lake.find_latest(table, before=night.on),
        dropped=record_removals(dropped, table=table, reason=RemovalReason.FEED_REMOVED),
    )


def _dropped(night: Night, table: Table, settings: Mapping[str, SourceSettings]) -> pl.DataFrame:
    """Keys of rows that no feed of tonight has read; one without a label reads, and replaces, everything."""
    nothing = table.schema.create_empty()
    if any(source.source is None for source in settings.values()):
        return nothing
    labels = {source.label for source in settings.values()}
    keys = table.schema.primary_key()
    return rows_of_others(night.earlier(table), labels).select(keys).collect(engine="streaming")


def _require_own_keys(table: Table, settings: Mapping[str, SourceSettings], rows: pl.LazyFrame) -> None:
    key = [name for name in table.schema.primary_key() if name != "workspace_id"]
    if len(settings) == 1 or "source" in key:
        return
    shared = find_shared_keys(rows, table=table).collect(engine="streaming")
    if not shared.is_empty():
        labels, count = shared.row(0)
        raise SourceError(_shared_problem(table, settings, labels, count))


def _shared_problem(
    table: Table, settings: Mapping[str, SourceSettings], labels: list[str], count: int
) -> SourceProblem:
    names = [name_of(table.name, label) for label in labels]
    ids = [name for name in table.schema.primary_key() if name in ids_of(table)]
    last = names[-1]
    return SourceProblem(
        "shared_keys",
        last,
        relation_of(settings[last]).label,
        ids[0],
        f"{count:,} values of {', '.join(ids)} come from more than one of {', '.join(names)}, and nothing "
        "says whether they are the same.",
        f"If each counts by itself, set prefixes: {{{ids[0]}: {labels[-1]}-}} for {last} and the other "
        f"feeds of {labels[-1]}. If both hold the same rows, let a query leave them out of one.",
    )
