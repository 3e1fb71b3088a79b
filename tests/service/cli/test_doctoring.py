import shutil
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import duckdb
import pytest
import sqlalchemy as sa

from pipelines.contracts.tables import CUSTOMER_LINKS, PROFILES
from resources.control.activities import ActivityLog
from resources.dagster_home import prepare_dagster_home
from service.cli import doctor_checks
from service.cli.exit_codes import ExitCode

NIGHT = date(2017, 12, 3)
LINK = {
    "source": "main",
    "customer_ref": "1",
    "customer_id": 1,
    "method": "reference",
    "confidence": 1.0,
    "linked_on": NIGHT,
}


@pytest.fixture
def doctor(onward, workspace):
    def run():
        return onward("doctor", "--workspace", workspace)

    return run


@pytest.fixture
def applied(onward, workspace, home):
    onward("apply", "--workspace", workspace)
    prepare_dagster_home(home.dagster_home)


def _lines(result, status):
    return [line for line in result.out.splitlines() if line.startswith(status)]


def test_a_fresh_machine_is_fit_and_told_what_to_run(doctor, home):
    result = doctor()
    assert result.code == ExitCode.OK
    assert "warn  control: there is no control database yet — run onward apply" in result.out
    assert "ok    keys: no key yet; the first night makes one" in result.out
    assert "warn  dagster: there is no dagster.yaml yet" in result.out
    assert not home.root.exists()


def test_a_used_machine_is_fit(doctor, applied, publish):
    publish(NIGHT, {CUSTOMER_LINKS: [LINK], PROFILES: []})
    result = doctor()
    assert result.code == ExitCode.OK
    assert _lines(result, "fail") == []
    for line in (
        "ok    keys: the master key opens and closes",
        "ok    control: sqlite opens at revision",
        "activities, the chain is whole",
        "ok    configs: 8 configs in force",
        "ok    lake: every published version is what its manifest says",
        "ok    dagster: dagster.yaml is that of this release",
        "ok    dagster: no daemon is running",
    ):
        assert line in result.out


def test_problems_of_the_workspace_are_failures(doctor, workspace):
    (workspace / "segments.yml").write_text("segments: {a: {rule: {segment: b}}}\n")
    result = doctor()
    assert result.code == ExitCode.ENVIRONMENT
    assert "fail  workspace: segments.yml:1: segments.a.rule.segment: unknown segment `b`" in result.out


def test_a_broken_activity_chain_is_a_failure(doctor, applied, home):
    with home.control.begin() as connection:
        connection.execute(sa.text("UPDATE activities SET user_id = 'eve' WHERE position = 2"))
    result = doctor()
    assert result.code == ExitCode.ENVIRONMENT
    assert "fail  control: the activity chain is broken at position 2" in result.out


def test_damage_in_the_lake_is_a_failure(doctor, applied, home, publish):
    publish(NIGHT, {CUSTOMER_LINKS: [LINK]})
    version = home.lake("acme").find(CUSTOMER_LINKS, NIGHT)
    [data, *_] = version.folder.glob("*.parquet")
    data.write_bytes(data.read_bytes()[:-1] + b"x")
    result = doctor()
    assert result.code == ExitCode.ENVIRONMENT
    assert any("identity/customer_links" in line for line in _lines(result, "fail  lake"))


def test_a_lost_key_is_a_failure_and_no_key_is_made_in_its_place(doctor, applied, home, publish):
    publish(NIGHT, {PROFILES: []})
    home.key_file.unlink()
    result = doctor()
    assert result.code == ExitCode.ENVIRONMENT
    assert "is missing, but the lake holds tables — restore it from a backup" in result.out
    assert not home.key_file.exists()


def test_a_malformed_key_is_a_failure(doctor, monkeypatch):
    monkeypatch.setenv("ONWARD_MASTER_KEY", "too short")
    result = doctor()
    assert result.code == ExitCode.ENVIRONMENT
    assert _lines(result, "fail  keys")


def test_a_key_that_does_not_open_what_it_closes_is_a_failure(doctor, applied, home, publish, monkeypatch):
    publish(NIGHT, {PROFILES: []})
    monkeypatch.setattr(type(home.keys), "unwrap", lambda *_: b"other")
    assert _lines(doctor(), "fail  keys: the master key does not open what it closes")


