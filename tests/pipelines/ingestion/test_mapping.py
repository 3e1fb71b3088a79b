"""Mapping: contract rows, rejected rows with reasons, and no personal value in either reason or key."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import (
    CONSENTS,
    COSTS,
    CUSTOMERS,
    EVENTS,
    ORDERS,
    PRODUCTS,
    SUPPRESSIONS,
)
from pipelines.contracts.sources import Order, RejectedRow
from pipelines.ingestion.mapping import combine_mapped, map_rows

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
SOURCE = SourceSettings(connection="main", table="t")
AT = datetime(2017, 6, 1, 12, tzinfo=UTC)


def mapped(rows, table):
    return map_rows(pl.DataFrame(rows), table=table, source=SOURCE, workspace=WORKSPACE)


def order(**changed):
    return {"order_id": 1, "customer_ref": 7, "ordered_at": AT, "net_amount": 1.5} | changed


def reasons(outcome):
    return sorted(outcome.rejected.select("row_key", "rule", "sample_value").rows())


def test_mapped_rows_keep_the_contract_with_defaults_and_nulls():
    outcome = mapped([order()], ORDERS)
    Order.validate(outcome.accepted)
    row = outcome.accepted.row(0, named=True)
    assert (row["workspace_id"], row["source"], row["order_id"]) == ("acme", "main", "1")
    assert (row["net_amount"], row["currency"]) == (Decimal("1.50"), None)
    assert outcome.rejected.is_empty()


def test_columns_that_no_contract_asks_for_change_nothing():
    wide = mapped([{"added_upstream": "x"} | order() | {"workspace_id": "somebody else"}], ORDERS)
    assert wide.accepted.equals(mapped([order()], ORDERS).accepted)


def test_a_row_that_breaks_rules_is_set_aside_with_each_rule():
    outcome = mapped([order(), order(order_id=2, customer_ref="", net_amount=float("nan"))], ORDERS)
    assert outcome.accepted.get_column("order_id").to_list() == ["1"]
    assert reasons(outcome) == [
        ('{"order_id": "2"}', "customer_ref|min_length", ""),
        ('{"order_id": "2"}', "net_amount|type", "NaN"),
    ]
    assert (outcome.read_count, outcome.rejected_count) == (2, 1)
    RejectedRow.validate(outcome.rejected)


def test_a_value_that_cannot_be_cast_breaks_only_its_type():
    outcome = mapped([order(net_amount="a lot")], ORDERS)
    assert reasons(outcome) == [('{"order_id": "1"}', "net_amount|type", "a lot")]


def test_a_missing_required_value_is_rejected():
    outcome = mapped([order(ordered_at=AT), order(order_id=2, ordered_at=None)], ORDERS)
    assert reasons(outcome) == [('{"order_id": "2"}', "ordered_at|nullability", None)]


def test_rows_without_key_are_told_apart():
    outcome = mapped([order(order_id=None), order(order_id=None, net_amount=2.5)], ORDERS)
    keys = [json.loads(key) for key in outcome.rejected.get_column("row_key")]
    assert len({key["row"] for key in keys}) == 2
    assert {key["order_id"] for key in keys} == {None}


def test_a_row_rejected_twice_the_same_way_is_one_line():
    outcome = mapped([order(customer_ref=""), order(customer_ref="")], ORDERS)
    assert (outcome.rejected.height, outcome.rejected_count) == (1, 2)


def test_a_foreign_currency_never_meets_the_workspace_currency():
    outcome = mapped([order(currency="EUR"), order(order_id=2, currency="USD")], ORDERS)
    assert reasons(outcome) == [('{"order_id": "1"}', "currency|currency_of_workspace", "EUR")]


def test_personal_values_are_in_no_rejected_row():
    customers = [{"customer_ref": "1", "email": "ana@example.com", "birth_date": "31.12.1999"}]
    outcome = mapped(customers, CUSTOMERS)
    assert reasons(outcome) == [('{"source": "main", "customer_ref": "1"}', "birth_date|type", None)]


def test_a_personal_key_is_hashed():
    outcome = mapped([{"address": "ana@example.com", "channel": "pigeon", "reason": "bounce"}], SUPPRESSIONS)
    key = json.loads(outcome.rejected.get_column("row_key").item())
    assert len(key["address"]) == 32
    assert "ana" not in str(outcome.rejected.rows())
    assert outcome.rejected.get_column("sample_value").item() == "pigeon"


def test_amounts_finer_than_a_cent_are_rounded_and_counted():
    outcome = mapped([order(net_amount=1.234), order(order_id=2, net_amount=0.1 + 0.2)], ORDERS)
    assert outcome.accepted.get_column("net_amount").to_list() == [Decimal("1.23"), Decimal("0.30")]
    assert outcome.rounded_count == 1


def test_tables_without_money_have_nothing_to_round():
    assert mapped([{"product_id": 1, "is_active": "yes"}], PRODUCTS).rounded_count == 0


def test_an_unattributed_cost_has_an_empty_campaign():
    outcome = mapped([{"date": "2017-06-01", "channel": "email", "amount": 3}], COSTS)
    assert outcome.accepted.get_column("campaign_id").to_list() == [""]


@pytest.mark.parametrize(
    ("table", "row", "rule"),
    [
        (EVENTS, {"event_id": 1, "event_type": "open", "occurred_at": AT}, "customer_ref|person_is_known"),
        (
            CONSENTS,
            {"consent_id": 1, "purpose": "m", "channel": "sms", "status": "granted", "recorded_at": AT},
            "customer_ref|person_is_known",
        ),
        (CUSTOMERS, {"customer_ref": "1", "attributes": "[1]"}, "attributes|json_object"),
        (CUSTOMERS, {"customer_ref": "1", "attributes": "{"}, "attributes|json_object"),
    ],
)
def test_rules_over_several_columns(table, row, rule):
    assert [found for _, found, _ in reasons(mapped([row], table))] == [rule]


DOCUMENTS = {
    "beyond 2^53": '{"id":9007199254740993}',
    "a key twice": '{"a":1,"a":2}',
    "200 deep": '{"a":' + "[" * 200 + "]" * 200 + "}",
    "half a character": '{"a":"\\ud800"}',
    "10 MB": '{"a":"' + "x" * 10_000_000 + '"}',
    "of SQL": None,
}


def test_documents_are_kept_as_their_text():
    outcome = mapped(
        [{"customer_ref": name, "attributes": text} for name, text in DOCUMENTS.items()], CUSTOMERS
    )
    assert dict(outcome.accepted.select("customer_ref", "attributes").iter_rows()) == DOCUMENTS
    assert outcome.rejected.is_empty()


def test_what_is_no_document_is_counted_and_not_shown():
    outcome = mapped([{"customer_ref": "a", "attributes": text} for text in ("null", "[1]", "{")], CUSTOMERS)
    assert (outcome.rejected_count, outcome.accepted.height) == (3, 0)
    assert reasons(outcome) == [('{"source": "main", "customer_ref": "a"}', "attributes|json_object", None)]


def test_an_event_of_an_unknown_address_is_accepted():
    event = {"event_id": 1, "event_type": "open", "occurred_at": AT, "email": "a@example.com"}
    assert mapped([event | {"properties": '{"a": 1}'}], EVENTS).rejected_count == 0


@pytest.mark.parametrize("table", [ORDERS, EVENTS, SUPPRESSIONS, PRODUCTS], ids=lambda table: table.name)
def test_an_empty_batch_is_typed(table):
    empty = pl.DataFrame(schema=dict.fromkeys(table.schema.column_names(), pl.String))
    outcome = map_rows(empty, table=table, source=SOURCE, workspace=WORKSPACE)
    table.schema.validate(outcome.accepted)
    assert (outcome.accepted.height, outcome.rejected.height, outcome.rounded_count) == (0, 0, 0)


def test_slices_are_as_if_they_had_been_mapped_together():
    bad = order(order_id=2, net_amount="x")
    rows = [order(net_amount="1.005"), bad, order(order_id=3, net_amount="2"), bad]
    together = mapped(rows, ORDERS)
    pieces = combine_mapped([mapped(rows[:2], ORDERS), mapped(rows[2:], ORDERS)])
    assert pieces.accepted.equals(together.accepted)
    assert pieces.rejected.equals(together.rejected)
    assert pieces.rejected.height == 1
    counts = (pieces.read_count, pieces.rejected_count, pieces.rounded_count)
    assert counts == (together.read_count, together.rejected_count, together.rounded_count) == (4, 2, 1)
