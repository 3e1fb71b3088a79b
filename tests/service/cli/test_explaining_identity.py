"""Why records are one person, in words and without names."""

from datetime import date

import pytest

from pipelines.contracts.source_tables import CUSTOMERS
from pipelines.contracts.tables import CUSTOMER_LINKS, IDENTITY_EVENTS, LINK_EVIDENCE
from service.cli.exit_codes import ExitCode

FIRST, NIGHT = date(2017, 12, 2), date(2017, 12, 3)


def link(reference, customer_id, source="shop"):
    return {
        "source": source, "customer_ref": reference, "customer_id": customer_id, "linked_on": FIRST,
        "method": "shared_email" if customer_id == 7 else "single_record", "confidence": 0.95,
    }  # fmt: skip


def pair(reference, other, kind, broken_by=None, source="shop"):
    return {
        "source": source, "customer_ref": reference, "other_source": "shop", "other_customer_ref": other,
        "kind": kind, "confidence": 0.95, "broken_by": broken_by,
    }  # fmt: skip


def event(kind, customer_id, other, count, night):
    return {
        "event": kind, "customer_id": customer_id, "from_customer_id": other, "record_count": count,
        "occurred_on": night,
    }  # fmt: skip


CUSTOMER = {"source": "shop", "customer_ref": "a", "email": "ann@example.com", "first_name": "Ann"}


@pytest.fixture
def night(workspace, publish):
    publish(FIRST, {IDENTITY_EVENTS: [event("created", 7, 7, 2, FIRST)]})
    publish(
        NIGHT,
        {
            CUSTOMERS: [CUSTOMER, {"source": "shop", "customer_ref": "b"}],
            CUSTOMER_LINKS: [link("a", 7), link("b", 7), link("c", 8), link("d", 9), link("d", 10, "club")],
            LINK_EVIDENCE: [
                pair("b", "a", "email"),
                pair("c", "b", "phone", "birth_date"),
                pair("d", "c", "likeness", "average_linkage"),
            ],
            IDENTITY_EVENTS: [event("merged", 7, 5, 1, NIGHT), event("split", 11, 7, 3, NIGHT)],
        },
    )
    return workspace


@pytest.mark.parametrize("record", [["a"], ["shop", "a"]])
def test_a_person_is_explained_in_words(onward, night, record):
    shown = onward("explain-identity", *record, "--workspace", night)
    assert shown.code == ExitCode.OK
    assert "Person 7 on the night 2017-12-03: shared email" in shown.out
    assert "b (shop) and a (shop) have the same mailbox (confidence 0.95)" in shown.out
    assert (
        "c (shop) and b (shop) have the same phone number (confidence 0.95), but are kept apart: "
        "it would give one person too many birth dates" in shown.out
    )
    assert "alike" not in shown.out
    assert "2017-12-02: first seen, with 2 records" in shown.out
    assert "2017-12-03: took in person 5, with 1 record" in shown.out
    assert "2017-12-03: gave 3 records to person 11 (split)" in shown.out
    assert "ann@example.com" not in shown.out and "Ann" not in shown.out


def test_personal_data_is_shown_only_when_asked_for(onward, night):
    shown = onward("explain-identity", "a", "-w", night, "--show-values")
    assert "a (shop): email ann@example.com, first_name Ann" in shown.out
    assert "b (shop): nothing" in shown.out


def test_a_person_of_one_record_has_nothing_to_explain(onward, night):
    shown = onward("explain-identity", "club", "d", "-w", night, "--date", "2017-12-03")
    assert "no other record has anything in common with this one" in shown.out
    assert "nothing recorded" in shown.out


@pytest.mark.parametrize(
    ("record", "what", "remedy"),
    [
        (["d"], "more than one person goes by d", "name the source too: club, shop"),
        (["nobody"], "no source has a record nobody", "sources: club, shop"),
        (["market", "a"], "there is no source market", "sources of the night: club, shop"),
        (["club", "a"], "club has no record a", "as club writes it; shop has one"),
        (["club", "zz"], "club has no record zz", "take a customer_ref as club writes it"),
        (["shop", "a", "b"], "3 words do not name a record", "onward explain-identity [SOURCE] REF"),
    ],
)
def test_a_record_that_is_not_clear_is_refused_with_what_to_do(onward, night, record, what, remedy):
    shown = onward("explain-identity", *record, "-w", night)
    assert shown.code == ExitCode.USAGE
    assert what in shown.err
    assert remedy in shown.err


def test_a_night_without_links_is_refused(onward, night):
    shown = onward("explain-identity", "a", "-w", night, "--date", "2017-11-30")
    assert shown.code == ExitCode.USAGE
    assert "no records were linked on the night 2017-11-30; the latest is 2017-12-03" in shown.err


def test_pairs_that_are_alike_are_told_with_their_weight_and_what_cut_them(onward, night):
    shown = onward("explain-identity", "shop", "d", "-w", night)
    assert "are alike by name" in shown.out
    # odds of 19 to 1 are 2 to the power of 4.2
    assert "(confidence 0.95, match weight 4.2), but are kept apart: the other records" in shown.out


def test_before_the_first_night_there_is_nothing_to_explain(onward, workspace):
    shown = onward("explain-identity", "a", "-w", workspace)
    assert shown.code == ExitCode.USAGE
    assert "no night has linked records yet" in shown.err