def test_a_damaged_control_database_fails_and_the_other_checks_go_on(doctor, applied, home):
    home.close()
    home.control_file.write_bytes(b"not a database" * 1000)
    result = doctor()
    assert result.code == ExitCode.ENVIRONMENT
    assert _lines(result, "fail  control")
    assert _lines(result, "ok    dagster")


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "status"), [(doctor_checks.LEAST_FREE_BYTES - 1, "fail"), (doctor_checks.LEAST_FREE_BYTES, "ok")]
)
def test_a_full_disk_is_a_failure(doctor, monkeypatch, free, status):
    monkeypatch.setattr(shutil, "disk_usage", lambda *_: _Usage(2**40, 0, free))
    assert _lines(doctor(), f"{status:4}  disk")


def test_less_room_than_twice_the_lake_is_a_warning(doctor, home, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda *_: _Usage(2**40, 0, 2**30))
    (home.root / "lake").mkdir(parents=True)
    with (home.root / "lake" / "large").open("wb") as large:
        large.truncate(2**29 + 1)
    assert _lines(doctor(), "warn  disk")


def test_a_clock_that_went_back_is_a_failure(doctor, applied, home):
    later = datetime.now(UTC) + timedelta(days=1)
    ActivityLog(home.control, "acme", now=lambda: later).append(
        activity_type="test.done", user_id="ann", details={}
    )
    assert _lines(doctor(), "fail  clock")


def test_kill_switches_are_shown(doctor, onward, workspace, applied):
    onward(
        "switch", "on", "--scope", "channel", "--value", "email", "--reason", "test", "--workspace", workspace
    )
    assert "warn  configs: a kill switch stops channel email: test" in doctor().out


def test_edited_dagster_settings_are_a_failure(doctor, applied, home):
    (home.dagster_home / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
    assert _lines(doctor(), "fail  dagster")


def test_versions_that_do_not_fit_are_failures(doctor, monkeypatch):
    monkeypatch.setattr(
        doctor_checks,
        "requires",
        lambda *_: ["polars<1", "no-such-package>=1", "rich", "other>=99; extra == 'dev'"],
    )
    found = _lines(doctor(), "fail  versions")
    assert len(found) == 2
    assert "polars" in found[0]
    assert "<1 is needed" in found[0]
    assert "no-such-package is not installed" in found[1]


def test_a_check_that_breaks_does_not_end_the_report(doctor, monkeypatch):
    def broken(path):
        raise RuntimeError("ann@example.org")

    monkeypatch.setattr(shutil, "disk_usage", broken)
    result = doctor()
    assert "fail  disk: RuntimeError: cannot be checked" in result.out
    assert "ann@example.org" not in result.out
    assert _lines(result, "ok    workspace")


def test_a_workspace_that_is_not_named_is_a_failure(onward):
    result = onward("doctor")
    assert result.code == ExitCode.ENVIRONMENT
    assert any("no workspace is named" in line for line in _lines(result, "fail  workspace"))


def test_connections_are_looked_at_without_being_opened(doctor, workspace, monkeypatch):
    monkeypatch.delenv("SF_TOKEN", raising=False)
    (workspace / "connections.yml").write_text(
        "connections:\n  main: {kind: duckdb, path: source.duckdb}\n"
        "  lake: {kind: snowflake, account: a, user: u, database: d, access_token: 'env:SF_TOKEN'}\n"
    )
    result = doctor()
    assert result.code == ExitCode.ENVIRONMENT
    assert "ok    connections: main: duckdb: part of Onward" in result.out
    assert "ok    connections: lake: snowflake: snowflake-connector-python " in result.out
    assert _lines(result, "fail  connections") == [
        (
            "fail  connections: lake: the environment variable SF_TOKEN is not set"
            " — set SF_TOKEN where Onward runs"
        )
    ]
    # an empty file is no database: had it been opened, it would have been told
    assert not _lines(result, "fail  connections: main")


def test_connections_are_opened_when_it_is_asked_for(onward, workspace):
    (workspace / "source.duckdb").unlink()
    duckdb.connect(workspace / "source.duckdb").close()
    result = onward("doctor", "--connections", "--workspace", workspace)
    assert "ok    connections: main: duckdb v" in result.out
    assert "; answered in " in result.out
    (workspace / "source.duckdb").write_text("no database" * 1000)
    result = onward("doctor", "--connections", "--workspace", workspace)
    assert result.code == ExitCode.ENVIRONMENT
    assert (
        "fail  connections: main: the file exists, but it is not a DuckDB database — Point path" in result.out
    )


def test_a_connection_that_cannot_be_opened_is_not_tried(onward, workspace, monkeypatch):
    monkeypatch.delenv("DB_FILE", raising=False)
    (workspace / "connections.yml").write_text("connections: {main: {kind: duckdb, path: 'env:DB_FILE'}}\n")
    result = onward("doctor", "--connections", "--workspace", workspace)
    assert len(_lines(result, "fail  connections")) == 1
