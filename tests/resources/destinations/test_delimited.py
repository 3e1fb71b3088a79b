import csv
import io
from datetime import UTC, datetime

import polars as pl
import pytest

from resources.destinations.delimited import is_formula, to_csv


def cells(*values: str | None) -> list[str]:
    content = to_csv(pl.DataFrame({"text": values}, schema={"text": pl.String})).decode()
    return [row[0] if row else "" for row in csv.reader(io.StringIO(content))][1:]


@pytest.mark.parametrize(
    "formula", ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n=1", "+49abc"]
)
def test_a_formula_becomes_text(formula):
    assert cells(formula) == ["'" + formula]


@pytest.mark.parametrize(
    "text", ["spring", "a=b", "+15551234567", "Ünïcode, with comma", 'a "quoted" name', "1-2"]
)
def test_other_text_stays_as_it_is(text):
    assert cells(text) == [text]


def test_only_digits_make_a_phone_number():
    numbers = pl.DataFrame({"text": ["+15551234567", "+123", "+1555 1234567", "+1555-1234567"]})
    assert numbers.select(is_formula(pl.col("text"))).to_series().to_list() == [False, True, True, True]


def test_null_is_an_empty_cell():
    assert cells(None, "x") == ["", "x"]


def test_instants_are_written_in_utc_and_numbers_plainly():
    rows = pl.DataFrame(
        {"at": [datetime(2024, 3, 2, 5, tzinfo=UTC)], "number": [-7]},
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    assert to_csv(rows) == b"at,number\n2024-03-02T05:00:00.000000Z,-7\n"
