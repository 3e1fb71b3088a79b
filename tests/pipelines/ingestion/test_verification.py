"""Counts and sums by day, exact where they can be."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from pipelines.ingestion.verification import (
    Mismatch,
    combine_totals,
    describe_mismatches,
    find_mismatches,
    total_slice,
)

FIRST, SECOND = date(2024, 3, 1), date(2024, 3, 2)


def rows(*lines: tuple[datetime | None, int | None, str, float]) -> pl.DataFrame:
    return pl.DataFrame(
        [(at, whole, Decimal(exact), number) for at, whole, exact, number in lines],
        schema={
            "at": pl.Datetime("us", "UTC"),
            "whole": pl.Int64,
            "exact": pl.Decimal(18, 2),
            "number": pl.Float64,
        },
        orient="row",
    )


SUMS = ["whole", "exact", "number"]
ROWS = rows(
    (datetime(2024, 3, 1, 23, 59, tzinfo=UTC), 2**62, "0.10", 0.1),
    (datetime(2024, 3, 1, 0, 0, tzinfo=UTC), 2**62, "0.20", 0.2),
    (datetime(2024, 3, 2, 0, 0, tzinfo=UTC), None, "5.00", 5.0),
    (None, 1, "7.00", 7.0),
)
#: As a warehouse returns it: 2**62 twice is beyond 64 bits, and the sum of nothing is null.
EXPECTED = pl.DataFrame(
    {
        "partition": [FIRST, SECOND, None],
        "row_count": [2, 1, 1],
        "whole": [Decimal(2**63), None, Decimal(1)],
        "exact": [Decimal("0.30"), Decimal("5.00"), Decimal("7.00")],
        "number": [0.30000000000000004, 5.0, 7.0],
    },
    schema_overrides={"whole": pl.Decimal(38, 0), "exact": pl.Decimal(38, 2)},
)


def test_days_that_arrived_in_pieces_add_up() -> None:
    pieces = [total_slice(ROWS[start : start + 1], by="at", sums=SUMS) for start in range(4)]
    assert find_mismatches(EXPECTED, combine_totals(pieces), sums=SUMS) == []


def test_a_lost_row_shows_in_count_and_sums_of_its_day() -> None:
    found = combine_totals([total_slice(ROWS[[1, 2, 3]], by="at", sums=SUMS)])
    assert find_mismatches(EXPECTED, found, sums=SUMS) == [
        Mismatch(day=FIRST, column=None, expected=2, found=1),
        Mismatch(day=FIRST, column="whole", expected=Decimal(2**63), found=Decimal(2**62)),
        Mismatch(day=FIRST, column="exact", expected=Decimal("0.30"), found=Decimal("0.20")),
        Mismatch(day=FIRST, column="number", expected=0.30000000000000004, found=0.2),
    ]


def test_a_day_that_is_only_on_one_side_is_a_mismatch() -> None:
    found = combine_totals([total_slice(ROWS[:3], by="at", sums=())])
    (lost,) = find_mismatches(EXPECTED.select("partition", "row_count"), found, sums=())
    assert (lost.day, lost.expected, lost.found) == (None, 1, 0)
    (extra,) = find_mismatches(EXPECTED.select("partition", "row_count")[1:], combine_totals(
        [total_slice(ROWS, by="at", sums=())]), sums=())  # fmt: skip
    assert (extra.day, extra.expected, extra.found) == (FIRST, 0, 2)


def test_a_cent_is_a_mismatch_and_the_order_of_doubles_is_not() -> None:
    cent = EXPECTED.with_columns(exact=pl.col("exact") + Decimal("0.01"))
    found = combine_totals([total_slice(ROWS, by="at", sums=SUMS)])
    assert {mismatch.column for mismatch in find_mismatches(cent, found, sums=SUMS)} == {"exact"}
    reordered = EXPECTED.with_columns(number=pl.col("number") * (1 + 1e-12))
    assert find_mismatches(reordered, found, sums=SUMS) == []
    wrong = EXPECTED.with_columns(number=pl.col("number") * (1 + 1e-6))
    assert len(find_mismatches(wrong, found, sums=SUMS)) == 3


def test_doubles_that_cancel_out_are_compared_with_what_was_added() -> None:
    at = datetime(2024, 3, 1, tzinfo=UTC)
    cancelling = rows((at, 1, "0", 1e15), (at, 1, "0", -1e15), (at, 1, "0", 0.1))
    expected = pl.DataFrame({"partition": [FIRST], "row_count": [3], "number": [0.125]})
    found = combine_totals([total_slice(cancelling, by="at", sums=["number"])])
    assert find_mismatches(expected, found, sums=["number"]) == []


@pytest.mark.parametrize("special", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_equal_themselves_only(special: float) -> None:
    at = datetime(2024, 3, 1, tzinfo=UTC)
    found = combine_totals([total_slice(rows((at, 1, "0", special)), by="at", sums=["number"])])
    expected = pl.DataFrame({"partition": [FIRST], "row_count": [1], "number": [special]})
    assert find_mismatches(expected, found, sums=["number"]) == []
    other = expected.with_columns(number=pl.lit(1.0))
    assert len(find_mismatches(other, found, sums=["number"])) == 1


@pytest.mark.parametrize("dtype", [pl.Date(), pl.Datetime("us"), pl.Datetime("us", "UTC")])
def test_each_time_has_its_day_in_utc(dtype: pl.DataType) -> None:
    times = pl.DataFrame({"at": [datetime(1, 1, 1), datetime(1969, 12, 31)]}).select(  # noqa: DTZ001
        pl.col("at").cast(dtype)
    )
    found = total_slice(times, by="at", sums=()).sort("partition")
    assert found["partition"].to_list() == [date(1, 1, 1), date(1969, 12, 31)]


def test_a_table_without_time_is_one_partition_and_an_empty_one_none() -> None:
    expected = pl.DataFrame({"partition": [None], "row_count": [4]}, schema_overrides={"partition": pl.Date})
    found = combine_totals([total_slice(ROWS, by=None, sums=())])
    assert find_mismatches(expected, found, sums=()) == []
    nothing = combine_totals([total_slice(ROWS[:0], by=None, sums=SUMS)])
    assert find_mismatches(EXPECTED[:0], nothing, sums=SUMS) == []


def test_an_error_names_the_first_days_and_how_many_more() -> None:
    many = [Mismatch(day=date(2024, 3, day), column=None, expected=2, found=1) for day in range(1, 9)]
    text = describe_mismatches(many)
    assert text.startswith("2024-03-01: 2 rows in the source, 1 arrived; ")
    assert "2024-03-05" in text
    assert text.endswith("and 3 more days")
    assert describe_mismatches([Mismatch(day=None, column="x", expected=Decimal("1.5"), found=0)]) == (
        "rows without a day: x sums to 1.5 in the source, to 0 in what arrived"
    )
