import polars as pl

from pipelines.segmentation.permission import permitted_people

PEOPLE = pl.LazyFrame({"customer_id": [1, 2, 3]})
VERDICTS = pl.LazyFrame(
    {
        "customer_id": [1, 1, 2, 3],
        "purpose": ["profiling", "profiling", "profiling", "marketing"],
        "channel": ["email", "sms", "email", "email"],
        "is_allowed": [False, True, False, True],
    }
)


def _permitted(purpose):
    return sorted(permitted_people(PEOPLE, VERDICTS, purpose=purpose).collect()["customer_id"])


def test_an_allowed_channel_for_the_purpose_is_enough():
    assert _permitted("profiling") == [1]


def test_without_a_purpose_everyone_may_be_profiled():
    assert _permitted(None) == [1, 2, 3]
