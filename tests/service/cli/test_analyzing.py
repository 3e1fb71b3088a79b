"""`onward analyze` over published nights: one line a source, findings with what to do, and JSON."""

import json
from datetime import UTC, date, datetime

import pytest

from pipelines.contracts.source_tables import SOURCE_READS
from resources.control.metrics import Metrics
from resources.warehouses.measurements import record_spending
from resources.warehouses.spending import Spending
from service.cli.exit_codes import ExitCode

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)


def _read(source, night, **values):
    return {
        "source": source,
        "feed": "main",
        "read_on": night,
        "connection": "main",
        "kind": "duckdb",
        "status": "fresh",
        "data_on": night,
        "read_mode": "full",
        "newest_at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        "read_count": 1_000_000,
        "row_count": 1_000_000,
        "rejected_count": 0,
        "null_cursor_count": 0,
        "future_count": 0,
        "largest_tie_count": 0,
        "kept_sentinel_count": 0,
        "cleared_sentinel_count": 0,
        "deep_document_count": 0,
        "added_count": 60_000,
        "changed_count": 0,
        "unchanged_count": 940_000,
        "removed_count": 0,
        "received_bytes": 100_000_000,
        "is_verified": True,
        **values,
    }


@pytest.fixture
def analyze(onward, workspace):
    def run(*arguments):
        return onward("analyze", *arguments, "--workspace", workspace)

    return run


@pytest.fixture
def nights(onward, workspace, publish, home):
    onward("apply", "--workspace", workspace)
    publish(FIRST, {SOURCE_READS: [_read("customers", FIRST), _read("orders", FIRST)]})
    publish(
        SECOND,
        {
            SOURCE_READS: [
                _read("customers", SECOND, status="stale", data_on=FIRST, read_mode=None, newest_at=None),
                _read("orders", SECOND, row_count=1_060_000),
            ]
        },
    )
    config = home.configs("acme").as_of(SECOND)["connector"]
    record_spending(
        Metrics(home.control, "acme"),
        config.config_id,
        night=SECOND,
        spent={"orders": Spending(seconds=12.0, received_bytes=100_000_000)},
    )


@pytest.mark.usefixtures("nights")
def test_the_newest_night_is_told_in_lines_with_what_to_do(analyze):
    result = analyze()
    assert result.code == ExitCode.OK
    lines = result.out.splitlines()
    assert lines[0] == "Night 2026-01-02 of acme, 2 nights looked at"
    assert lines[1:4] == [
        "  source     read                  rows       new     arrived   newest",
        "  customers  stale, of 2026-01-01  1,000,000  60,000  100.0 MB",
        "  orders     1,000,000 in full     1,060,000  60,000  100.0 MB  2026-01-02 03:04",
    ]
    (head,) = [number for number, line in enumerate(lines) if "`orders` has no cursor: 94% of" in line]
    assert lines[head].split()[1:3] == ["cost", "orders"]
    assert lines[head + 1].startswith("  → ")
    assert any(line.split()[1:3] == ["coverage", "consents"] for line in lines)


@pytest.mark.usefixtures("nights")
def test_json_holds_the_numbers_behind_the_words(analyze):
    result = analyze("--json")
    content = json.loads(result.out)
    assert content["night"] == "2026-01-02"
    assert content["night_count"] == 2
    assert [read["source"] for read in content["sources"]] == ["customers", "orders"]
    assert content["sources"][1]["newest_at"] == "2026-01-02T03:04:00+00:00"
    assert {"subject", "topic", "severity", "finding", "recommendation", "numbers"} == set(
        content["findings"][0]
    )
    assert all(isinstance(finding["numbers"], dict) for finding in content["findings"])


@pytest.mark.usefixtures("nights")
def test_one_source_or_one_connection_can_be_asked_about(analyze):
    orders = json.loads(analyze("orders", "--json").out)
    assert {finding["subject"] for finding in orders["findings"]} == {"orders"}
    assert [read["source"] for read in orders["sources"]] == ["orders"]
    subjects = {finding["subject"] for finding in json.loads(analyze("main", "--json").out)["findings"]}
    assert subjects <= {"customers", "orders", "connection main"}
    assert "orders" in subjects


@pytest.mark.usefixtures("nights")
def test_an_earlier_night_can_be_asked_about(analyze):
    assert "Night 2026-01-01 of acme, 1 night looked at" in analyze("--date", "2026-01-01").out
    assert "Night 2026-01-02 of acme, 1 night looked at" in analyze("--nights", "1").out


@pytest.mark.usefixtures("nights")
def test_what_nobody_knows_is_a_usage_error(analyze):
    result = analyze("oders")
    assert result.code == ExitCode.USAGE
    assert "there is no source and no connection oders — did you mean orders?" in result.err


def test_before_the_first_night_there_is_nothing_to_say(analyze):
    result = analyze()
    assert result.code == ExitCode.FAILED
    assert (
        "error[NOT_PUBLISHED] no night has read its sources yet — run one: onward run --date D" in result.err
    )
