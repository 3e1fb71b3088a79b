"""Labels: people and pairs, worked out by hand, and what is refused."""

import polars as pl
import pytest

from pipelines.identity.labels import LabelError, Shares, measure_links


def links(**people):
    rows = [("shop", reference, person) for reference, person in people.items()]
    return pl.DataFrame(rows, schema=["source", "customer_ref", "customer_id"], orient="row")


def people(*rows):
    full = [("shop", *row) for row in rows]
    return pl.DataFrame(full, schema=["source", "customer_ref", "person"], orient="row")


def pairs(*rows):
    full = [("shop", left, "shop", right, answer) for left, right, answer in rows]
    names = ["source", "customer_ref", "other_source", "other_customer_ref", "is_same"]
    return pl.DataFrame(full, schema=names, orient="row")


def test_people_are_compared_by_pairs_and_by_records():
    # ours: ab, cd; truth: abc, d. Pairs: found ab of ab and cd (1/2), of ab, ac and bc (1/3)
    found = measure_links(
        people(("a", "p"), ("b", "p"), ("c", "p"), ("d", "q"), ("x", "q")), links(a=1, b=1, c=2, d=2, e=1)
    )
    assert (found.record_count, found.unknown_count) == (4, 1)
    assert found.pairwise == Shares(1 / 2, 1 / 3, 2 / 5)
    # by record, precision is 1, 1, 1/2 and 1/2, and recall 2/3, 2/3, 1/3 and 1
    assert found.bcubed.precision == pytest.approx(3 / 4)
    assert found.bcubed.recall == pytest.approx(2 / 3)


def test_of_labelled_pairs_only_these_count():
    labelled = pairs(("a", "b", "true"), ("b", "c", "Yes"), ("c", "d", "0"), ("a", "x", "no"))
    found = measure_links(labelled, links(a=1, b=1, c=2, d=2))
    # together are ab (right) and cd (wrong); same are ab and bc; x is not there
    assert found.pairwise == Shares(1 / 2, 1 / 2, 1 / 2)
    assert (found.record_count, found.unknown_count) == (4, 1)
    # people: abc by its chain, and d; as above
    assert found.bcubed.recall == pytest.approx(2 / 3)


def test_shares_of_nothing_are_not_defined():
    assert measure_links(pairs(("a", "b", "false")), links(a=1, b=2)).pairwise == Shares(None, None, None)
    assert measure_links(people(("a", "p")), links(a=1)).pairwise == Shares(None, None, None)


def test_the_order_of_labels_does_not_matter():
    labelled = pairs(("a", "b", "1"), ("c", "d", "1"), ("b", "c", "1"), ("d", "e", "0"))
    linked = links(a=1, b=1, c=1, d=2, e=2)
    assert measure_links(labelled, linked) == measure_links(labelled.reverse(), linked.reverse())


def test_the_same_label_twice_counts_once():
    found = measure_links(people(("a", "p"), (" a ", "p"), ("b", "p")), links(a=1, b=1))
    assert found.record_count == 2
    assert found.pairwise.f1 == 1


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (people(("a", "p")).drop("person"), "no column person"),
        (people(("a", "p"), ("a", "q")), "record a of shop is labelled as two people"),
        (people(("a", "p"), ("b", " ")), "row 2 below the header has an empty cell"),
        (pairs(("a", "b", "maybe")), "record a of shop has an is_same that is neither true nor false"),
        (
            pairs(("a", "b", "true"), ("b", "c", "true"), ("a", "c", "false")),
            "record a of shop is labelled as another person than one that it is the same as",
        ),
        (people(("x", "p")), "none of the 1 labelled records is linked"),
    ],
)
def test_labels_that_say_nothing_or_contradict_each_other_are_refused(labels, what):
    with pytest.raises(LabelError, match=what):
        measure_links(labels, links(a=1, b=1, c=1))
