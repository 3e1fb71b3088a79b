import os
from pathlib import Path

import pytest

from pipelines.contracts.settings.connections import DuckDBConnection
from resources import dbt
from resources.dbt import (
    PROJECT_FOLDER,
    DbtParseError,
    build_arguments,
    build_dbt_project,
    dbt_variables,
    ensure_manifest,
    place_variables,
)
from resources.dbt_targets import DbtAdapterError

OLD, NEW = 1_000_000_000, 2_000_000_000


def test_the_project_builds_under_the_state_folder(tmp_path):
    project = build_dbt_project(tmp_path, kind="duckdb")
    assert project.project_dir == PROJECT_FOLDER
    assert project.manifest_path == tmp_path / "dbt" / "duckdb" / "manifest.json"
    assert (project.name, project.target) == ("onward", "duckdb")


def test_each_kind_of_warehouse_has_its_own_target_and_artifacts(tmp_path):
    project = build_dbt_project(tmp_path, kind="snowflake")
    assert project.target == "snowflake"
    assert project.manifest_path == tmp_path / "dbt" / "snowflake" / "manifest.json"


def test_a_kind_without_its_adapter_says_what_to_install(tmp_path):
    with pytest.raises(DbtAdapterError, match=r"pip install 'onward\[teradata\]'"):
        build_dbt_project(tmp_path, kind="teradata")


def test_a_night_leaves_unit_tests_out():
    assert build_arguments(with_unit_tests=False) == ["build", "--exclude-resource-type", "unit_test"]
    assert build_arguments(with_unit_tests=True) == ["build"]


def test_dbt_is_told_where_to_build_and_to_send_nothing(tmp_path):
    variables = dbt_variables(tmp_path, target=DuckDBConnection(kind="duckdb", path="/there/w.duckdb"))
    places = place_variables(tmp_path, kind="duckdb")
    assert variables == {"ONWARD_WAREHOUSE_PATH": "/there/w.duckdb"} | places
    assert places["DBT_TARGET_PATH"] == places["DBT_LOG_PATH"] == str(tmp_path / "dbt" / "duckdb")
    assert places["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"


@pytest.fixture
def project(tmp_path):
    """A copy of a project with one model, as old as files can be."""
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: small\nprofile: small\n")
    (folder / "profiles.yml").write_text("small: {target: duckdb, outputs: {duckdb: {type: duckdb}}}\n")
    (folder / "models" / "one.sql").write_text("select 1 as number")
    age(folder, OLD)
    return build_dbt_project(tmp_path / "home", kind="duckdb", project_folder=folder)


def age(folder: Path, at: int) -> None:
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (at, at))


@pytest.fixture
def parsed(monkeypatch):
    """Parses that happened; each makes the files that dbt would make."""
    folders = []

    def parse(_project, folder, _environment):
        folders.append(folder)
        for name in ("manifest.json", "partial_parse.msgpack"):
            (folder / name).write_text(str(len(folders)))

    monkeypatch.setattr(dbt, "_parse", parse)
    return folders


def test_a_missing_manifest_is_made_and_a_current_one_kept(project, parsed):
    manifest = ensure_manifest(project, environment={})
    assert ensure_manifest(project, environment={}) == manifest
    assert manifest.read_text() == "1"
    assert sorted(path.name for path in manifest.parent.iterdir()) == [
        "manifest.json",
        "partial_parse.msgpack",
    ]


@pytest.mark.parametrize("name", ["models/one.sql", "dbt_project.yml"])
def test_a_changed_file_makes_the_manifest_anew(project, parsed, name):
    ensure_manifest(project, environment={})
    os.utime(project.project_dir / name, (NEW, NEW))
    ensure_manifest(project, environment={})
    assert len(parsed) == 2


def test_a_removed_file_makes_the_manifest_anew(project, parsed):
    manifest = ensure_manifest(project, environment={})
    os.utime(manifest, (OLD + 1, OLD + 1))
    (project.project_dir / "models" / "one.sql").unlink()
    assert ensure_manifest(project, environment={}).read_text() == "2"


@pytest.mark.parametrize("name", ["target", "logs", ".user.yml"])
def test_what_dbt_makes_itself_changes_nothing(project, parsed, name):
    ensure_manifest(project, environment={})
    (project.project_dir / name).mkdir()
    ensure_manifest(project, environment={})
    assert len(parsed) == 1


def test_a_project_that_dbt_cannot_read_is_an_error_with_its_words(project):
    (project.project_dir / "models" / "one.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(DbtParseError, match="nowhere"):
        ensure_manifest(project, environment=dict(os.environ))
    assert not Path(project.manifest_path).exists()
    assert list(Path(project.manifest_path).parent.iterdir()) == []
