"""Ids: kept by the most records, never shared, minted without collisions."""

from datetime import date

import polars as pl
import pytest

from pipelines.identity.surrogates import digest_id, inherit_ids, mint_ids

OLD, YOUNG = date(2017, 1, 1), date(2017, 2, 1)


def votes(*rows):
    names = ["cluster", "customer_id", "record_count", "linked_on"]
    return pl.DataFrame(list(rows), schema=names, orient="row")


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([(0, 10, 1, OLD)], {0: 10}),
        ([(0, 10, 1, OLD), (0, 11, 2, YOUNG)], {0: 10}),  # merge: the oldest, though it has fewer records
        ([(0, 10, 1, OLD), (0, 11, 2, OLD)], {0: 11}),  # merge of equal age: most records
        ([(0, 10, 1, YOUNG), (0, 11, 1, OLD)], {0: 11}),  # merge: the oldest
        ([(0, 11, 1, OLD), (0, 10, 1, OLD)], {0: 10}),  # merge: the smallest
        ([(0, 10, 1, OLD), (5, 10, 2, OLD)], {5: 10}),  # split: most records
        ([(5, 10, 1, OLD), (0, 10, 1, OLD)], {0: 10}),  # split: the smallest record
        ([(0, 10, 3, OLD), (5, 10, 2, OLD), (5, 11, 1, OLD)], {0: 10, 5: 11}),
        # the older id has fewer records here than elsewhere, so it is not at home here
        ([(0, 10, 3, OLD), (5, 10, 2, OLD), (5, 11, 1, YOUNG)], {0: 10, 5: 11}),
        ([(0, 10, 2, OLD), (0, 11, 2, YOUNG), (5, 11, 1, YOUNG)], {0: 10}),  # 5 was never 11's home
    ],
)
def test_an_id_goes_with_most_of_its_records(rows, kept):
    assert dict(inherit_ids(votes(*rows)).rows()) == kept


def test_new_ids_are_positive_and_depend_on_workspace_and_record():
    ids = {digest_id(workspace, "main", ref, 0) for workspace in ("a", "b") for ref in ("1", "2")}
    assert len(ids) == 4
    assert all(0 < new_id < 2**63 for new_id in ids)


def test_a_collision_is_salted_anew():
    def colliding(_workspace, _source, _ref, attempt):
        return (0, 7, 8, 9)[attempt]

    people = [(0, "main", "a"), (1, "main", "b")]
    assert mint_ids(people, {7}, workspace="acme", digest=colliding) == {0: 8, 1: 9}
