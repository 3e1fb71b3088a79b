"""Contexts as arrays, in the order of the rows that are asked about."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipelines.personalization.learning.arrays import Floats, Knowledge
from pipelines.personalization.learning.design import CHANNELS, PERSON_FEATURES

#: What is known where nothing is: no contact, so an endless rest.
_NOTHING = (0.0, 0.0, np.inf)
_KEY = ["customer_id", "decided_on"]


def knowledge_of(
    rows: pl.DataFrame,
    people: pl.DataFrame,
    channels: pl.DataFrame,
    offers: pl.DataFrame,
    names: Sequence[str],
) -> Knowledge:
    """What was known at each decision (`customer_id, decided_on`), which all have a context of the person.

    Args:
        rows: Decisions.
        people: As `DecisionContext`.
        channels: As `ChannelContext`.
        offers: As `OfferContext`.
        names: Offers, in the order in which they are wanted.
    """
    placed = rows.select(_KEY).with_row_index("row")
    known = placed.join(people, on=_KEY, how="inner", validate="m:1").sort("row")
    return Knowledge(
        people=known.select(PERSON_FEATURES).to_numpy().astype(np.float64),
        channels=_by_kind(placed, channels, "channel", CHANNELS, ("exposure", "response")),
        offers=_by_kind(placed, offers, "offer_id", names, ("taste", "response")),
    )


def _by_kind(
    placed: pl.DataFrame, known: pl.DataFrame, kind: str, names: Sequence[str], features: Sequence[str]
) -> Floats:
    cube = np.tile(np.array(_NOTHING), (placed.height, len(names), 1))
    if not names:
        return cube
    numbers = {name: number for number, name in enumerate(map(str, names))}
    found = placed.join(known, on=_KEY, how="inner").filter(pl.col(kind).is_in(list(numbers)))
    row = found["row"].to_numpy()
    place = found[kind].replace_strict(numbers, return_dtype=pl.Int64).to_numpy()
    rest = found["rest_days"].cast(pl.Float64).fill_null(np.inf)
    for number, column in enumerate([*(found[name] for name in features), rest]):
        cube[row, place, number] = column.to_numpy()
    return cube
