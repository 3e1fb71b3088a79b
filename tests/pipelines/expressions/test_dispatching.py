from datetime import UTC, date, datetime

import polars as pl
import pytest

from pipelines.expressions.dispatching import never_left, unsent_decisions, without_unsent


def _log(*rows: tuple[str, str, str | None]) -> pl.LazyFrame:
    schema = {"send_id": pl.String, "status": pl.String, "reason": pl.String}
    return pl.LazyFrame(list(rows), schema=schema, orient="row")


@pytest.mark.parametrize(
    ("status", "reason", "is_gone"),
    [
        ("CANCELLED", "recommended_only", True),
        ("CANCELLED", "approval_rejected", True),
        ("CANCELLED", "forced_out", True),
        ("EXPIRED", None, True),
        ("REJECTED", None, True),
        # What waited for a person on an earlier night is over; what is merely planned may still go.
        ("PLANNED", "awaiting_approval", True),
        ("PLANNED", "config_changed", True),
        ("PLANNED", None, False),
        ("CLAIMED", None, False),
        ("SENT", None, False),
        ("ACKED", None, False),
        ("UNKNOWN", None, False),
        ("RECONCILED", None, False),
        ("DEAD", None, False),
    ],
)
def test_what_a_status_says_of_a_send(status, reason, is_gone):
    found = never_left(_log(("s1", status, reason))).collect()["send_id"].to_list()
    assert found == (["s1"] if is_gone else [])


def test_a_hand_over_on_any_night_outweighs_the_rest():
    log = _log(("s1", "CANCELLED", None), ("s1", "SENT", None), ("s2", "SENT", None), ("s2", "EXPIRED", None))
    assert never_left(log).collect().is_empty()


def _plan() -> pl.LazyFrame:
    return pl.LazyFrame(
        {
            "send_id": ["s1", "s2", "s3"],
            "decision_id": ["d1", "d2", "d3"],
            # In New York the first is still the 10th: it was decided on the night of the 9th.
            "not_before": [
                datetime(2024, 3, 11, 3, tzinfo=UTC),
                datetime(2024, 3, 11, 5, tzinfo=UTC),
                datetime(2024, 3, 11, 5, tzinfo=UTC),
            ],
        }
    )


def test_decisions_whose_message_never_left_by_their_night():
    log = _log(("s1", "EXPIRED", None), ("s2", "CANCELLED", "recommended_only"), ("s3", "ACKED", None))
    found = unsent_decisions(_plan(), log, time_zone="America/New_York").sort("decision_id").collect()
    assert found.rows() == [("d1", date(2024, 3, 9)), ("d2", date(2024, 3, 10))]
    assert without_unsent(_plan(), log).collect()["send_id"].to_list() == ["s3"]


def test_without_a_word_from_dispatch_a_message_counts():
    assert unsent_decisions(_plan(), _log(), time_zone="UTC").collect().is_empty()
    assert without_unsent(_plan(), _log()).collect().height == 3
