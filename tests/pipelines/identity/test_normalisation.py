"""Identifiers as they are compared: spellings of one mailbox, numbers with and without a country, names."""

import phonenumbers
import polars as pl
import pytest

from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.identity.normalisation import (
    comparable_name,
    loyalty_number,
    with_matchable_email,
    with_matchable_phone,
)


def emails(*texts, **settings):
    records = pl.LazyFrame({"email": texts}, schema={"email": pl.String})
    return with_matchable_email(records, IdentitySettings(**settings)).collect()["email"].to_list()


@pytest.mark.parametrize(
    ("written", "mailbox"),
    [
        (" Ann@Example.com ", "ann@example.com"),
        ("A.n.n+shop@gmail.com", "ann@gmail.com"),
        ("a.nn@googlemail.com", "ann@gmail.com"),
        ("a.nn+shop@outlook.com", "a.nn@outlook.com"),  # dots count there
        ("ann@hotmail.com", "ann@hotmail.com"),  # not a mailbox of outlook.com
        ("ann+shop@example.com", "ann+shop@example.com"),  # nobody says what the tag means there
        ("+tag@gmail.com", "+tag@gmail.com"),
        ("info@example.com", None),
        ("nonsense", None),
        (None, None),
        ("JOSE\u0301@example.com", "jos\u00e9@example.com"),
    ],
)
def test_spellings_of_a_mailbox(written, mailbox):
    assert emails(written) == [mailbox]


def test_roles_and_providers_are_settings():
    assert emails("info@example.com", "boss@example.com", role_mailboxes=("boss",)) == [
        "info@example.com",
        None,
    ]
    assert emails("a.n+x@gmail.com", mail_providers=()) == ["a.n+x@gmail.com"]


def phones(*rows, **settings):
    records = pl.LazyFrame(
        {"phone": [phone for phone, _ in rows], "country": [country for _, country in rows]},
        schema={"phone": pl.String, "country": pl.String},
    )
    return with_matchable_phone(records, IdentitySettings(**settings)).collect()["phone"].to_list()


@pytest.mark.parametrize(
    ("phone", "country", "expected"),
    [
        ("020 7946 0000", "GB", "+442079460000"),
        ("+44 (0)20 7946 0000", None, "+442079460000"),
        ("0044 20 7946 0000", "US", "+442079460000"),
        ("011 44 20 7946 0000", "US", "+442079460000"),  # dialled from America: needs the parser
        ("1 (216) 555-0101", "us", "+12165550101"),
        ("216-555-0101 ext 5", "US", "+12165550101"),
        ("2165550101", None, "2165550101"),  # a national number equals only itself
        ("06 698 12345", "IT", "+390669812345"),  # the zero belongs to the number there
        ("11 15 2345 6789", "AR", "+5491123456789"),  # rewritten by rule: needs the parser
        ("2165550101", "ZZ", "2165550101"),  # no such country
        ("2165550101987", "US", "2165550101987"),  # not possible there
        ("12", "US", None),
        (None, "US", None),
        ("000 000 0000", "US", None),
        ("+1 111 111 1111", None, None),
        ("123456789", None, None),
    ],
)
def test_phone_numbers_by_country(phone, country, expected):
    assert phones((phone, country)) == [expected]


def test_the_workspace_says_the_country_where_the_record_does_not():
    rows = (("2165550101", None), ("020 7946 0000", "GB"), (None, None))
    assert phones(*rows, phone_country="US") == ["+12165550101", "+442079460000", None]


def test_only_distinct_odd_numbers_go_through_the_parser(monkeypatch):
    parsed = []
    real = phonenumbers.parse
    monkeypatch.setattr(phonenumbers, "parse", lambda *given: parsed.append(given) or real(*given))
    plain = [(f"216555{number:04d}", "US") for number in range(50)]
    odd = [("0114420794609" + "11", "US")] * 20
    phones(*plain, *odd)
    assert len(parsed) <= 1


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("  Jos\u00e9-María ", "jose maria"),
        ("STRAßE", "strasse"),
        ("GROẞ", "gross"),
        ("ﬁne", "fine"),  # one sign for two letters
        ("O'Neil", "o neil"),
        ("--", None),
        (None, None),
    ],
)
def test_names_are_compared_without_accents_and_case(written, expected):
    found = pl.LazyFrame({"name": [written]}, schema={"name": pl.String}).select(
        comparable_name(pl.col("name"))
    )
    assert found.collect()["name"].to_list() == [expected]


def test_a_loyalty_number_is_read_from_the_attributes():
    records = pl.LazyFrame({"attributes": ['{"card": " 7 "}', '{"card": ""}', "{}", None]})
    settings = IdentitySettings(loyalty_attribute="card")
    found = records.select(card=loyalty_number(settings)).collect()["card"].to_list()
    assert found == ["7", None, None, None]
    assert records.select(card=loyalty_number(IdentitySettings())).collect()["card"].to_list() == [None]


def test_what_was_never_compared_must_be_below_the_cut():
    with pytest.raises(ValueError, match="absent_pair_weight"):
        IdentitySettings(absent_pair_weight=-2.0)
