"""`sources.yml`: which tables are read, how they map to the contract, and when a night may go on.

A table of the contract is one mapping, or a list of them: its feeds, each with a
connection, a cursor, a budget and all else of its own. A feed is told by its label,
which is the `source` of its rows; `customers/crm` names it in messages.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connections import Budget, Connection
from pipelines.contracts.settings.fields import Duration, Settings, Share, TimeZoneName
from pipelines.contracts.source_tables import SOURCE_TABLES

#: Label of rows whose mapping has none, and does not map `source` either.
UNLABELLED = "main"
_BETWEEN = "/"
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,30}$")]
#: What becomes of dates that stand for none.
Sentinel = Literal["keep", "clear"]


def _is_mapping(written: object) -> str:
    return "<columns>" if isinstance(written, dict) else "<all>"


Sentinels = Annotated[
    Annotated[Sentinel, Tag("<all>")] | Annotated[dict[str, Sentinel], Tag("<columns>")],
    Discriminator(_is_mapping),
]


class SourceSettings(Settings):
    """One feed of a table of a workspace; of most tables the only one.

    Attributes:
        source: Label of the feed: the `source` of all its rows. Without one the source may map the column.
        table: Table or view, `schema.table` allowed; or `query` is given.
        columns: Contract column → source column. Columns with equal names need no entry.
        prefixes: Contract column → text before its ids, where two systems count alike: `shop-` makes
            `shop-1001` of 1001. All feeds of one label must agree.
        sentinels: Whether dates of the years 1 and 9999 that stand for none are kept or become null; for
            all dates of the source, or by contract column.
        cursor: Contract column that only grows; reading starts `lookback` before its last value.
        null_cursor: What becomes of rows without cursor: read every night, left out, or a stop.
        time_zone: Zone of timestamps that carry none.
        maximum_rejected_rate: Share of rejected rows above which the night stops.
        freshness: Age of the newest cursor value above which the night stops.
        partition: Column of the source, by its own name, by which the warehouse partitions or clusters the
            table, if the cursor is another one: reads by cursor skip partitions older than the lookback.
        reconcile: How often the keys of the source are compared with those that were read by cursor, which
            finds deleted and missed rows.
        is_verified: Whether row counts and sums of each day are compared with those of the source.
        budget: What reading this source may cost a night.
        on_failure: When the source cannot be read: no plan, or the last good version of the table.
        maximum_age: How old that version may be.
    """

    connection: str
    source: Label | None = None
    table: str | None = None
    query: str | None = None
    columns: dict[str, str] = {}
    prefixes: dict[str, Prefix] = {}
    sentinels: Sentinels = "keep"
    cursor: str | None = None
    lookback: Duration | None = None
    null_cursor: Literal["include", "exclude", "fail"] = "include"
    time_zone: TimeZoneName = "UTC"
    maximum_rejected_rate: Share = 0.01
    freshness: Duration | None = None
    partition: str | None = None
    reconcile: Duration | None = None
    is_verified: bool = True
    budget: Budget = Budget()
    on_failure: Literal["stop", "last_good"] = "stop"
    maximum_age: Duration = Field(default="2d", validate_default=True)

    @model_validator(mode="after")
    def _table_or_query(self) -> "SourceSettings":
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table or query")
        if self.lookback is not None and self.cursor is None:
            raise ValueError("lookback needs a cursor")
        if self.cursor is None and (self.partition is not None or self.reconcile is not None):
            raise ValueError("partition and reconcile need a cursor: without one the whole table is read")
        if self.source is not None and "source" in self.columns:
            raise ValueError("source is the label of all rows: leave it out of columns, or out of the feed")
        return self

    @property
    def label(self) -> str:
        """How the feed is told from others of its table."""
        return UNLABELLED if self.source is None else self.source

    def name_in(self, table: Table) -> str:
        """Name of the feed for people."""
        return name_of(table.name, self.label)

    def clears(self, column: str) -> bool:
        """Whether dates of a contract column that stand for none become null."""
        chosen = self.sentinels
        return (chosen if isinstance(chosen, str) else chosen.get(column, "keep")) == "clear"


def name_of(table: str, label: str) -> str:
    """`orders`, or `orders/shop` where the feed has a label of its own."""
    return table if label == UNLABELLED else f"{table}{_BETWEEN}{label}"


def _is_list(written: object) -> str:
    return "<feeds>" if isinstance(written, list | tuple) else "<mapping>"


Feeds = Annotated[
    Annotated[SourceSettings, Tag("<mapping>")]
    | Annotated[tuple[SourceSettings, ...], Tag("<feeds>"), Field(min_length=1)],
    Discriminator(_is_list),
]


def feeds_of(written: SourceSettings | tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
    """The feeds of a table, however many it has."""
    return (written,) if isinstance(written, SourceSettings) else written


def table_of(feed: str) -> Table:
    """The table that a feed belongs to, by the feed's name."""
    return SOURCE_TABLES[feed.partition(_BETWEEN)[0]]


