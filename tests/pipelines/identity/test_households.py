"""Who lives together."""

import polars as pl
import pytest

from pipelines.contracts.identity import Household
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.identity.households import find_households

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD")
HOME = {"street": "1 Example Street", "postcode": "EC1A 1BB", "country": "GB"}
TEXTS = dict.fromkeys(HOME, pl.String)


def households(*rows: dict[str, str | None], workspace: WorkspaceSettings = WORKSPACE) -> dict[int, int]:
    survivors = pl.DataFrame(
        [{"workspace_id": "acme", "customer_id": number, **row} for number, row in enumerate(rows)],
        schema={"workspace_id": pl.String, "customer_id": pl.Int64, **TEXTS},
    )
    found = find_households(survivors.lazy(), workspace=workspace).collect()
    Household.validate(found)
    return dict(found.select("customer_id", "household_id").iter_rows())


@pytest.mark.parametrize(
    ("other", "live_together"),
    [
        ({}, True),
        ({"street": " 1, EXAMPLE  street"}, True),
        ({"postcode": "ec1a1bb"}, True),
        ({"street": "2 Example Street"}, False),
        ({"postcode": "EC1A 1BC"}, False),
        ({"country": "US"}, False),
        ({"country": None}, False),
    ],
)
def test_people_of_one_address_live_together(*, other: dict[str, str | None], live_together: bool) -> None:
    found = households(HOME, HOME | other)
    assert (found[0] == found[1]) is live_together


@pytest.mark.parametrize("missing", [{"street": None}, {"postcode": None}, {"street": " - "}])
def test_without_an_address_nobody_lives_with_anybody(missing: dict[str, str | None]) -> None:
    assert households(HOME | missing, HOME | missing) == {}


def test_parts_of_an_address_are_kept_apart() -> None:
    found = households(HOME | {"street": "1 a", "postcode": "b"}, HOME | {"street": "1", "postcode": "a b"})
    assert found[0] != found[1]


def test_the_number_is_the_same_every_night_and_another_under_another_seed() -> None:
    assert households(HOME) == households(HOME)
    assert households(HOME) != households(HOME, workspace=WORKSPACE.model_copy(update={"seed": 43}))
