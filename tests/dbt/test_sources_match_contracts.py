"""The sources of the dbt project are the contracts: names, grains, columns and meanings."""

from pathlib import Path

import pytest
import yaml

from pipelines.contracts.tables import STAGES, TABLES

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
WRITTEN_BACK = [table for table in TABLES if table.is_written_back]
STAGES_WITH_TABLES = [stage for stage in STAGES if any(table.stage == stage for table in WRITTEN_BACK)]


def read_source(stage: str) -> dict:
    path = PROJECT / "models" / "staging" / stage / f"_{stage}__sources.yml"
    (source,) = yaml.safe_load(path.read_text("utf-8"))["sources"]
    return source


def expected_columns(table) -> dict[str, str]:
    meanings = {name: column.description for name, column in table.schema.columns().items()}
    return {
        "workspace_id": meanings.pop("workspace_id"),
        "as_of": "Night that the row was published for.",
        **meanings,
    }


@pytest.mark.parametrize("table", WRITTEN_BACK, ids=lambda table: table.identifier)
def test_a_written_back_table_is_a_source_with_the_meaning_of_its_contract(table):
    (found,) = [declared for declared in read_source(table.stage)["tables"] if declared["name"] == table.name]
    assert found["description"] == table.grain
    columns = {column["name"]: column["description"] for column in found["columns"]}
    assert list(columns.items()) == list(expected_columns(table).items())


@pytest.mark.parametrize("stage", STAGES_WITH_TABLES)
def test_the_source_key_is_the_asset_key(stage):
    """The default key of a dbt source is [source, table], that of an asset [stage, table]."""
    source = read_source(stage)
    assert (source["name"], source["schema"]) == (stage, "onward")
    assert [table["name"] for table in source["tables"]] == [
        table.name for table in WRITTEN_BACK if table.stage == stage
    ]


def test_there_are_no_other_sources():
    files = {path.name for path in (PROJECT / "models").rglob("*sources*.yml")}
    assert files == {f"_{stage}__sources.yml" for stage in STAGES_WITH_TABLES}
    elsewhere = [
        path.name
        for path in (PROJECT / "models").rglob("*.yml")
        if path.name not in files and "sources" in yaml.safe_load(path.read_text("utf-8"))
    ]
    assert elsewhere == []


@pytest.mark.parametrize("stage", STAGES_WITH_TABLES)
def test_a_late_night_shows_in_source_freshness(stage):
    source = read_source(stage)
    assert source["config"]["freshness"]["warn_after"] == {"count": 36, "period": "hour"}
    assert source["config"]["loaded_at_field"] == "cast(as_of as timestamp)"
