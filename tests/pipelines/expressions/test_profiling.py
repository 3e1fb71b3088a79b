import polars as pl
import pytest

from pipelines.expressions.profiling import permitted_rows

VERDICTS = pl.LazyFrame(
    {
        "customer_id": [1, 1, 2, 3],
        "purpose": ["profiling", "profiling", "profiling", "marketing"],
        "channel": ["email", "sms", "email", "email"],
        "is_allowed": [False, True, False, True],
    }
)


@pytest.mark.parametrize(("purpose", "people"), [(None, [1, 1, 2, 3]), ("profiling", [1, 1])])
def test_only_rows_of_people_who_allow_the_purpose_on_a_channel_stay(
    purpose: str | None, people: list[int]
) -> None:
    rows = pl.LazyFrame({"customer_id": [3, 1, 2, 1], "order": [1, 2, 3, 4]})
    permitted = permitted_rows(rows, VERDICTS, purpose=purpose).collect()
    assert sorted(permitted["customer_id"]) == people
    assert permitted.columns == ["customer_id", "order"]


def test_who_allows_it_on_two_channels_stays_once() -> None:
    twice = VERDICTS.with_columns(is_allowed=pl.lit(value=True))
    permitted = permitted_rows(pl.LazyFrame({"customer_id": [1, 2, 3]}), twice, purpose="profiling").collect()
    assert sorted(permitted["customer_id"]) == [1, 2]
