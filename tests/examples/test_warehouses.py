"""The sample in a warehouse of one's own: valid templates, and the same rows as the sample reads."""

import importlib.util
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from ruamel.yaml import YAML

from pipelines.contracts.settings.connections import ConnectionsFile
from pipelines.contracts.settings.connector import ConnectorSettings, SourcesFile
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.ingestion.mapping import map_rows
from resources.warehouses.open import Connections
from resources.warehouses.requests import build_request, relation_of

EXAMPLES = Path(__file__).parents[2] / "examples"
SAMPLE, SERVERS = EXAMPLES / "complete_journey", EXAMPLES / "warehouses"
TARGET = "connections:\n  crm: {kind: duckdb, path: server.duckdb}\ntarget: crm\n"


def load_yaml(path):
    return YAML(typ="safe", pure=True).load(path.read_text("utf-8"))


def sources_of(folder):
    return SourcesFile.model_validate(load_yaml(folder / "sources.yml")).sources


@pytest.mark.parametrize("kind", ["snowflake", "bigquery", "redshift"])
def test_a_template_is_a_valid_connection_and_target(kind):
    written = ConnectionsFile.model_validate(load_yaml(SERVERS / f"{kind}.yml"))
    assert written.target == "crm"
    assert written.connections["crm"].kind == kind


def test_tables_are_mapped_as_the_queries_of_the_sample_are():
    copied = sources_of(SERVERS)
    for name, source in sources_of(SAMPLE).items():
        kept = {"columns", "cursor", "lookback", "freshness"}
        assert copied[name].model_dump(include=kept) == source.model_dump(include=kept)
        assert (copied[name].connection, copied[name].table) == ("crm", f"shop.{name}")


@pytest.fixture(scope="module")
def loader():
    spec = importlib.util.spec_from_file_location("warehouse_loader", SERVERS / "load.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def workspace(loader, tmp_path_factory):
    """A workspace whose target was loaded; an embedded file stands in for a server."""
    folder = tmp_path_factory.mktemp("workspace")
    shutil.copy(SERVERS / "sources.yml", folder)
    (folder / "connections.yml").write_text(TARGET)
    assert loader.main([str(folder)]) == 0
    return folder


def read(folder, name):
    written = ConnectionsFile.model_validate(load_yaml(folder / "connections.yml"))
    sources = sources_of(folder)
    connector = ConnectorSettings(connections=written.connections, sources=sources)
    table, source = SOURCE_TABLES[name], sources[name]
    connections = Connections(connector=connector, workspace_folder=folder, embedded_path=folder / "none")
    with connections.open(source.connection) as warehouse:
        request = build_request(table, source, warehouse.describe(name, relation_of(source)))
        with warehouse.read(request) as stream:
            raw = pl.DataFrame(stream.read_all())
    settings = WorkspaceSettings.model_validate(load_yaml(SAMPLE / "workspace.yml"))
    mapped = map_rows(raw, table=table, source=source, workspace=settings)
    assert mapped.rejected_count == 0
    return mapped.accepted.sort(pl.all())


@pytest.mark.parametrize("name", sources_of(SAMPLE))
def test_a_source_reads_the_same_rows_from_the_copy(workspace, name):
    found = read(workspace, name)
    assert found.height > 0
    assert_frame_equal(found, read(SAMPLE, name))


def test_loading_again_writes_nothing(loader, workspace, capsys):
    assert loader.main([str(workspace)]) == 0
    said = capsys.readouterr().out
    assert said.count(", there\n") == len(sources_of(SERVERS))


def test_a_folder_without_connections_is_refused_in_words(loader, tmp_path, capsys):
    assert loader.main([str(tmp_path)]) == 1
    assert "the file is missing" in capsys.readouterr().err
