"""`sources.yml`: which tables are read, how they map to the contract, and when a night may go on."""

from typing import Literal

from pydantic import Field, model_validator

from pipelines.contracts.settings.connections import Budget, Connection
from pipelines.contracts.settings.fields import Duration, Settings, Share, TimeZoneName
from pipelines.contracts.source_tables import SOURCE_TABLES


class SourceSettings(Settings):
    """One table of a workspace.

    Attributes:
        table: Table or view, `schema.table` allowed; or `query` is given.
        columns: Contract column → source column. Columns with equal names need no entry.
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
    table: str | None = None
    query: str | None = None
    columns: dict[str, str] = {}
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
        return self


class SourcesFile(Settings):
    sources: dict[str, SourceSettings]

    @model_validator(mode="after")
    def _names_are_known(self) -> "SourcesFile":
        for name, source in self.sources.items():
            table = SOURCE_TABLES.get(name)
            if table is None:
                raise ValueError(f"unknown source {name}; known are {', '.join(SOURCE_TABLES)}")
            known = set(table.schema.columns()) - {"workspace_id"}
            for column in (*source.columns, *((source.cursor,) if source.cursor else ())):
                if column not in known:
                    raise ValueError(f"{name} has no column {column}; known are {', '.join(sorted(known))}")
        return self


class ConnectorSettings(Settings):
    """Settings of the Data Warehouse Connector: both files together."""

    connections: dict[str, Connection]
    target: str | None = None
    sources: dict[str, SourceSettings]
