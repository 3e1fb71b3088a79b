"""Linking: who becomes one person, who stays two, and whose id lives on."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.contracts.identity import CustomerLink, IdentityEvent, LinkEvidence
from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import Customer
from pipelines.identity.linking import link_records, match_records

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD")
FIRST, SECOND = date(2017, 6, 1), date(2017, 6, 2)
NOBODY = CustomerLink.create_empty(lazy=True)


def records(*rows):
    """Rows as dictionaries; `ref` is required."""
    schema = {name: column.dtype for name, column in Customer.columns().items()}
    full = [
        dict.fromkeys(schema)
        | {"workspace_id": "acme", "source": row.get("source", "main"), "customer_ref": row["ref"]}
        | {name: value for name, value in row.items() if name in schema}
        for row in rows
    ]
    return pl.DataFrame(full, schema=schema).lazy()


def resolved(*rows, previous=NOBODY, night=FIRST, **settings):
    matches = match_records(records(*rows), IdentitySettings(**settings))
    found = link_records(matches, previous, night=night, workspace=WORKSPACE)
    CustomerLink.validate(found.customer_links)
    IdentityEvent.validate(found.identity_events)
    LinkEvidence.validate(found.link_evidence)
    return found


def linked(*rows, previous=NOBODY, night=FIRST, **settings):
    return resolved(*rows, previous=previous, night=night, **settings).customer_links


def groups(links):
    """Sets of records that are one person."""
    people = links.group_by("customer_id").agg("customer_ref").get_column("customer_ref").to_list()
    return sorted(sorted(person) for person in people)


def id_of(links, ref):
    return links.filter(customer_ref=ref).get_column("customer_id").item()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"ref": "a", "email": "x@example.com"}, {"ref": "b", "email": " X@example.com"}], [["a", "b"]]),
        ([{"ref": "a", "phone": "+1 216 555 0101"}, {"ref": "b", "phone": "001-216-555-0101"}], [["a", "b"]]),
        ([{"ref": "a"}, {"ref": "b"}], [["a"], ["b"]]),  # null is no identifier
        (
            [{"ref": "a", "email": "info@example.com"}, {"ref": "b", "email": "info@example.com"}],
            [["a"], ["b"]],
        ),
        ([{"ref": "a", "phone": "000 000 0000"}, {"ref": "b", "phone": "0000000000"}], [["a"], ["b"]]),
        ([{"ref": "a", "phone": "123456789"}, {"ref": "b", "phone": "123456789"}], [["a"], ["b"]]),
        (
            [  # a chain: e-mail, then phone
                {"ref": "a", "email": "x@example.com"},
                {"ref": "b", "email": "x@example.com", "phone": "2165550101"},
                {"ref": "c", "phone": "2165550101"},
            ],
            [["a", "b", "c"]],
        ),
        (
            [  # father and son share a mailbox; a third record does not say which of them it is
                {"ref": "a", "email": "x@example.com", "birth_date": date(1960, 1, 1)},
                {"ref": "b", "email": "x@example.com", "birth_date": date(1990, 1, 1)},
                {"ref": "c", "email": "x@example.com"},
                {"ref": "d", "email": "x@example.com", "birth_date": date(1990, 1, 1)},
            ],
            [["a"], ["b", "d"], ["c"]],
        ),
        (
            [  # one birth date known: no contradiction
                {"ref": "a", "email": "x@example.com", "birth_date": date(1960, 1, 1)},
                {"ref": "b", "email": "x@example.com"},
            ],
            [["a", "b"]],
        ),
    ],
)
def test_records_with_a_usable_identifier_in_common_are_one_person(rows, expected):
    assert groups(linked(*rows)) == expected


@pytest.mark.parametrize(("size", "people"), [(5, 1), (6, 6)])
def test_an_identifier_in_too_many_records_links_none(size, people):
    rows = [{"ref": str(number), "email": "x@example.com"} for number in range(size)]
    assert linked(*rows).get_column("customer_id").n_unique() == people


def test_the_same_ref_in_two_sources_is_two_records():
    links = linked({"ref": "a"}, {"ref": "a", "source": "shop"})
    assert links.get_column("customer_id").n_unique() == 2


def test_method_and_confidence_say_how_a_link_was_found():
    links = linked(
        {"ref": "a", "email": "x@example.com"},
        {"ref": "b", "email": "x@example.com", "phone": "2165550101"},
        {"ref": "c", "phone": "2165550101"},
        {"ref": "d"},
    )
    found = links.sort("customer_ref").select("method", "confidence").rows()
    assert found == [("shared_email_phone", 0.9)] * 3 + [("single_record", 1.0)]


def test_shuffled_records_get_the_same_ids():
    rows = [{"ref": str(number), "email": f"{number % 7}@example.com"} for number in range(20)]
    assert_frame_equal(linked(*rows), linked(*rows[::-1]), check_row_order=False)


def test_ids_live_on_and_newcomers_do_not_disturb_them():
    first = linked({"ref": "b", "email": "x@example.com"}, {"ref": "c"})
    second = linked(
        {"ref": "a", "email": "x@example.com"},  # sorts before everyone
        {"ref": "b", "email": "x@example.com"},
        {"ref": "c"},
        previous=first.lazy(),
        night=SECOND,
    )
    assert id_of(second, "a") == id_of(second, "b") == id_of(first, "b")
    assert id_of(second, "c") == id_of(first, "c")
    assert dict(second.select("customer_ref", "linked_on").rows()) == {"a": SECOND, "b": FIRST, "c": FIRST}


def test_a_bridge_merges_two_people_and_its_removal_splits_them():
    two = [
        {"ref": "a", "email": "x@example.com"},
        {"ref": "b", "email": "x@example.com"},
        {"ref": "c", "phone": "2165550101"},
    ]
    bridge = {"ref": "z", "email": "x@example.com", "phone": "2165550101"}
    first = linked(*two)
    merged = linked(*two, bridge, previous=first.lazy(), night=SECOND)
    assert merged.get_column("customer_id").unique().to_list() == [id_of(first, "a")]
    again = linked(*two, previous=merged.lazy(), night=SECOND)
    assert groups(again) == [["a", "b"], ["c"]]
    assert id_of(again, "a") == id_of(first, "a")


def test_running_a_night_again_changes_nothing():
    rows = [{"ref": "a", "email": "x@example.com"}, {"ref": "b", "email": "x@example.com"}, {"ref": "c"}]
    first = linked(*rows)
    assert_frame_equal(linked(*rows, previous=first.lazy(), night=SECOND), first, check_row_order=False)


def test_no_record_gives_no_link():
    assert linked().is_empty()


def events(found):
    names = ("event", "customer_id", "from_customer_id", "record_count")
    return sorted(found.identity_events.select(names).rows())


def test_spellings_of_one_mailbox_are_one_person():
    rows = [{"ref": "a", "email": "a.nn+shop@gmail.com"}, {"ref": "b", "email": "ann@googlemail.com"}]
    assert groups(linked(*rows)) == [["a", "b"]]
    assert groups(linked(*rows, mail_providers=())) == [["a"], ["b"]]


def test_the_quarantine_is_a_setting():
    rows = [{"ref": str(number), "email": "x@example.com"} for number in range(6)]
    assert groups(linked(*rows, maximum_records_per_identifier=6)) == [[row["ref"] for row in rows]]


def test_a_loyalty_card_links_and_two_cards_keep_apart():
    rows = [
        {"ref": "a", "email": "x@example.com", "attributes": '{"card": "1"}'},
        {"ref": "b", "email": "x@example.com", "attributes": '{"card": "2"}'},
        {"ref": "c", "email": "x@example.com"},  # does not say whose it is
        {"ref": "d", "attributes": '{"card": "2"}'},
    ]
    assert groups(linked(*rows, loyalty_attribute="card")) == [["a"], ["b", "d"], ["c"]]
    assert groups(linked(*rows)) == [["a", "b", "c"], ["d"]]


def test_father_and_son_stay_two_over_a_third_record():
    found = resolved(
        {"ref": "a", "email": "x@example.com", "birth_date": date(1960, 1, 1)},
        {"ref": "b", "email": "x@example.com", "phone": "2165550101"},
        {"ref": "c", "phone": "2165550101", "birth_date": date(1990, 1, 1)},
    )
    assert groups(found.customer_links) == [["a", "b"], ["c"]]  # the phone is the weaker edge
    evidence = found.link_evidence.select("customer_ref", "other_customer_ref", "kind", "broken_by").rows()
    assert sorted(evidence) == [("b", "a", "email", None), ("c", "b", "phone", "birth_date")]


def test_two_birth_dates_are_allowed_where_the_workspace_says_so():
    rows = [
        {"ref": "a", "email": "x@example.com", "birth_date": date(1960, 1, 1)},
        {"ref": "b", "email": "x@example.com", "birth_date": date(1990, 1, 1)},
    ]
    assert groups(linked(*rows, maximum_birth_dates=2)) == [["a", "b"]]


def test_the_first_night_creates_everybody():
    found = resolved({"ref": "a", "email": "x@example.com"}, {"ref": "b", "email": "x@example.com"})
    person = id_of(found.customer_links, "a")
    assert events(found) == [("created", person, person, 2)]
    assert found.identity_events["occurred_on"].to_list() == [FIRST]


def test_merge_split_move_and_retirement_are_events():
    mail, phone = {"email": "x@example.com"}, {"phone": "2165550101"}
    start = [{"ref": "a", **mail}, {"ref": "b", **mail}, {"ref": "c", **phone}, {"ref": "gone"}]
    first = resolved(*start).customer_links
    one, two, gone = id_of(first, "a"), id_of(first, "c"), id_of(first, "gone")
    bridge = {"ref": "z", **mail, **phone}
    merged = resolved(*start[:3], bridge, previous=first.lazy(), night=SECOND)
    assert events(merged) == [("merged", one, two, 1), ("retired", gone, gone, 1)]
    split = resolved(*start[:3], previous=merged.customer_links.lazy(), night=date(2017, 6, 3))
    fresh = id_of(split.customer_links, "c")
    assert events(split) == [("split", fresh, one, 1)]
    moved = resolved(
        {"ref": "a", **mail}, {"ref": "b", **phone}, {"ref": "c", **phone},
        previous=split.customer_links.lazy(), night=date(2017, 6, 4),
    )  # fmt: skip
    assert events(moved) == [("moved", fresh, one, 1)]
    assert id_of(moved.customer_links, "b") == fresh


def test_the_oldest_id_wins_a_merge_though_it_has_fewer_records():
    old = linked({"ref": "c", "phone": "2165550101"})
    mail = [{"ref": ref, "email": "x@example.com"} for ref in ("a", "b")]
    two = linked({"ref": "c", "phone": "2165550101"}, *mail, previous=old.lazy(), night=SECOND)
    bridge = {"ref": "z", "email": "x@example.com", "phone": "2165550101"}
    merged = linked(
        {"ref": "c", "phone": "2165550101"}, *mail, bridge, previous=two.lazy(), night=date(2017, 6, 3)
    )
    assert merged.get_column("customer_id").unique().to_list() == [id_of(old, "c")]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 3)), max_size=6),
        min_size=2,
        max_size=4,
    )
)
def test_events_account_for_every_id(nights):
    previous = NOBODY
    for number, night in enumerate(nights):
        rows = {ref: {"ref": f"r{ref}", "email": f"{mail}@example.com", "phone": f"216555010{phone}"}
                for ref, mail, phone in night}  # fmt: skip
        found = resolved(*rows.values(), previous=previous, night=date(2017, 6, 1 + number))
        before = set(previous.collect()["customer_id"])
        after = set(found.customer_links["customer_id"])
        by_kind = {
            kind: found.identity_events.filter(event=kind)
            for kind in ("created", "split", "merged", "retired", "moved")
        }
        came = set(by_kind["created"]["customer_id"]) | set(by_kind["split"]["customer_id"])
        went = set(by_kind["merged"]["from_customer_id"]) | set(by_kind["retired"]["customer_id"])
        assert after == (before | came) - went
        assert not came & before and went <= before
        previous = found.customer_links.lazy()
