import pytest

from pipelines.ingestion.personal_names import looks_personal


@pytest.mark.parametrize(
    "name",
    [
        *("email", "EMAIL_ADDRESS", "billingEmail", "mobilePhone", "Vorname", "last_name", "customer_name"),
        *("date_of_birth", "street", "CITY", "plz", "ip_address", "browser_ip", "user_agent", "anonymous_id"),
        *("iban", "SSN", "Anrede", "gender", "password_hash", "cookie_id", "postal_code", "latitude"),
    ],
)
def test_columns_about_people_are_recognised(name):
    assert looks_personal(name)


@pytest.mark.parametrize(
    "name",
    ["order_id", "customer_id", "net_amount", "product_name", "status", "created_at", "country", "sku"],
)
def test_other_columns_are_not(name):
    assert not looks_personal(name)


def test_a_mere_name_is_personal_among_people():
    assert looks_personal("Name", table="crm.contacts")
    assert not looks_personal("Name", table="crm.products")
    assert not looks_personal("name")
