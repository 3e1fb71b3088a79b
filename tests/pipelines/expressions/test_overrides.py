"""Overrides follow the records of their person."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.identity import IdentityEvent
from pipelines.contracts.overrides import ActiveOverride
from pipelines.expressions.overrides import with_heirs

MADE_AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def override(customer_id: int, kind: str = "force_out", number: int = 1) -> dict[str, Any]:
    return {
        "override_id": f"{number:032x}",
        "customer_id": customer_id,
        "kind": kind,
        "started_at": MADE_AT,
    }


def event(from_id: int, to_id: int, kind: str = "merged", on: date = date(2026, 3, 11)) -> dict[str, Any]:
    return {
        "workspace_id": "acme",
        "customer_id": to_id,
        "event": kind,
        "from_customer_id": from_id,
        "record_count": 1,
        "occurred_on": on,
    }


def people(overrides: list[dict[str, Any]], events: list[dict[str, Any]]) -> list[int]:
    active = pl.DataFrame(overrides, schema=ActiveOverride.create_empty().schema)
    happened = pl.DataFrame(events, schema=IdentityEvent.create_empty().schema)
    return ActiveOverride.validate(with_heirs(active, happened))["customer_id"].to_list()


def test_an_override_stays_with_its_person_and_goes_along_into_another() -> None:
    assert people([override(7)], []) == [7]
    assert people([override(7)], [event(7, 3)]) == [3, 7]
    assert people([override(7, "force_in")], [event(7, 3)]) == [3, 7]


def test_it_goes_along_more_than_once_and_round_in_no_circle() -> None:
    chain = [event(7, 5), event(5, 3, on=date(2026, 3, 20)), event(3, 7, on=date(2026, 3, 21))]
    assert people([override(7)], chain) == [3, 5, 7]


@pytest.mark.parametrize("kind", ["split", "moved"])
def test_of_records_that_were_told_apart_both_sides_stay_out(kind: str) -> None:
    assert people([override(7)], [event(7, 9, kind)]) == [7, 9]
    assert people([override(7, "force_in")], [event(7, 9, kind)]) == [7]


def test_what_happened_before_it_was_made_says_nothing() -> None:
    assert people([override(7)], [event(7, 3, on=date(2026, 3, 9))]) == [7]
    assert people([override(7)], [event(7, 3, on=date(2026, 3, 10))]) == [3, 7]


def test_the_birth_of_other_people_changes_nothing() -> None:
    assert people([override(7)], [event(7, 7, "created"), event(8, 3)]) == [7]
