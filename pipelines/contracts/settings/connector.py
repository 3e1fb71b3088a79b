"""`connections.yml` and `sources.yml`: which warehouse, which tables, and how they map to the contract."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.contracts.settings.fields import Duration, Settings, Share, TimeZoneName
from pipelines.contracts.tables import SOURCE_TABLES


class DuckDBConnection(Settings):
    """An embedded warehouse: one file, relative to the workspace folder."""

    kind: Literal["duckdb"]
    path: str


#: Grows into a union, discriminated by `kind`, with each warehouse that ships.
Connection = DuckDBConnection


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

    @model_validator(mode="after")
    def _table_or_query(self) -> "SourceSettings":
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table or query")
        if self.lookback is not None and self.cursor is None:
            raise ValueError("lookback needs a cursor")
        return self


class ConnectionsFile(Settings):
    connections: Annotated[dict[str, Connection], Field(min_length=1)]
    target: str | None = None


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
