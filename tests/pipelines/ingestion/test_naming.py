"""Names in every style come down to the same words; likeness is 1 for the same name and 0 for another."""

import pytest

from pipelines.ingestion.naming import likeness, words


@pytest.mark.parametrize(
    "name",
    ["order_id", "orderId", "OrderID", "ORDER_ID", "order id", "Order-Ids", "ORDER_ID__c", "dim_order_id"],
)
def test_all_styles_are_the_same_words(name):
    assert words(name) == ("order", "id")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Straße", ("strasse",)),
        ("GeändertAm", ("geaendert", "am")),
        ("Währung", ("waehrung",)),
        ("prénom", ("prenom",)),
        ("Addresses", ("address",)),
        ("categories", ("category",)),
        ("boxes", ("box",)),
        ("status", ("status",)),
        ("address1", ("address", "1")),
        ("HTTPServer", ("http", "server")),
        ("raw", ("raw",)),
        ("", ()),
    ],
)
def test_accents_plurals_and_digits(name, expected):
    assert words(name) == expected


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("customerid", "customer id", 1.0),
        ("EMAIL_ADDRESS", "email address", 1.0),
        ("id_customer", "customer id", 0.95),
        ("billing_email", "email", 0.65),
        ("quantity", "colour", 0.0),
        ("", "email", 0.0),
        # one word of three in common: 0.75 / 3
        ("order_date", "order id", 0.25),
    ],
)
def test_likeness_of_names(name, known, expected):
    assert likeness(name, known) == pytest.approx(expected)


def test_words_of_the_table_do_not_count_against_a_column():
    assert likeness("order_status", "status") == pytest.approx(0.65)
    assert likeness("order_status", "status", context=frozenset({"order"})) == pytest.approx(0.92)


def test_a_slip_of_the_pen_is_nearly_the_same_name():
    # "quantiy" has 7 of 8 letters: 2 · 7 / 15 of the spelling weight 0.85
    assert likeness("quantiy", "quantity") == pytest.approx(0.85 * 14 / 15)
    assert likeness("quant", "quantity") == 0.0
