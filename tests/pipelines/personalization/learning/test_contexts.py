import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.enrichment import CustomerFeatures, CustomerValue
from pipelines.contracts.histories import Activity
from pipelines.contracts.personalization import ChannelContext, DecisionContext, OfferContext
from pipelines.contracts.planning import PlannedMessage
from pipelines.contracts.sequencing import Fatigue
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.personalization.learning.contexts import (
    Contacts,
    channel_contexts,
    offer_contexts,
    past_contacts,
    person_contexts,
)
from pipelines.personalization.learning.knowledge import knowledge_of

NIGHT = date(2024, 3, 10)
AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
WORKSPACE = WorkspaceSettings(version=1, workspace="shop", time_zone="America/New_York", currency="USD")


def _frame(schema: Any, rows: list[dict[str, Any]]) -> pl.LazyFrame:
    dtypes = {name: column.dtype for name, column in schema.columns().items()}
    return pl.LazyFrame(
        [{name: row.get(name) for name in dtypes} for row in rows], schema=dtypes, orient="row"
    )


def _sends(*rows: tuple[int, str, str | None, date, bool]) -> Contacts:
    names = ["customer_id", "channel", "offer_id", "decided_on", "is_answered"]
    types = [pl.Int64, pl.String, pl.String, pl.Date, pl.Boolean]
    return Contacts(sends=pl.LazyFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row"))


PEOPLE = pl.LazyFrame({"customer_id": [1, 2]})


def test_person_by_hand():
    features = _frame(
        CustomerFeatures,
        [
            {
                "customer_id": 1, "order_count": 4, "recency_days": 9, "tenure_days": 99, "category_count": 3,
                "mean_order_amount": Decimal("19.00"), "discount_rate": 0.25,
            },
            {"customer_id": 2, "order_count": 0, "category_count": 0},
            {"customer_id": 3, "order_count": 7, "category_count": 1},
        ],
    )  # fmt: skip
    value = _frame(
        CustomerValue,
        [
            {"customer_id": who, "active_28d_probability": 0.5, "expected_spend_90d": 60.0}
            for who in (1, 2, 3)
        ],
    )
    known = person_contexts(PEOPLE, features, value, workspace=WORKSPACE, night=NIGHT).collect()
    buyer, newcomer = DecisionContext.validate(known.sort("customer_id")).rows(named=True)
    assert (buyer["workspace_id"], buyer["decided_on"], buyer["customer_id"]) == ("shop", NIGHT, 1)
    assert buyer["order_count_log"] == pytest.approx(math.log(5), abs=1e-6)
    assert buyer["recency_log"] == pytest.approx(math.log(10), abs=1e-6)
    assert buyer["tenure_log"] == pytest.approx(math.log(100), abs=1e-6)
    assert buyer["order_amount_log"] == pytest.approx(math.log(20), abs=1e-6)
    assert buyer["expected_spend_log"] == pytest.approx(math.log(61), abs=1e-6)
    assert (buyer["active_probability"], buyer["discount_rate"]) == (0.5, 0.25)
    assert buyer["category_count_log"] == pytest.approx(math.log(4), abs=1e-6)
    assert newcomer["recency_log"] == pytest.approx(math.log(3651), abs=1e-6)
    assert newcomer["tenure_log"] == newcomer["order_amount_log"] == newcomer["discount_rate"] == 0


def test_channels_by_hand():
    fatigue = _frame(
        Fatigue,
        [
            {"customer_id": 1, "channel": "email", "decayed_exposure": 2.0},
            {"customer_id": 2, "channel": "post", "decayed_exposure": 0.0},
            {"customer_id": 3, "channel": "email", "decayed_exposure": 5.0},
        ],
    )
    contacts = _sends(
        (1, "email", "bread", date(2024, 3, 1), True),
        (1, "email", None, date(2024, 3, 8), False),
        (2, "sms", "bread", date(2024, 3, 9), False),
    )
    found = channel_contexts(PEOPLE, fatigue, contacts, workspace=WORKSPACE, night=NIGHT).collect()
    email, sms = ChannelContext.validate(found.sort("customer_id")).rows(named=True)
    assert email["exposure"] == pytest.approx(math.log(3), abs=1e-6)
    assert email["response"] == pytest.approx((1 - 0.05 * 2) / (2 + 5), abs=1e-6)
    assert email["rest_days"] == 2
    assert (sms["channel"], sms["exposure"], sms["rest_days"]) == ("sms", 0.0, 1)
    assert sms["response"] == pytest.approx((0 - 0.05) / 6, abs=1e-6)


def test_offers_by_hand():
    tastes = pl.LazyFrame(
        {
            "customer_id": [1, 1, 2, 2],
            "offer_id": ["bread", "milk", "bread", "milk"],
            "taste": [0.7, 0.0, 0.0, 0.0],
        }
    )
    contacts = _sends((1, "email", None, NIGHT, True), (2, "sms", "milk", date(2024, 3, 3), True))
    found = offer_contexts(tastes, contacts, workspace=WORKSPACE, night=NIGHT).collect()
    liked, sent = OfferContext.validate(found.sort("customer_id")).rows(named=True)
    assert (liked["customer_id"], liked["offer_id"], liked["taste"], liked["rest_days"]) == (
        1,
        "bread",
        0.7,
        None,
    )
    assert (sent["customer_id"], sent["offer_id"], sent["taste"], sent["rest_days"]) == (2, "milk", 0.0, 7)
    assert (liked["response"], sent["response"]) == pytest.approx((0, (1 - 0.05) / 6), abs=1e-6)


def test_answers_after_the_end_of_the_night_do_not_exist():
    # From midnight in New York on the day after the night.
    plan = _frame(
        PlannedMessage,
        [
            {"send_id": name, "customer_id": 1, "channel": "email", "offer_id": "bread", "not_before": start}
            for name, start in (
                ("a", datetime(2024, 3, 9, 5, tzinfo=UTC)),
                ("b", datetime(2024, 3, 10, 4, tzinfo=UTC)),
            )
        ],
    )
    events = _frame(
        Activity,
        [
            {"customer_id": 1, "event_id": name, "event_type": kind, "message_id": about, "occurred_at": at}
            for name, kind, about, at in (
                ("1", "click", "a", datetime(2024, 3, 11, 3, 59, 59, tzinfo=UTC)),
                ("2", "visit", "a", datetime(2024, 3, 9, 6, tzinfo=UTC)),
                ("3", "click", "b", AS_OF),
                ("4", "open", "b", datetime(2024, 3, 10, 6, tzinfo=UTC)),
                ("5", "click", None, datetime(2024, 3, 10, 6, tzinfo=UTC)),
            )
        ],
    )  # fmt: skip
    contacts = past_contacts(
        plan, events, response_events=("click", "visit"), as_of=AS_OF, workspace=WORKSPACE
    )
    found = contacts.sends.sort("send_id").collect()
    assert found["decided_on"].to_list() == [date(2024, 3, 8), date(2024, 3, 8)]
    assert found["is_answered"].to_list() == [True, False]


def _contexts(schema: Any, rows: list[dict[str, Any]]) -> pl.DataFrame:
    filled = [{"workspace_id": "shop", "decided_on": NIGHT, "response": 0.0, **row} for row in rows]
    return _frame(schema, filled).collect()


def test_knowledge_keeps_the_order_of_the_rows():
    people = _frame(
        DecisionContext,
        [{"decided_on": NIGHT, "customer_id": who, "tenure_log": float(who)} for who in (1, 2)],
    ).collect()
    channels = _contexts(
        ChannelContext,
        [{"customer_id": 2, "channel": "sms", "exposure": 1.5, "response": 0.1, "rest_days": 3}],
    )
    offers = _contexts(
        OfferContext,
        [
            {"customer_id": 1, "offer_id": "milk", "taste": 0.4, "rest_days": None},
            {"customer_id": 1, "offer_id": "gone", "taste": 9.0, "rest_days": 1},
        ],
    )
    rows = pl.DataFrame({"customer_id": [2, 1, 2], "decided_on": [NIGHT] * 3})
    known = knowledge_of(rows, people, channels, offers, ["bread", "milk"])
    assert known.people[:, 2].tolist() == [2.0, 1.0, 2.0]
    assert known.channels[:, 1].tolist() == [[1.5, 0.1, 3.0], [0.0, 0.0, math.inf], [1.5, 0.1, 3.0]]
    assert known.offers[1].tolist() == [[0.0, 0.0, math.inf], [0.4, 0.0, math.inf]]
    assert known.offers[0].tolist() == [[0.0, 0.0, math.inf]] * 2
    assert knowledge_of(rows, people, channels, offers, []).offers.shape == (3, 0, 3)
    assert len(known) == 3
