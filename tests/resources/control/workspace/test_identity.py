import pytest

from resources.control.workspace.identity import (
    read_connections,
    read_sources,
    read_workspace_identity,
)
from resources.control.workspace.reading import WorkspaceProblemsError


def test_the_identity_needs_only_its_own_file(write_workspace):
    folder = write_workspace({"sources.yml": "broken: [\n"})
    assert read_workspace_identity(folder).workspace == "acme"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "the file is missing"),
        ("", "the file is empty"),
        ("version: 1\n", "`workspace` is missing"),
        (
            "version: 1\nworkspace: acme\ntime_zone: UTC\ncurrency: USD\nconsent_without_record: allow\n",
            "needs consent_basis",
        ),
    ],
)
def test_a_wrong_identity_is_an_error_with_its_problems(write_workspace, text, what):
    with pytest.raises(WorkspaceProblemsError, match=what) as caught:
        read_workspace_identity(write_workspace({"workspace.yml": text}))
    assert caught.value.reading.config is None


def test_connections_and_sources_are_read_on_their_own(tmp_path):
    (tmp_path / "connections.yml").write_text("connections:\n  main: {kind: duckdb, path: a.duckdb}\n")
    (tmp_path / "sources.yml").write_text("sources:\n  orders: {connection: main, table: o}\n")
    assert read_connections(tmp_path).connections["main"].path == "a.duckdb"
    assert read_sources(tmp_path).sources["orders"].table == "o"


def test_sources_that_are_not_there_are_a_problem_of_their_own_file(tmp_path):
    with pytest.raises(WorkspaceProblemsError, match=r"sources\.yml: the file is missing"):
        read_sources(tmp_path)


def test_the_warehouses_are_known_without_their_secrets(write_workspace):
    text = """
connections:
  crm: {kind: redshift, host: h, database: d, user: u, password: env:NOT_SET}
target: crm
"""
    found = read_connections(write_workspace({"connections.yml": text, "sources.yml": "broken: [\n"}))
    assert found.target == "crm"
    assert found.connections["crm"].kind == "redshift"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "the file is missing"),
        ("connections: {}\n", "connections"),
        ("connections: {main: {kind: duckdb, path: x}}\ntarget: other\n", "there is no connection other"),
    ],
)
def test_wrong_warehouses_are_an_error_with_its_problems(write_workspace, text, what):
    with pytest.raises(WorkspaceProblemsError, match=what):
        read_connections(write_workspace({"connections.yml": text}))
