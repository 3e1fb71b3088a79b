"""Suggestions for schemas as they are found: a shop, a CRM, an event stream, German names, three styles."""

import pytest

from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.ingestion.scoring import FoundColumn
from pipelines.ingestion.suggesting import FoundTable, SourceCounts, suggest_tables, weigh

#: Required columns of the contract, written down here on their own.
REQUIRED = {
    "customers": ["customer_ref"],
    "orders": ["order_id", "customer_ref", "ordered_at", "net_amount"],
    "order_lines": ["order_id", "line_number", "product_id", "quantity", "net_amount"],
    "products": ["product_id"],
    "events": ["event_id", "event_type", "occurred_at"],
    "messages": ["message_id", "customer_ref", "channel", "sent_at"],
    "campaigns": ["campaign_id", "name"],
    "campaign_members": ["campaign_id", "customer_ref"],
    "consents": ["consent_id", "purpose", "channel", "status", "recorded_at"],
    "suppressions": ["address", "channel", "reason"],
    "erasures": ["request_id", "requested_at"],
    "costs": ["date", "channel", "amount"],
}

SHOPIFY = {
    "shopify.customer": "id:integer email:text phone:text first_name:text last_name:text state:text "
    "created_at:instant updated_at:instant accepts_marketing:boolean total_spent:decimal",
    "shopify.customer_address": "id:integer customer_id:integer address_1:text city:text zip:text phone:text",
    "shopify.order": "id:integer customer_id:integer email:text created_at:instant processed_at:instant "
    "updated_at:instant currency:text financial_status:text total_price:decimal subtotal_price:decimal "
    "total_discounts:decimal source_name:text browser_ip:text name:text order_number:integer",
    "shopify.order_line": "id:integer order_id:integer index:integer product_id:integer variant_id:integer "
    "quantity:integer price:decimal pre_tax_price:decimal title:text sku:text",
    "shopify.product": "id:integer title:text body_html:text product_type:text vendor:text status:text",
    "shopify.order_tag": "order_id:integer index:integer value:text",
}
SALESFORCE = {
    "crm.Account": "Id:text Name:text BillingStreet:text BillingCity:text Phone:text CreatedDate:instant",
    "crm.Contact": "Id:text AccountId:text FirstName:text LastName:text Email:text Phone:text "
    "MobilePhone:text Birthdate:date MailingStreet:text MailingCity:text MailingPostalCode:text "
    "MailingCountry:text CreatedDate:instant LastModifiedDate:instant HasOptedOutOfEmail:boolean",
    "crm.Order": "Id:text AccountId:text BillToContactId:text OrderNumber:text EffectiveDate:date "
    "Status:text TotalAmount:decimal CurrencyIsoCode:text LastModifiedDate:instant",
    "crm.OrderItem": "Id:text OrderId:text Product2Id:text Quantity:decimal UnitPrice:decimal "
    "TotalPrice:decimal OrderItemNumber:text",
    "crm.Product2": "Id:text Name:text ProductCode:text Description:text Family:text IsActive:boolean",
    "crm.Campaign": "Id:text Name:text Type:text StartDate:date EndDate:date BudgetedCost:decimal",
    "crm.CampaignMember": "Id:text CampaignId:text ContactId:text Status:text CreatedDate:instant",
}
SEGMENT = {
    "web.identifies": "id:text received_at:instant timestamp:instant user_id:text email:text",
    "web.users": "id:text received_at:instant email:text first_name:text last_name:text created_at:instant",
    "web.tracks": "id:text received_at:instant sent_at:instant original_timestamp:instant timestamp:instant "
    "event:text event_text:text user_id:text anonymous_id:text context_ip:text",
    "web.pages": "id:text received_at:instant timestamp:instant user_id:text url:text title:text",
    "web.order_completed": "id:text timestamp:instant user_id:text order_id:text total:decimal currency:text",
}
GERMAN = {
    "shop.Kunden": "KundenNr:integer EMail:text Telefon:text Vorname:text Nachname:text Geburtsdatum:date "
    "Straße:text Ort:text PLZ:text Land:text AngelegtAm:timestamp GeändertAm:timestamp Anrede:text",
    "shop.Bestellungen": "BestellNr:integer KundenNr:integer Bestelldatum:timestamp Nettobetrag:decimal "
    "Bruttobetrag:decimal Währung:text Rabatt:decimal Status:text",
    "shop.Bestellpositionen": "BestellNr:integer Position:integer ArtikelNr:integer Menge:decimal "
    "Nettobetrag:decimal",
    "shop.Artikel": "ArtikelNr:integer Bezeichnung:text Warengruppe:text Listenpreis:decimal Aktiv:boolean",
    "shop.Einwilligungen": "Id:integer KundenNr:integer Zweck:text Kanal:text Status:text "
    "ErteiltAm:timestamp Rechtsgrundlage:text",
    "shop.Sperrliste": "EMail:text Kanal:text Grund:text ErfasstAm:timestamp",
    "shop.Loeschantraege": "AntragsNr:integer KundenNr:integer BeantragtAm:timestamp",
    "shop.Werbekosten": "Datum:date Kanal:text Kosten:decimal",
}
UPPER = {
    "CRM.DIM_CUSTOMERS": "CUSTOMER_ID:integer EMAIL_ADDRESS:text ZIP_CODE:text UPDATED_AT:timestamp SSN:text",
    "CRM.FCT_ORDERS": "ORDER_ID:integer CUSTOMER_ID:integer ORDER_DATE:timestamp NET_AMOUNT:decimal",
    "CRM.EMAIL_SENDS": "SEND_ID:text CUSTOMER_ID:integer CHANNEL:text SENT_AT:timestamp STATUS:text",
    "CRM.AUDIT_LOG": "ID:integer TABLE_NAME:text CHANGED_AT:timestamp CHANGED_BY:text",
}
CAMEL = {
    "app.customers": "customerId:text emailAddress:text givenName:text createdAt:instant traits:nested",
    "app.orders": "orderId:text customerId:text orderedAt:instant totalAmount:float updatedAt:instant",
    "app.events": "eventId:text eventName:text eventTime:instant sessionId:text properties:nested",
}


