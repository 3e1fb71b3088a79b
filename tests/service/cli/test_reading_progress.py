import io

import pytest
from rich.console import Console

from resources.warehouses.base import Family, ReadRequest, Relation, SourceColumn, SourceError
from service.cli.reading_progress import ReadingProgress


def _request(maximum_bytes=None):
    return ReadRequest(
        source="orders",
        relation=Relation(table="crm.orders"),
        columns={"id": SourceColumn("id", "BIGINT", Family.INTEGER)},
        maximum_bytes=maximum_bytes,
    )


@pytest.fixture
def watch():
    def run(*, is_terminal, width=80):
        output = io.StringIO()
        console = Console(file=output, force_terminal=is_terminal, width=width, color_system=None)
        with ReadingProgress(console, _request(), 200_000, knows_bytes=True) as progress:
            progress(50_000, 3_400_000)
            progress(200_000, 13_600_000)
        return output.getvalue()

    return run


@pytest.mark.parametrize("width", [80, 140])
def test_rows_bytes_and_rates_are_shown_in_full(watch, width):
    *_, last, _ = watch(is_terminal=True, width=width).splitlines()
    assert "crm.orders" in last
    assert "200,000 rows, 13.6 MB, " in last
    assert " rows/s, " in last
    assert "B/s" in last


def test_nothing_is_shown_where_nobody_watches(watch):
    assert watch(is_terminal=False).strip() == ""


def test_bytes_that_arrive_are_limited_where_the_engine_cannot_say():
    with ReadingProgress(Console(quiet=True), _request(1_000), None, knows_bytes=False) as progress:
        progress(1, 1_000)
        with pytest.raises(SourceError, match=r"1\.0 KB have arrived, more than 1\.0 KB"):
            progress(2, 1_001)


def test_an_engine_that_holds_itself_to_the_limit_is_left_to_it():
    with ReadingProgress(Console(quiet=True), _request(1_000), None, knows_bytes=True) as progress:
        progress(1, 5_000)
