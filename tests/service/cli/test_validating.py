from pipelines.contracts.source_tables import SOURCE_TABLES
from service.cli.exit_codes import ExitCode


def test_a_valid_workspace_is_said_to_be_valid(onward, workspace):
    result = onward("validate", "--workspace", workspace)
    assert result.code == ExitCode.OK
    assert "0 problems" in result.out
    assert "Warnings:\n" in result.out
    assert "no `consents`: this switches off permission by recorded consent" in result.out


def test_every_problem_is_a_line_with_place_and_remedy(onward, workspace):
    (workspace / "segments.yml").write_text(
        "segments:\n  buyers: {rule: {trait: order_cont, at_least: 1}}\n  a: {rule: {segment: b}}\n"
    )
    (workspace / "workspace.yml").write_text("version: 1\nworkspace: acme\ntime_zone: Mars\ncurrency: USD\n")
    result = onward("validate", "--workspace", workspace)
    assert result.code == ExitCode.CONFIGURATION
    lines = result.out.splitlines()
    assert lines[0].startswith(
        "segments.yml:2: segments.buyers.rule.trait: there is no column or trait order_cont — "
    )
    assert "order_count" in lines[0]
    assert lines[1].startswith("segments.yml:3: segments.a.rule.segment: unknown segment `b` — ")
    assert lines[2].startswith("workspace.yml:3: time_zone: unknown time zone — ")
    assert lines[-1] == f"{workspace} is not valid: 3 problems, {result.out.count('no `')} warnings"


def test_the_workspace_is_the_current_folder_or_the_variable(onward, workspace, monkeypatch):
    monkeypatch.setenv("ONWARD_WORKSPACE", str(workspace))
    assert onward("validate").code == ExitCode.OK
    monkeypatch.delenv("ONWARD_WORKSPACE")
    monkeypatch.chdir(workspace)
    assert onward("validate").code == ExitCode.OK


def test_variables_of_references_must_be_set(onward, workspace, monkeypatch):
    (workspace / "connections.yml").write_text("connections:\n  main: {kind: duckdb, path: 'env:ACME_DB'}\n")
    result = onward("validate", "--workspace", workspace)
    assert result.code == ExitCode.CONFIGURATION
    assert (
        "connections.yml:2: connections.main.path: the environment variable ACME_DB is not set" in result.out
    )
    monkeypatch.setenv("ACME_DB", "hunter2")
    result = onward("validate", "--workspace", workspace)
    assert result.code == ExitCode.OK
    assert "hunter2" not in result.out + result.err


def test_a_workspace_that_lacks_nothing_has_no_warnings(onward, workspace):
    tables = "".join(f"  {name}: {{connection: main, table: {name}}}\n" for name in SOURCE_TABLES)
    (workspace / "sources.yml").write_text(f"sources:\n{tables}")
    result = onward("validate", "--workspace", workspace)
    assert result.out == f"{workspace} is valid: 0 problems, 0 warnings\n"


def test_nothing_is_written(onward, workspace, home):
    onward("validate", "--workspace", workspace)
    assert not home.root.exists()
