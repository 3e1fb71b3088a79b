from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipelines.expressions.money import minor_units, to_amount, to_minor
from pipelines.expressions.time import (
    INSTANT,
    age_days,
    end_of_local_day,
    local_date,
    local_hour,
    whole_days_between,
)

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2017, 12, 31), datetime(2018, 1, 1, 5, tzinfo=UTC)),
        (date(2017, 7, 1), datetime(2017, 7, 2, 4, tzinfo=UTC)),
        (date(2017, 3, 12), datetime(2017, 3, 13, 4, tzinfo=UTC)),  # 23 hours long
        (date(2017, 11, 5), datetime(2017, 11, 6, 5, tzinfo=UTC)),  # 25 hours long
    ],
)
def test_a_local_day_ends_at_local_midnight(day: date, end: datetime) -> None:
    assert end_of_local_day(day, NEW_YORK) == end


def test_local_day_and_hour_follow_the_zone() -> None:
    instants = pl.DataFrame({"at": [datetime(2018, 1, 1, 4, 59, tzinfo=UTC)]}, schema={"at": INSTANT})
    placed = instants.select(
        day=local_date(pl.col("at"), "America/New_York"), hour=local_hour(pl.col("at"), "America/New_York")
    )
    assert placed.row(0) == (date(2017, 12, 31), 23)


def test_ages_and_gaps_count_days() -> None:
    rows = pl.DataFrame(
        {"at": [datetime(2017, 1, 1, 12, tzinfo=UTC)], "from": [date(2017, 1, 30)], "to": [date(2017, 2, 2)]},
        schema_overrides={"at": INSTANT},
    )
    measured = rows.select(
        age=age_days(pl.col("at"), datetime(2017, 1, 3, tzinfo=UTC)),
        gap=whole_days_between(pl.col("from"), pl.col("to")),
    )
    assert measured.row(0) == (1.5, 3)


def test_money_survives_the_way_to_minor_units_and_back() -> None:
    amounts = [Decimal("0.01"), Decimal("-12.34"), Decimal("9999999999999.99"), None]
    rows = pl.DataFrame({"amount": amounts}, schema={"amount": pl.Decimal(18, 2)})
    minor = rows.select(minor=to_minor(pl.col("amount")))
    assert minor["minor"].to_list() == [1, -1234, 999999999999999, None]
    assert minor.select(back=to_amount(pl.col("minor")))["back"].to_list() == amounts
    assert minor_units(Decimal("250.05")) == 25005
