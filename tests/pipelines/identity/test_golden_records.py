"""Survivorship: the newest value that is known, whole addresses, and who can be reached where."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from pipelines.contracts.identity import ContactPoint, CustomerLink, Profile, ProfileSource
from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import Customer
from pipelines.identity.linking import match_records
from pipelines.identity.resolution import resolve_identities

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD")
JANUARY, MARCH = datetime(2017, 1, 1, tzinfo=UTC), datetime(2017, 3, 1, tzinfo=UTC)
DEFAULTS = IdentitySettings()
HOME = {"street": "1 Example Street", "city": "Sampleville", "postcode": "00000"}


def resolve(*rows, settings=DEFAULTS):
    """Records that share a mailbox, so that all of them are one person."""
    schema = {name: column.dtype for name, column in Customer.columns().items()}
    base = dict.fromkeys(schema) | {"workspace_id": "acme", "source": "main", "email": "x@example.com"}
    full = [base | {"customer_ref": str(number)} | row for number, row in enumerate(rows)]
    customers = pl.DataFrame(full, schema=schema).lazy()
    return resolve_identities(
        customers,
        match_records(customers, settings),
        CustomerLink.create_empty(lazy=True),
        night=date(2017, 6, 1),
        workspace=WORKSPACE,
        settings=settings,
    )


def profile(*rows):
    profiles = resolve(*rows).profiles.collect()
    Profile.validate(profiles)
    return profiles.row(0, named=True)


@pytest.mark.parametrize(
    ("rows", "first_name"),
    [
        ([{"first_name": "Ann", "updated_at": JANUARY}, {"first_name": "Ana", "updated_at": MARCH}], "Ana"),
        ([{"first_name": "Ann", "updated_at": JANUARY}, {"updated_at": MARCH}], "Ann"),
        ([{"first_name": "Ann", "updated_at": JANUARY}, {"first_name": "Ana"}], "Ann"),
        ([{"first_name": "Ann"}, {"first_name": "Ana"}], "Ann"),  # a tie: the smallest record
        ([{}, {}], None),
    ],
)
def test_the_newest_known_value_survives(rows, first_name):
    assert profile(*rows)["first_name"] == first_name


def test_a_whole_address_survives_a_newer_fragment():
    found = profile(HOME | {"updated_at": JANUARY}, {"city": "Elsewhere", "updated_at": MARCH})
    assert [found[name] for name in HOME] == list(HOME.values())


def test_fragments_are_used_where_no_record_has_a_whole_address():
    found = profile({"city": "Sampleville"}, {"street": "1 Example Street"})
    assert (found["city"], found["street"], found["postcode"]) == ("Sampleville", "1 Example Street", None)


def test_a_profile_counts_its_records_and_is_as_old_as_the_oldest():
    found = profile({"created_at": MARCH}, {"created_at": JANUARY}, {})
    assert (found["record_count"], found["created_at"]) == (3, JANUARY)


def addresses(*rows):
    points = resolve(*rows).contact_points.collect()
    ContactPoint.validate(points)
    return dict(points.select("channel", "address").rows())


def test_contact_points_are_normalised_and_only_where_there_is_an_address():
    assert addresses({"phone": "+1 (216) 555-0101"} | HOME) == {
        "email": "x@example.com",
        "sms": "+12165550101",
        "post": "1 Example Street, Sampleville, 00000",
    }
    assert addresses({"phone": "12", "street": "1 Example Street"}) == {"email": "x@example.com"}


def test_an_address_that_cannot_be_delivered_does_not_displace_one_that_can():
    found = addresses(
        {"phone": "+1 216 555 0101", "updated_at": JANUARY}, {"phone": "unknown", "updated_at": MARCH}
    )
    assert found["sms"] == "+12165550101"


def test_links_cover_every_record():
    assert resolve({}, {}, {"email": None}).customer_links.collect().height == 3


def sources(*rows, settings=DEFAULTS):
    chosen = resolve(*rows, settings=settings).profile_sources.collect()
    ProfileSource.validate(chosen)
    return {row["attribute"]: (row["customer_ref"], row["rule"]) for row in chosen.iter_rows(named=True)}


CLUB = {"first_name": "Ann", "source": "club", "updated_at": JANUARY}
VERIFYING = IdentitySettings(survivorship={"verified_sources": {"first_name": ("club",)}})


@pytest.mark.parametrize(
    ("rows", "settings", "expected"),
    [
        ([{"first_name": "Ann"}], DEFAULTS, ("0", "agreed")),
        ([{"first_name": "Ann"}, {"first_name": "Ann"}], DEFAULTS, ("0", "agreed")),
        (
            [CLUB, {"first_name": "Ana", "updated_at": MARCH}],
            VERIFYING,
            ("0", "verified"),
        ),
        (
            [CLUB, {"first_name": "Ana", "updated_at": MARCH}],
            DEFAULTS,
            ("1", "recent"),
        ),
        ([{"first_name": "Ann"}, {"first_name": "Ana"}, {"first_name": "Ana"}], DEFAULTS, ("1", "frequent")),
        ([{"first_name": "Ann"}, {"first_name": "Ana"}], DEFAULTS, ("0", "first")),
        ([{"first_name": "Ann", "updated_at": JANUARY}, {"updated_at": MARCH}], DEFAULTS, ("0", "agreed")),
    ],
)  # fmt: skip
def test_the_rule_that_decided_is_told(rows, settings, expected):
    assert sources(*rows, settings=settings)["first_name"] == expected


def test_the_whole_address_comes_from_one_record_and_is_told():
    found = sources(HOME | {"updated_at": JANUARY}, {"city": "Elsewhere", "updated_at": MARCH})
    assert found["city"] == ("0", "whole_address")
    assert found["post"] == ("0", "agreed")
    assert "first_name" not in found


def test_the_source_of_an_address_to_write_to_is_told():
    found = sources(
        {"phone": "+12165550101", "updated_at": JANUARY}, {"phone": "+12165550102", "updated_at": MARCH}
    )
    assert found["sms"] == ("1", "recent")
    assert found["email"] == ("1", "agreed")  # both have it; the newer is told
