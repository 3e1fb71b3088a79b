"""Findings from histories written by hand: one thing is wrong in each, and only that is said."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.contracts.sources import SourceRead
from pipelines.ingestion.analysis import SCHEMA, analyse_sources

LAST = date(2024, 3, 20)
MEASURED = {
    "read_on": pl.Date(),
    "source": pl.String(),
    "seconds": pl.Float64(),
    "scanned_bytes": pl.Int64(),
    "billed_bytes": pl.Int64(),
    "credit_count": pl.Float64(),
}


def read(source: str = "orders", *, nights_ago: int = 0, **changes: object) -> dict[str, Any]:
    on = LAST - timedelta(days=nights_ago)
    usual = {
        "workspace_id": "acme", "source": source, "feed": "main", "read_on": on, "connection": "main",
        "kind": "duckdb", "kept_sentinel_count": 0, "cleared_sentinel_count": 0, "deep_document_count": 0,
        "status": "fresh", "data_on": on, "read_mode": "incremental", "since_at": None,
        "newest_at": datetime(on.year, on.month, on.day, 22, tzinfo=UTC),
        "read_count": 2000, "row_count": 50_000, "rejected_count": 0, "null_cursor_count": 0,
        "future_count": 0, "largest_tie_count": 1, "added_count": 1900, "changed_count": 0,
        "unchanged_count": 100, "removed_count": 0, "missed_count": None, "deleted_count": None,
        "reconciled_on": on, "received_bytes": 2_000_000, "estimated_bytes": None, "is_verified": True,
    }  # fmt: skip
    assert set(usual) == set(SourceRead.columns())
    return usual | changes


def connector(*, budget: dict[str, object] | None = None, **sources: dict[str, object]) -> ConnectorSettings:
    """All sources are configured, so that none is missed; `orders` as a careful person would."""
    careful = {"cursor": "ordered_at", "lookback": "3d", "reconcile": "7d"}
    settings = {name: {"connection": "other", "table": name} for name in SOURCE_TABLES}
    settings["orders"] = {"connection": "main", "table": "orders", **careful}
    for name, changes in sources.items():
        settings[name] = {
            key: value for key, value in (settings[name] | changes).items() if value is not None
        }
    main = {"kind": "duckdb", "path": "a", "budget": budget or {}}
    return ConnectorSettings(
        connections={"main": main, "other": {"kind": "duckdb", "path": "b"}}, sources=settings
    )


def analyse(
    *reads: dict[str, Any],
    settings: ConnectorSettings | None = None,
    costs: list[dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    history = pl.DataFrame(list(reads), schema=SourceRead.create_empty().schema)
    measured = pl.DataFrame(costs or [], schema=MEASURED)
    found = analyse_sources(history, measured, connector=settings or connector(), workspace_id="acme")
    assert dict(found.schema) == dict(SCHEMA)
    return list(found.iter_rows(named=True))


def only(found: list[dict[str, Any]]) -> dict[str, Any]:
    (finding,) = found
    return finding


def test_a_healthy_source_has_no_finding() -> None:
    assert analyse(*(read(nights_ago=night) for night in range(10))) == []


def test_nothing_is_said_before_the_first_night() -> None:
    assert analyse() == []


def test_a_stale_source_is_a_problem_with_its_last_day() -> None:
    settings = connector(orders={"on_failure": "last_good", "maximum_age": "3d"})
    found = only(analyse(read(status="stale", data_on=date(2024, 3, 18), read_count=0), settings=settings))
    assert (found["topic"], found["severity"], found["subject"]) == ("freshness", "problem", "orders")
    assert "those of 2024-03-18, 2 days old" in found["finding"]
    assert "after the night of 2024-03-21 there will be no plan" in found["recommendation"]


def test_rows_that_stopped_coming_are_named() -> None:
    usual = [read(nights_ago=night) for night in range(1, 8)]
    late = read(newest_at=datetime(2024, 3, 17, 22, tzinfo=UTC))
    found = only(analyse(*usual, late))
    assert found["finding"] == "its newest row is 3 days older than the night, usually 0"
    assert analyse(*usual[:4], late) == []


@pytest.mark.parametrize(("added", "is_found"), [(0, True), (950, False), (3800, False), (3801, True)])
def test_an_unusual_number_of_new_rows_is_named(added: int, *, is_found: bool) -> None:
    usual = [read(nights_ago=night, added_count=1900) for night in range(1, 7)]
    first = read(nights_ago=7, added_count=50_000)
    found = analyse(first, *usual, read(added_count=added))
    assert [finding["topic"] for finding in found] == ["volume"] * is_found


def test_a_source_without_cursor_is_told_which_one_to_set() -> None:
    settings = connector(orders={"cursor": None, "lookback": None, "reconcile": None})
    full = read(read_mode="full", read_count=50_000, unchanged_count=47_000, received_bytes=70_000_000)
    found = only(analyse(full, settings=settings))
    assert found["finding"] == ("`orders` has no cursor: 94% of last night's 70.0 MB were unchanged rows")
    assert found["recommendation"].startswith("set cursor: ordered_at, and reconcile: 7d")
    assert json.loads(found["numbers"]) == {"bytes": 70_000_000, "unchanged_share": 0.94}


@pytest.mark.parametrize(
    ("source", "advice"),
    [("customers", "map updated_at and set cursor: updated_at"), ("order_lines", "its contract has no time")],
)
def test_a_source_without_any_time_is_told_what_is_left(source: str, advice: str) -> None:
    full = read(source, read_mode="full", newest_at=None, unchanged_count=2000, received_bytes=70_000_000)
    assert only(analyse(full))["recommendation"].startswith(advice)


def test_a_long_lookback_is_told_how_much_it_reads_in_vain() -> None:
    found = only(analyse(read(added_count=1200, unchanged_count=800)))
    assert found["finding"] == "lookback of 3d re-reads 40% unchanged rows"


@pytest.mark.parametrize(
    ("budget", "cost", "words"),
    [
        ({"bytes": "10GB"}, {"billed_bytes": 8_000_000_000}, "8.0 GB of 10.0 GB"),
        ({"bytes": "10GB"}, {"scanned_bytes": 9_000_000_000}, "9.0 GB of 10.0 GB"),
        ({"seconds": 100}, {"seconds": 81.0}, "81 s of 100 s"),
        ({"credits": 2.0}, {"credit_count": 1.75}, "1.75 credits of 2.00 credits"),
        ({"bytes": "10GB"}, {"billed_bytes": 7_900_000_000}, None),
    ],
)
@pytest.mark.parametrize("place", ["source", "connection"])
def test_a_budget_that_is_nearly_used_is_named(
    budget: dict[str, object], cost: dict[str, object], words: str | None, place: str
) -> None:
    settings = connector(orders={"budget": budget}) if place == "source" else connector(budget=budget)
    costs = [{"read_on": LAST, "source": "orders", **cost}]
    found = analyse(read(), settings=settings, costs=costs)
    if words is None:
        assert found == []
        return
    assert only(found)["finding"] == f"the budget is nearly used: {words}"
    assert only(found)["subject"] == ("orders" if place == "source" else "connection main")


def test_the_biggest_source_of_a_connection_is_named() -> None:
    reads = [read("customers"), read("messages", received_bytes=18_000_000)]
    found = only(analyse(*reads))
    assert (found["subject"], found["finding"]) == (
        "connection other", "messages is 90% of the 20.0 MB that were read",
    )  # fmt: skip


@pytest.mark.parametrize(("rejected", "severity"), [(9, "hint"), (10, "warning")])
def test_rejected_rows_warn_from_half_of_the_limit(rejected: int, severity: str) -> None:
    found = only(analyse(read(rejected_count=rejected)))
    assert (found["topic"], found["severity"]) == ("quality", severity)
    assert "the night stops above 1.00%" in found["finding"]


def test_wrong_clocks_missing_cursors_and_unverified_reads_are_named() -> None:
    found = analyse(
        read(future_count=3, null_cursor_count=1), settings=connector(orders={"is_verified": False})
    )
    assert [finding["finding"] for finding in found] == [
        "3 rows more than a day in the future",
        "1 row without ordered_at",
        "counts and sums are not compared with those of the source",
    ]


def test_a_cursor_without_reconciliation_keeps_deleted_rows() -> None:
    found = only(analyse(read(), settings=connector(orders={"reconcile": None})))
    assert found["finding"] == "reconcile is not set: rows that are deleted in the source stay"


def test_rows_outside_lookback_are_summed_over_the_nights() -> None:
    found = only(analyse(read(nights_ago=7, missed_count=5), read(missed_count=7)))
    assert found["finding"] == "12 rows came later than the lookback of 3d sees, in 2 nights"
    assert json.loads(found["numbers"]) == {"missed_count": 12}


def test_refusals_that_may_be_old_are_a_warning() -> None:
    settings = connector(suppressions={"on_failure": "last_good", "maximum_age": "2d"})
    found = only(analyse(read("suppressions"), settings=settings))
    assert (found["topic"], found["severity"]) == ("coverage", "warning")


def test_sources_that_are_not_configured_say_what_they_would_switch_on() -> None:
    settings = connector()
    fewer = settings.model_copy(
        update={"sources": {name: one for name, one in settings.sources.items() if name != "costs"}}
    )
    found = only(analyse(read(), settings=fewer))
    assert found["subject"] == "costs"
    assert "this switches off measured channel costs" in found["finding"]


def test_the_gravest_comes_first_and_only_the_newest_night_is_judged() -> None:
    settings = connector(orders={"reconcile": None, "on_failure": "last_good"})
    found = analyse(
        read(nights_ago=1, future_count=9),
        read(status="stale", data_on=LAST - timedelta(days=1), read_count=0),
        read("messages", nights_ago=1, future_count=5),
        settings=settings,
    )
    assert [(finding["severity"], finding["subject"]) for finding in found] == [
        ("problem", "orders"), ("warning", "orders"),
    ]  # fmt: skip


def feeds_of_customers() -> ConnectorSettings:
    whole = connector()
    both = [
        {"connection": connection, "source": label, "table": "people"}
        for connection, label in (("main", "crm"), ("other", "web"))
    ]
    return ConnectorSettings.model_validate(
        {
            **whole.model_dump(mode="json"),
            "sources": {**whole.model_dump(mode="json")["sources"], "customers": both},
        }
    )


def test_feeds_are_judged_one_by_one_and_named() -> None:
    """Half of the limit of one per cent is broken by the web shop alone, and its costs are its own."""
    reads = [
        read("customers", feed="crm", rejected_count=0, read_mode="full"),
        read("customers", feed="web", connection="other", rejected_count=10, read_mode="full"),
    ]
    costs = [{"read_on": LAST, "source": "customers/web", "billed_bytes": 9_000_000}]
    found = analyse(*reads, settings=feeds_of_customers(), costs=costs)
    assert only([one for one in found if one["topic"] == "quality"])["subject"] == "customers/web"
    without_rows = analyse(reads[0], settings=feeds_of_customers())
    assert [one["subject"] for one in without_rows if one["topic"] == "quality"] == []


@pytest.mark.parametrize(
    ("counts", "severity", "words", "advice"),
    [
        ((3, 0, 0), "hint", "3 dates of the years 1 and 9999 kept, 0 cleared", "set sentinels: clear"),
        ((0, 2, 0), "hint", "0 dates of the years 1 and 9999 kept, 2 cleared", "empty in the source"),
        ((0, 0, 1), "warning", "1 document from which no value can be taken", "127 levels"),
    ],
)
def test_values_that_do_not_mean_what_they_say_are_told(
    counts: tuple[int, int, int], severity: str, words: str, advice: str
) -> None:
    kept, cleared, deep = counts
    line = read(kept_sentinel_count=kept, cleared_sentinel_count=cleared, deep_document_count=deep)
    finding = only(analyse(line))
    assert (finding["severity"], finding["finding"]) == (severity, words)
    assert advice in finding["recommendation"]