class Contract:
    """The contract as a reader of sources knows it; `misfits` are source columns that no cast can save."""

    def __init__(self, misfits=()):
        self._misfits = set(misfits)

    def required(self, table):
        return REQUIRED[table.name]

    def fits(self, table, column, found):  # noqa: ARG002  as its protocol has it
        return found.name not in self._misfits


def _found(schema):
    return [
        FoundTable(
            name,
            tuple(FoundColumn(*entry.split(":"), entry.split(":")[1].upper()) for entry in entries.split()),
        )
        for name, entries in schema.items()
    ]


def _suggest(schema, misfits=()):
    return {one.table.name: one for one in suggest_tables(_found(schema), Contract(misfits))}


def _mapping(suggestion):
    return {one.column: one.source_column for one in suggestion.columns}


def test_every_table_of_the_contract_is_required_something_of():
    assert set(REQUIRED) == set(SOURCE_TABLES)


def test_a_shop():
    found = _suggest(SHOPIFY)
    assert {name: one.source_table for name, one in found.items()} == {
        "customers": "shopify.customer",
        "orders": "shopify.order",
        "order_lines": "shopify.order_line",
        "products": "shopify.product",
    }
    assert _mapping(found["orders"]) == {
        "order_id": "id",
        "customer_ref": "customer_id",
        "ordered_at": "processed_at",
        "net_amount": "subtotal_price",
        "currency": "currency",
        "channel": "source_name",
        "discount_amount": "total_discounts",
        "status": "financial_status",
        "updated_at": "updated_at",
    }
    # the price of a unit is not the amount of the line, and the line's own id is not the order's
    lines = _mapping(found["order_lines"])
    assert lines["net_amount"] == "pre_tax_price"
    assert lines["order_id"] == "order_id"
    assert found["orders"].unread_personal == ("email", "browser_ip")


