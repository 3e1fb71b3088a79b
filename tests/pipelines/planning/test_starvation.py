"""Who has waited too long."""

import polars as pl

from pipelines.planning.starvation import Starvation, measure_starvation

CANDIDATES = pl.DataFrame(
    [("d1", 1, 10), ("d2", 2, 9), ("d3", 3, 40), ("d4", 4, 30), ("d5", 1, 12), ("d5", 1, 12)],
    schema=["decision_id", "customer_id", "waiting_nights"],
    orient="row",
)


def decisions(**outcomes: str) -> pl.DataFrame:
    return pl.DataFrame({"decision_id": list(outcomes), "outcome": list(outcomes.values())})


def test_waits_of_those_who_got_nothing_count_with_tonight() -> None:
    lost = decisions(d1="capacity", d2="budget", d3="planned", d4="holdout", d5="frequency_cap")
    # Person 1 waits with two messages, for 11 and 13 nights; person 2 for 10.
    assert measure_starvation(CANDIDATES, lost) == Starvation(longest_nights=13, people_count=1)
    assert measure_starvation(CANDIDATES, lost, allowed_nights=9) == Starvation(13, 2)
    assert measure_starvation(CANDIDATES, lost, allowed_nights=13) == Starvation(13, 0)


def test_nobody_waits_when_everyone_got_something() -> None:
    assert measure_starvation(CANDIDATES, decisions(d3="planned")) == Starvation(0, 0)
