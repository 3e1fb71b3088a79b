"""How many people must get a message."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.planning.limits import MessageKind
from pipelines.planning.minimums import minimum_limits, segment_members

NIGHT = date(2024, 3, 5)
MEMBERSHIPS = pl.DataFrame(
    [
        (3, "vip", NIGHT, None),
        (1, "vip", date(2024, 1, 1), None),
        (2, "vip", date(2024, 1, 1), NIGHT),
        (4, "vip", date(2024, 1, 1), date(2024, 3, 6)),
        (5, "vip", date(2024, 3, 6), None),
        (6, "other", date(2024, 1, 1), None),
        # Left and came back.
        (1, "vip", date(2023, 1, 1), date(2023, 2, 1)),
    ],
    schema={"customer_id": pl.Int64, "segment": pl.String, "entered_on": pl.Date, "left_on": pl.Date},
    orient="row",
)
CANDIDATES = pl.DataFrame({"customer_id": [1, 1, 2, 3], "programme": ["a", "a", "a", "b"]})


def test_members_are_those_of_the_night() -> None:
    assert segment_members(MEMBERSHIPS, "vip", NIGHT).to_list() == [1, 3, 4]


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"segment": "vip", "count": 9}, 9),
        ({"segment": "vip", "share": 0.34}, 2),
        ({"segment": "vip", "share": 1.0}, 3),
        ({"segment": "nobody", "share": 1.0}, 0),
        ({"programme": "a", "share": 0.5}, 1),
        ({"programme": "a", "share": 0.51}, 2),
    ],
)
def test_a_share_is_of_whole_people(asked: dict[str, Any], size: int) -> None:
    guardrails = Guardrails.model_validate({"minimums": [{"name": "some", **asked}]})
    (limit,) = minimum_limits(guardrails, candidates=CANDIDATES, memberships=MEMBERSHIPS, night=NIGHT)
    assert (limit.name, limit.kind, limit.size, limit.is_money) == ("minimum:some", "minimum", size, False)
    assert limit.segment == asked.get("segment")
    assert limit.counts(MessageKind("email", "news", "", asked.get("programme", "any")))


def test_a_share_is_read_as_it_is_written() -> None:
    # In binary 0.07 × 100 is a little more than 7.
    people = pl.DataFrame({"customer_id": range(100), "programme": ["a"] * 100})
    guardrails = Guardrails.model_validate({"minimums": [{"name": "m", "programme": "a", "share": 0.07}]})
    (limit,) = minimum_limits(guardrails, candidates=people, memberships=MEMBERSHIPS, night=NIGHT)
    assert limit.size == 7