def test_a_crm_whose_customers_are_contacts():
    found = _suggest(SALESFORCE)
    assert found["customers"].source_table == "crm.Contact"
    assert found["customers"].alternatives == ("crm.Account",)
    assert _mapping(found["customers"])["customer_ref"] == "Id"
    # other tables refer to contacts by contact and to orders by Id, not by account and number
    assert _mapping(found["orders"])["customer_ref"] == "BillToContactId"
    assert _mapping(found["orders"])["order_id"] == "Id"
    assert _mapping(found["campaign_members"])["customer_ref"] == "ContactId"
    assert _mapping(found["order_lines"])["order_id"] == "OrderId"
    assert _mapping(found["campaigns"])["budget"] == "BudgetedCost"
    assert found["customers"].unread_personal == ("MobilePhone",)


def test_an_event_stream():
    found = _suggest(SEGMENT)
    assert {name: one.source_table for name, one in found.items()} == {
        "customers": "web.users",
        "orders": "web.order_completed",
        "events": "web.tracks",
    }
    assert _mapping(found["events"]) == {
        "event_id": "id",
        "event_type": "event",
        "occurred_at": "timestamp",
        "customer_ref": "user_id",
        "device_id": "anonymous_id",
        "ingested_at": "received_at",
    }
    assert _mapping(found["orders"])["order_id"] == "order_id"
    assert "web.identifies" in found["customers"].alternatives


def test_german_names():
    found = _suggest(GERMAN)
    assert {name: one.source_table.removeprefix("shop.") for name, one in found.items()} == {
        "customers": "Kunden",
        "orders": "Bestellungen",
        "order_lines": "Bestellpositionen",
        "products": "Artikel",
        "consents": "Einwilligungen",
        "suppressions": "Sperrliste",
        "erasures": "Loeschantraege",
        "costs": "Werbekosten",
    }
    customers = _mapping(found["customers"])
    assert customers["street"] == "Straße"
    assert customers["postcode"] == "PLZ"
    assert customers["updated_at"] == "GeändertAm"
    assert _mapping(found["orders"])["net_amount"] == "Nettobetrag"
    assert _mapping(found["consents"])["recorded_at"] == "ErteiltAm"
    assert all(one.missing == () for one in found.values())


def test_upper_case_and_camel_case():
    upper, camel = _suggest(UPPER), _suggest(CAMEL)
    assert list(upper) == ["customers", "orders", "messages"]
    assert _mapping(upper["messages"])["message_id"] == "SEND_ID"
    assert upper["customers"].unread_personal == ("SSN",)
    assert _mapping(camel["customers"])["attributes"] == "traits"
    assert _mapping(camel["orders"])["ordered_at"] == "orderedAt"
    # a total may hold tax: it is suggested, and less surely
    (total,) = [one for one in camel["orders"].columns if one.column == "net_amount"]
    assert total.source_column == "totalAmount"
    assert total.confidence < 0.8


def test_personal_columns_and_codes_are_marked():
    found = _suggest(GERMAN)
    personal = {one.column for one in found["customers"].columns if one.is_personal}
    assert personal == {
        *("email", "phone", "first_name", "last_name", "birth_date", "street", "city", "postcode"),
    }
    (channel,) = [one for one in found["consents"].columns if one.column == "channel"]
    assert channel.note == "must be one of email, sms, push, post"


def test_nothing_is_suggested_for_tables_of_something_else():
    assert (
        _suggest({"ops.audit_log": "id:integer table_name:text changed_at:timestamp", "ops.t": "a:text"})
        == {}
    )
    assert suggest_tables([], Contract()) == []


def test_a_type_that_cannot_be_cast_is_not_suggested():
    columns = "order_id:text customer_id:text placed_at:integer net_amount:decimal status:text"
    orders = _suggest({"s.orders": columns}, misfits=["placed_at"])["orders"]
    assert "ordered_at" not in _mapping(orders)
    assert orders.missing == ("ordered_at",)


def test_a_table_without_its_key_is_not_suggested():
    assert _suggest({"s.orders": "placed_at:instant net_amount:decimal status:text currency:text"}) == {}


