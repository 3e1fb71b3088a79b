"""Whether anybody waits too long: deferred messages that lose their place night after night."""

from typing import NamedTuple

import polars as pl

from pipelines.contracts.codes import DecisionOutcome

#: Nights after which a wait is worth a look: a message of the lowest priority (0) has then been raised to 500
#: by its age, and still lost.
LONG_WAIT_NIGHTS = 10


class Starvation(NamedTuple):
    """How long the messages that got no place tonight have waited.

    Attributes:
        longest_nights: Of all of them; 0 when nothing was turned away.
        people_count: People with a message that has waited for more than the allowed nights.
    """

    longest_nights: int
    people_count: int


def measure_starvation(
    candidates: pl.DataFrame, decisions: pl.DataFrame, *, allowed_nights: int = LONG_WAIT_NIGHTS
) -> Starvation:
    """Waits of tonight's decision points without a message, tonight included.

    Args:
        candidates: Tonight's candidates, with `waiting_nights`.
        decisions: Their answers; the held out wait for nothing.
        allowed_nights: Nights that are no matter.
    """
    silent = (DecisionOutcome.PLANNED.value, DecisionOutcome.HOLDOUT.value)
    lost = decisions.filter(~pl.col("outcome").is_in(silent)).select("decision_id")
    waits = candidates.join(lost, on="decision_id", how="semi").select(
        "customer_id", nights=pl.col("waiting_nights") + 1
    )
    longest, people = waits.select(
        longest=pl.col("nights").max().fill_null(0),
        people=pl.col("customer_id").filter(pl.col("nights") > allowed_nights).n_unique(),
    ).row(0)
    return Starvation(int(longest), int(people))
