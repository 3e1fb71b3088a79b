from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.delivery import DispatchedMessage, Receipt
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.delivery.dispatch_log import record_dispatches, record_receipts

ACME = WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD")
AS_OF = datetime(2024, 3, 2, tzinfo=UTC)


def outbox(*statuses: str, attempts: int = 1) -> pl.LazyFrame:
    return pl.LazyFrame(
        [
            {
                "send_id": f"{number:032x}",
                "customer_id": number,
                "channel": "email",
                "destination": "outgoing_files",
                "status": status,
                "reason": None,
                "batch": None,
                "attempt_count": attempts,
            }
            for number, status in enumerate(statuses)
        ],
        schema_overrides={"reason": pl.String, "batch": pl.String},
    )


def test_the_log_keeps_its_contract():
    log = record_dispatches(outbox(*DispatchStatus), workspace=ACME).collect()
    DispatchedMessage.validate(log)
    assert log.height == len(DispatchStatus)


@pytest.mark.parametrize(
    ("status", "attempts", "counted"),
    [
        ("ACKED", 1, 1),
        ("ACKED", 3, 1),  # two claims were cut short by a crash
        ("REJECTED", 2, 1),
        ("CANCELLED", 1, 0),
        ("EXPIRED", 0, 0),
        ("UNKNOWN", 1, 1),
        ("DEAD", 5, 5),
    ],
)
def test_attempts_count_when_they_left_a_trace(status, attempts, counted):
    log = record_dispatches(outbox(status, attempts=attempts), workspace=ACME).collect()
    assert log["attempt_count"].to_list() == [counted]


def test_accepted_and_rejected_messages_have_a_receipt():
    log = record_dispatches(outbox("ACKED", "CANCELLED", "REJECTED", "UNKNOWN"), workspace=ACME)
    receipts = record_receipts(log, as_of=AS_OF).sort("customer_id").collect()
    Receipt.validate(receipts)
    assert receipts["status"].to_list() == ["accepted", "rejected"]
    assert receipts["customer_id"].to_list() == [0, 2]
    assert receipts["received_at"].unique().to_list() == [AS_OF]


def test_receipts_are_the_same_when_the_log_is_shuffled():
    log = record_dispatches(outbox("ACKED", "ACKED", "REJECTED"), workspace=ACME)
    ordered = record_receipts(log, as_of=AS_OF).sort("receipt_id").collect()
    shuffled = record_receipts(log.reverse(), as_of=AS_OF).sort("receipt_id").collect()
    assert_frame_equal(ordered, shuffled)


def test_a_night_without_messages_has_typed_empty_tables():
    log = record_dispatches(outbox("ACKED").head(0), workspace=ACME)
    assert log.collect().is_empty()
    Receipt.validate(record_receipts(log, as_of=AS_OF).collect())
