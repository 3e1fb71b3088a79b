"""Copies the sample into schema `shop` of a workspace's target, as `sources.yml` beside this file reads it.

`python examples/warehouses/load.py my_workspace`. What each source of the sample reads
becomes one table; loading it again changes nothing.
"""

import argparse
import importlib.util
import sys
import time
from pathlib import Path

import duckdb
import polars as pl
from ruamel.yaml import YAML

from pipelines.contracts.settings.connector import ConnectorSettings, SourceSettings, SourcesFile
from resources.control.workspace.identity import read_connections
from resources.control.workspace.reading import WorkspaceProblemsError
from resources.settings import read_environment
from resources.warehouses.base import Load, SourceError, WriteMode
from resources.warehouses.open import Connections

SAMPLE = Path(__file__).resolve().parent.parent / "complete_journey"
SCHEMA = "shop"
_WHOLE = pl.selectors.integer()


def connections_of(workspace: Path) -> Connections:
    written = read_connections(workspace)
    return Connections(
        connector=ConnectorSettings(connections=written.connections, target=written.target, sources={}),
        workspace_folder=workspace,
        embedded_path=workspace / "warehouse.duckdb",
        variables=read_environment().variables,
    )


def sample_warehouse() -> Path:
    """The sample's DuckDB file, built if it is not there."""
    path = SAMPLE / "load.py"
    spec = importlib.util.spec_from_file_location("sample_loader", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    loader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loader)
    loader.main()
    return Path(loader.WAREHOUSE)


def sample_sources() -> dict[str, SourceSettings]:
    written = YAML(typ="safe", pure=True).load((SAMPLE / "sources.yml").read_text(encoding="utf-8"))
    return SourcesFile.model_validate(written).sources


def read_source(connection: duckdb.DuckDBPyConnection, source: SourceSettings) -> pl.DataFrame:
    """What a source reads, in the types that every warehouse has; wall times become instants."""
    rows = connection.sql(source.query or f"FROM {source.table}").pl()
    naive = [name for name, kind in rows.schema.items() if kind == pl.Datetime(time_zone=None)]
    return rows.with_columns(
        _WHOLE.cast(pl.Int64),
        pl.col(naive)
        .dt.replace_time_zone(source.time_zone)
        .dt.convert_time_zone("UTC")
        .dt.cast_time_unit("us"),
    )


def build_load(name: str, rows: pl.DataFrame) -> Load:
    return Load(
        table=name,
        schema_name=SCHEMA,
        columns=dict(rows.schema),
        rows=rows.lazy(),
        mode=WriteMode.REPLACE,
        load_id="complete_journey 1",
    )


def load(workspace: Path) -> None:
    connections = connections_of(workspace)
    with duckdb.connect(str(sample_warehouse()), read_only=True) as sample:
        sample.execute("SET TimeZone = 'UTC'")
        with connections.open_target() as target:
            print(f"Copying to {connections.target_name} ({target.check()})", flush=True)
            for name, source in sample_sources().items():
                started = time.monotonic()
                (receipt,) = target.write([build_load(name, read_source(sample, source))])
                state = "there" if receipt.is_repeated else f"{time.monotonic() - started:.0f} s"
                print(f"  {SCHEMA}.{name}: {receipt.row_count:,} rows, {state}", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Copy the sample into the target of a workspace.")
    parser.add_argument("workspace", type=Path, help="folder whose connections.yml names the target")
    workspace = parser.parse_args(arguments).workspace.absolute()
    try:
        load(workspace)
    except (SourceError, WorkspaceProblemsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
