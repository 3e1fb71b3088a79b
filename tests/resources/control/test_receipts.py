from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from resources.control.receipts import Receipts, ReceivedReceipt

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
ACCEPTED = ReceivedReceipt("r1", "s1", 7, "email", "accepted", NOON)
BOUNCED = ReceivedReceipt("r2", "s1", 7, "email", "bounced", NOON + timedelta(hours=1))


@pytest.fixture
def receipts(engine):
    return Receipts(engine, "w")


def test_receipts_are_found_by_instant(receipts):
    receipts.record([BOUNCED, ACCEPTED])
    assert receipts.between(NOON, NOON + timedelta(hours=2)) == [ACCEPTED, BOUNCED]
    assert receipts.between(NOON, NOON + timedelta(hours=1)) == [ACCEPTED]
    assert receipts.between(NOON + timedelta(seconds=1), NOON + timedelta(hours=1)) == []


def test_repeated_answer_is_kept_once_as_it_came_first(receipts):
    receipts.record([ACCEPTED])
    receipts.record([replace(ACCEPTED, status="delivered"), BOUNCED, BOUNCED])
    assert receipts.between(NOON, NOON + timedelta(hours=2)) == [ACCEPTED, BOUNCED]


def test_no_receipt_is_nothing_to_record(receipts):
    receipts.record([])
    assert receipts.between(NOON, NOON + timedelta(hours=2)) == []


def test_workspaces_do_not_see_each_other(engine, receipts):
    receipts.record([ACCEPTED])
    other = Receipts(engine, "other")
    other.record([replace(ACCEPTED, status="delivered")])
    assert receipts.between(NOON, NOON + timedelta(hours=1)) == [ACCEPTED]
