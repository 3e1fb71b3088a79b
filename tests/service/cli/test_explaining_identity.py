"""Why records are one person, in words and without names; and how often that is right."""

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
                pair("d", "c", "likeness"),
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
        "c (shop) and b (shop) have the same phone number, but are kept apart: it would give one person "
        in (shown.out)
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
    ("record", "what"),
    [
        (["d"], "more than one person goes by d"),
        (["nobody"], "no record goes by nobody"),
        (["shop", "a", "b"], "goes by shop a b"),
        ([], "say which record, or give a file of labels"),
    ],
)
def test_a_record_that_is_not_clear_is_refused(onward, night, record, what):
    shown = onward("explain-identity", *record, "-w", night)
    assert shown.code == ExitCode.USAGE
    assert what in shown.err


def test_before_the_first_night_there_is_nothing_to_explain(onward, workspace):
    shown = onward("explain-identity", "a", "-w", workspace)
    assert shown.code == ExitCode.USAGE
    assert "no night has linked records yet" in shown.err


def test_labels_measure_precision_and_recall(onward, night, tmp_path):
    labels = tmp_path / "labels.csv"
    # a and b are together, rightly; c belongs to them and is alone; unknown records are left out
    labels.write_text("source,customer_ref,person\nshop,a,p\nshop,b,p\nshop,c,p\nshop,zz,q\n")
    shown = onward("explain-identity", "--labels", labels, "-w", night)
    assert shown.code == ExitCode.OK
    assert "3 labelled records on the night 2017-12-03" in shown.out
    assert "pairwise: precision 1.0000, recall 0.3333, f1 0.5000" in shown.out
    # recall of a and b 2/3 each, of c 1/3: 5/9
    assert "B-cubed: precision 1.0000, recall 0.5556, f1 0.7143" in shown.out


def test_labels_without_a_pair_have_no_precision(onward, night, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("source,customer_ref,person\nshop,a,p\n")
    assert (
        "pairwise: precision not defined" in onward("explain-identity", "--labels", labels, "-w", night).out
    )


@pytest.mark.parametrize(
    ("text", "what"), [("source,person\nshop,p\n", "no column customer_ref"), (None, "cannot be read")]
)
def test_labels_that_cannot_be_used_are_refused(onward, night, tmp_path, text, what):
    labels = tmp_path / "labels.csv"
    if text is not None:
        labels.write_text(text)
    shown = onward("explain-identity", "--labels", labels, "-w", night)
    assert shown.code == ExitCode.USAGE
    assert what in shown.err