class SourcesFile(Settings):
    sources: dict[str, Feeds]

    @model_validator(mode="after")
    def _names_are_known(self) -> "SourcesFile":
        for name, written in self.sources.items():
            table = SOURCE_TABLES.get(name)
            if table is None:
                raise ValueError(f"unknown source {name}; known are {', '.join(SOURCE_TABLES)}")
            for feed in feeds_of(written):
                _require_known_columns(table, feed)
            if not isinstance(written, SourceSettings):
                _require_labels(name, written)
        for problem in disagreements(self.sources):
            raise ValueError(problem)
        return self


def _require_known_columns(table: Table, feed: SourceSettings) -> None:
    columns = table.schema.columns()
    known = set(columns) - {"workspace_id"}
    by_column = feed.sentinels if isinstance(feed.sentinels, dict) else {}
    for column in (*feed.columns, *feed.prefixes, *by_column, *((feed.cursor,) if feed.cursor else ())):
        if column not in known:
            raise ValueError(f"{table.name} has no column {column}; known are {', '.join(sorted(known))}")
    for column in feed.prefixes:
        if column not in ids_of(table):
            raise ValueError(f"prefixes are for ids; those of {table.name} are {', '.join(ids_of(table))}")
    for column in by_column:
        if not columns[column].dtype.is_temporal():
            raise ValueError(f"sentinels are dates, and {column} of {table.name} is none")


def ids_of(table: Table) -> list[str]:
    """Columns that name something of the source: keys, and references to those of other tables."""
    return [
        name
        for name, column in table.schema.columns().items()
        if name.endswith(("_id", "_ref"))
        and name != "workspace_id"
        and not (column.metadata or {}).get("personal")
    ]


def _require_labels(name: str, feeds: tuple[SourceSettings, ...]) -> None:
    labels = [feed.source for feed in feeds]
    if None in labels:
        raise ValueError(f"every feed of {name} needs a label: source: crm")
    if len(set(labels)) < len(labels):
        raise ValueError(f"two feeds of {name} have the same label; source tells them apart")


def disagreements(sources: Mapping[str, SourceSettings | tuple[SourceSettings, ...]]) -> Iterator[str]:
    """Ids that one system would write in two ways: then orders and their lines would not meet."""
    written: dict[tuple[str, str], tuple[str, str | None]] = {}
    for name, feed in feeds_by_name(sources).items():
        if feed.source is None:
            continue
        for column in ids_of(table_of(name)):
            first, prefix = written.setdefault((feed.source, column), (name, feed.prefixes.get(column)))
            if prefix != feed.prefixes.get(column):
                yield f"{column} has another prefix in {name} than in {first}; ids of one source are alike"


def feeds_by_name(
    sources: Mapping[str, SourceSettings | tuple[SourceSettings, ...]],
) -> dict[str, SourceSettings]:
    """Every feed by its name, in the order of the file."""
    return {
        feed.name_in(SOURCE_TABLES[name]): feed
        for name, written in sources.items()
        for feed in feeds_of(written)
    }


class ConnectorSettings(Settings):
    """Settings of the Data Warehouse Connector: both files together."""

    connections: dict[str, Connection]
    target: str | None = None
    sources: dict[str, Feeds]

    @property
    def feeds(self) -> dict[str, SourceSettings]:
        """Every feed by its name: `orders`, or `customers/crm` where it has a label."""
        return feeds_by_name(self.sources)

    def feeds_of(self, table: Table) -> dict[str, SourceSettings]:
        """The feeds of one table, by name; none when it is not configured."""
        return {name: feed for name, feed in self.feeds.items() if table_of(name) is table}
