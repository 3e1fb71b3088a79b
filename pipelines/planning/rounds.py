"""The rounds of a night: what must go out, then what is drawn or best, then what still finds a place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.contracts.codes import PriorityClass
from pipelines.planning.allocation.dual import Prices
from pipelines.planning.choosing import ChoiceTerms, choose
from pipelines.planning.contesting import PLANNED, Contest
from pipelines.planning.limits import SharedLimit

#: Names of rounds.
BY_VALUE, BY_PRECEDENCE = "value", "precedence"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundLimits:
    """Limits that all share.

    Attributes:
        shared: At most so much; the book keeps them.
        minimums: At least so many people.
        members: `customer_id` and `segment` of the segments that minimums are about.
    """

    shared: Sequence[SharedLimit]
    minimums: Sequence[SharedLimit]
    members: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What was chosen, by row of the eligible candidates.

    Attributes:
        rows: `number`, `round_name`, `competes` (false where the person had no place left before anything was
            chosen), `choice_id`, `worth`, `adjusted_value`, `drawn_probability` (null where nothing was
            drawn), `is_chosen`, `priced_by`.
        prices: Of the shared limits, then the minimums; null where precedence decided.
    """

    rows: pl.DataFrame
    prices: Prices | None


def hold_rounds(eligible: pl.DataFrame, contest: Contest, limits: RoundLimits, terms: ChoiceTerms) -> Rounds:
    """Gives every row that can be decided a fate; rows that lost a draw are left undecided.

    Args:
        eligible: Candidates in order of precedence, with `number` and `cost_minor`.
        contest: Knows the same rows by their number.
        limits: Shared limits and minimums.
        terms: How choices are made.
    """
    if terms.is_priced:
        return _by_value(eligible, contest, limits, terms)
    return _by_precedence(eligible, contest, limits, terms)


def _by_value(eligible: pl.DataFrame, contest: Contest, limits: RoundLimits, terms: ChoiceTerms) -> Rounds:
    """Service and legal messages by precedence; then marketing, by value less the prices of what it uses."""
    is_marketing = (pl.col("priority_class") == PriorityClass.MARKETING.value) & ~pl.col("is_forced")
    contest.admit(eligible.filter(~is_marketing)["number"])
    standing = contest.refuse_personally(eligible.filter(is_marketing)["number"])
    rows = eligible[standing]
    used = zip(limits.shared, contest.used(), strict=True)
    remaining = [max(limit.size - taken, 0) for limit, taken in used]
    missing = [max(limit.size - reached, 0) for limit, reached in _reached(eligible, contest, limits)]
    choices = choose(rows, [*limits.shared, *limits.minimums], [*remaining, *missing], limits.members, terms)
    chosen = choices.rows.with_columns(number=rows["number"])
    contest.admit(_best_first(chosen.filter("is_chosen")))
    contest.admit(_best_first(_second_chances(chosen, rows, contest)))
    name = pl.when(is_marketing).then(pl.lit(BY_VALUE)).otherwise(pl.lit(BY_PRECEDENCE))
    return Rounds(
        rows=_all_rows(eligible.with_columns(round_name=name), chosen, is_marketing), prices=choices.prices
    )


def _by_precedence(
    eligible: pl.DataFrame, contest: Contest, limits: RoundLimits, terms: ChoiceTerms
) -> Rounds:
    """Everyone in order of precedence; of an adaptive decision, the action that was drawn."""
    is_drawn = pl.col("is_adaptive") & ~pl.col("is_forced") & (terms.exploration > 0)
    standing = contest.refuse_personally(eligible.filter(is_drawn)["number"])
    rows = eligible[standing]
    choices = choose(rows, limits.shared, [limit.size for limit in limits.shared], limits.members, terms)
    chosen = choices.rows.with_columns(number=rows["number"])
    firm = eligible.filter(~is_drawn)["number"]
    contest.admit(pl.concat([firm, chosen.filter("is_chosen")["number"]]).sort())
    contest.admit(_second_chances(chosen, rows, contest)["number"])
    named = eligible.with_columns(round_name=pl.lit(BY_PRECEDENCE))
    return Rounds(rows=_all_rows(named, chosen, is_drawn), prices=None)


def _reached(eligible: pl.DataFrame, contest: Contest, limits: RoundLimits) -> list[tuple[SharedLimit, int]]:
    """People that each minimum is about and that have a message so far."""
    planned = eligible.filter(pl.Series(contest.fate, dtype=pl.Int64) == PLANNED)
    return [(limit, people_reached(planned, limit, limits.members)) for limit in limits.minimums]


def people_reached(planned: pl.DataFrame, minimum: SharedLimit, members: pl.DataFrame) -> int:
    """People of a minimum's segment, or of its programme, with a message."""
    if minimum.programme is not None:
        planned = planned.filter(pl.col("programme") == minimum.programme)
    if minimum.segment is not None:
        of_segment = members.filter(pl.col("segment") == minimum.segment)
        planned = planned.join(of_segment, on="customer_id", how="semi")
    return planned["customer_id"].n_unique()


def _best_first(rows: pl.DataFrame) -> pl.Series:
    return rows.sort("adjusted_value", "number", descending=[True, False])["number"]


def _second_chances(chosen: pl.DataFrame, rows: pl.DataFrame, contest: Contest) -> pl.DataFrame:
    """Rows that were not chosen, and may have what places are left.

    A draw that said nothing stays nothing, as it is what actions are compared
    with. A draw that lost its place leaves it to the next best.
    """
    fate = np.array(contest.fate, np.int64)
    numbered = chosen.with_columns(
        value=rows["value"], is_planned=pl.Series(fate[chosen["number"].to_numpy()] == PLANNED)
    )
    lost = numbered.filter("is_drawn_from", "is_chosen", ~pl.col("is_planned")).select("choice_id").unique()
    is_next_best = pl.col("choice_id").is_in(lost["choice_id"].implode()) & (pl.col("value") > 0)
    return numbered.filter(~pl.col("is_chosen"), ~pl.col("is_drawn_from") | is_next_best)


def _all_rows(eligible: pl.DataFrame, chosen: pl.DataFrame, was_asked: pl.Expr) -> pl.DataFrame:
    """One row per eligible candidate, in their order; who was not chosen among has no price to pay."""
    return (
        eligible.select("number", "value", "round_name", was_asked=was_asked)
        .join(chosen, on="number", how="left", maintain_order="left")
        .select(
            "number",
            "round_name",
            "choice_id",
            "priced_by",
            competes=~pl.col("was_asked") | pl.col("worth").is_not_null(),
            worth=pl.coalesce("worth", "value"),
            adjusted_value=pl.coalesce("adjusted_value", "value"),
            drawn_probability=pl.when("is_drawn_from").then("probability"),
            is_chosen=pl.col("is_chosen").fill_null(value=False),
        )
    )