def test_order_of_tables_does_not_matter():
    backwards = dict(reversed(list(SHOPIFY.items())))
    assert _suggest(SHOPIFY) == _suggest(backwards)


@pytest.mark.parametrize(
    ("schema", "name", "row_count", "cursor"),
    [
        (SHOPIFY, "orders", 100_000, "updated_at"),
        (SHOPIFY, "orders", 99_999, None),
        (SHOPIFY, "orders", None, "updated_at"),
        (SHOPIFY, "products", 10_000_000, None),
        (SEGMENT, "events", 10_000_000, "occurred_at"),
        (UPPER, "orders", 10_000_000, "ordered_at"),
        (GERMAN, "consents", 10_000_000, None),
    ],
)
def test_only_large_tables_that_grow_are_read_by_a_cursor(schema, name, row_count, cursor):
    suggestion = _suggest(schema)[name]
    if row_count is not None:
        filled = {one.source_column: row_count for one in suggestion.columns}
        suggestion = weigh(suggestion, SourceCounts(row_count=row_count, filled_counts=filled))
    assert suggestion.cursor == cursor


def test_a_cursor_that_is_often_empty_is_passed_over():
    orders = _suggest(SHOPIFY)["orders"]
    filled = {one.source_column: 200_000 for one in orders.columns}
    counts = SourceCounts(row_count=200_000, filled_counts={**filled, "updated_at": 100_000})
    assert weigh(orders, counts).cursor == "ordered_at"


def test_without_a_cursor_that_is_filled_the_table_is_read_in_full():
    orders = _suggest(SHOPIFY)["orders"]
    counts = SourceCounts(row_count=200_000, filled_counts={"updated_at": 0, "processed_at": 100_000})
    assert weigh(orders, counts).cursor is None


def test_keys_that_repeat_count_against_a_table():
    orders = _suggest(SHOPIFY)["orders"]
    assert orders.key == ("id",)
    filled = {one.source_column: 200 for one in orders.columns}
    once = weigh(orders, SourceCounts(row_count=200, filled_counts=filled, distinct_key_count=200))
    assert (once.confidence, once.note) == (orders.confidence, "")
    twice = weigh(orders, SourceCounts(row_count=200, filled_counts=filled, distinct_key_count=100))
    assert twice.confidence == pytest.approx(orders.confidence / 2)
    assert twice.note == "the key repeats: 100 keys in 200 rows"


def test_empty_cells_are_told_and_count_where_they_must_not_be():
    orders = _suggest(SHOPIFY)["orders"]
    filled = {one.source_column: 200 for one in orders.columns}
    counts = SourceCounts(
        row_count=200, filled_counts={**filled, "subtotal_price": 150, "total_discounts": 0, "currency": 100}
    )
    weighed = {one.column: one for one in weigh(orders, counts).columns}
    before = {one.column: one.confidence for one in orders.columns}
    assert weighed["net_amount"].empty_rate == pytest.approx(0.25)
    assert weighed["net_amount"].confidence == pytest.approx(before["net_amount"] * 0.75)
    assert weighed["net_amount"].note == "rows without it are rejected"
    assert weighed["discount_amount"].note == "always empty"
    assert weighed["discount_amount"].confidence == pytest.approx(before["discount_amount"] / 2)
    assert weighed["currency"].confidence == before["currency"]
    assert weighed["currency"].empty_rate == pytest.approx(0.5)
    assert weigh(orders, counts).confidence < orders.confidence


def test_a_required_column_that_is_always_empty_is_worth_nothing():
    orders = _suggest(SHOPIFY)["orders"]
    counts = SourceCounts(row_count=10, filled_counts={"subtotal_price": 0})
    (amount,) = [one for one in weigh(orders, counts).columns if one.column == "net_amount"]
    assert amount.confidence == 0.0


def test_an_empty_table_is_half_as_sure():
    orders = _suggest(SHOPIFY)["orders"]
    empty = weigh(orders, SourceCounts(row_count=0, filled_counts={}, distinct_key_count=0))
    assert (empty.row_count, empty.note) == (0, "the table is empty")
    assert empty.confidence == pytest.approx(orders.confidence / 2)
