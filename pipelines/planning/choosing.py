"""What every choice draws: values less the prices of the limits that all share, and a floor for exploring.

A choice is what can have one answer: the candidates of a person where caps leave
one message a night, else those of a decision point. Prices are found over all
choices before anything is drawn; given prices, choices do not depend on each
other, so the probability that is logged is the one that was drawn with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.expressions.digest import digest, identifier, unit_interval
from pipelines.planning.allocation.dual import Prices, solve_prices
from pipelines.planning.allocation.margins import adjusted_values
from pipelines.planning.allocation.policy import choice_probabilities, draw, temperatures
from pipelines.planning.allocation.problem import Bools, ChoiceProblem, Floats, Ints
from pipelines.planning.limits import MessageKind, SharedLimit

#: A journey's message is to go out wherever there is room, whatever its declared value is.
SMALLEST_WORTH = 1e-6
#: Share of the mean positive value that each night of waiting adds, so that nothing is deferred for ever.
AGEING_SHARE = 0.25
#: Columns of a message kind, in its order, and what it costs: rows that agree use the same of every limit.
_KIND = ("channel", "purpose", "tags", "programme", "offer_id")
_USE = (*_KIND, "cost_minor")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceTerms:
    """How tonight's choices are made.

    Attributes:
        exploration: Share of draws that goes evenly to all that is eligible; with 0 the best is taken.
        is_priced: Whether value counts against the prices of shared limits; else precedence decides.
        is_one_a_person: Whether caps leave everyone one message at most.
        seed: Of the workspace.
        night: Draws differ from night to night.
    """

    exploration: float
    is_priced: bool
    is_one_a_person: bool
    seed: int
    night: date

    @property
    def choice_key(self) -> str:
        return "customer_id" if self.is_priced and self.is_one_a_person else "decision_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was drawn.

    Attributes:
        rows: In the order of the rows that were given: `choice_id` (null where nothing is drawn), `worth`
            (the value, raised by waiting), `adjusted_value`, `probability`, `is_chosen`, `is_drawn_from` and
            `priced_by`, the number of the limit whose price takes most of the value.
        prices: Of the shared limits, in value per unit, and the bound that they prove; null when unpriced.
    """

    rows: pl.DataFrame
    prices: Prices | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contest:
    """Rows as arrays, choice by choice.

    Attributes:
        order: Row numbers, sorted by choice.
        choice: Number of the choice of each sorted row.
    """

    order: Ints
    choice: Ints
    offsets: Ints
    worth: Floats
    error: Floats
    kinds: Ints
    is_adaptive: Bools


@dataclass(frozen=True, slots=True)
class _Priced:
    """Sorted rows after prices.

    Attributes:
        adjusted: Worth less the prices of what a row uses.
        by: Number of the limit that takes most of it.
        published: Prices and bound without draws; null when nothing is priced.
    """

    adjusted: Floats
    by: Ints
    published: Prices | None


def choose(
    rows: pl.DataFrame,
    limits: Sequence[SharedLimit],
    remaining: Sequence[int],
    members: pl.DataFrame,
    terms: ChoiceTerms,
) -> Choices:
    """Prices of the limits, and one row or none for every choice.

    Without exploration, and for messages of journeys, the best is taken. A person
    for whom such a message is worth more than any action of a campaign gets it,
    and the actions are not drawn: they had no chance, and say nothing.

    Args:
        rows: Rows that may compete, in order of precedence, with `cost_minor`.
        limits: Shared limits.
        remaining: What is left of each, and of a minimum what is still to be reached.
        members: `customer_id` and `segment` of the segments that minimums are about.
        terms: How choices are made.
    """
    contest = _contest(rows, terms)
    priced = _price(rows, contest, _problem(rows, contest, limits, remaining, members), terms)
    adjusted = priced.adjusted
    explored = _explored_choices(contest, adjusted, terms)
    probability = np.zeros(len(adjusted))
    chosen = _best_rows(contest, adjusted, explored)
    probability[chosen] = 1.0
    drawn_from = contest.is_adaptive & explored[contest.choice]
    if drawn_from.any():
        keys = rows[terms.choice_key][contest.order]
        probability[drawn_from], drawn = _drawn(contest, adjusted, keys, drawn_from, terms)
        chosen = np.union1d(chosen, drawn)
    columns = {
        "worth": contest.worth,
        "adjusted_value": adjusted,
        "probability": probability,
        "is_chosen": np.isin(np.arange(len(adjusted)), chosen),
        "is_drawn_from": drawn_from,
        "priced_by": priced.by,
    }
    return Choices(rows=_in_given_order(rows, contest, columns, terms), prices=priced.published)


def _price(rows: pl.DataFrame, contest: _Contest, problem: ChoiceProblem, terms: ChoiceTerms) -> _Priced:
    """Prices at which draws keep limits in expectation; and those without draws, whose bound is tighter."""
    if not terms.is_priced or rows.is_empty():
        return _Priced(contest.worth, np.zeros(len(contest.worth), np.int64), None)
    published = solve_prices(problem)
    price = published.price
    if terms.exploration > 0:
        price = solve_prices(
            problem,
            temperature=temperatures(problem, contest.error),
            exploration=terms.exploration,
            explores=_explored_choices(contest, contest.worth, terms),
        ).price
    dearest = np.zeros(problem.weights.shape[1], np.int64)
    if problem.limit_count:
        dearest = (price[:, None] * problem.weights * problem.signs[:, None]).argmax(axis=0)
    return _Priced(adjusted_values(problem, price), dearest[contest.kinds], published)


def _contest(rows: pl.DataFrame, terms: ChoiceTerms) -> _Contest:
    value, waited = pl.col("value"), pl.col("waiting_nights")
    positive = rows["value"].filter(rows["value"] > 0)
    mean = float(np.sort(positive.to_numpy()).mean()) if len(positive) else 0.0
    aged = value + AGEING_SHARE * mean * waited
    worth = pl.when("is_adaptive").then(aged).otherwise(aged.clip(lower_bound=SMALLEST_WORTH))
    kinds = _uses(rows).with_row_index("kind")
    numbered = rows.select(
        "is_adaptive",
        *_USE,
        choice=pl.col(terms.choice_key).rank("dense").cast(pl.Int64) - 1,
        worth=worth,
        error="value_uncertainty",
    ).join(kinds, on=_USE, how="left", nulls_equal=True, maintain_order="left")
    choice = numbered["choice"].to_numpy()
    order = np.argsort(choice, kind="stable")
    counts = np.bincount(choice) if len(choice) else np.zeros(0, np.int64)
    return _Contest(
        order=order,
        choice=choice[order],
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        worth=numbered["worth"].to_numpy()[order],
        error=numbered["error"].to_numpy()[order],
        kinds=numbered["kind"].to_numpy()[order].astype(np.int64),
        is_adaptive=numbered["is_adaptive"].to_numpy()[order],
    )


def _uses(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(_USE).unique().sort(_USE, nulls_last=True)


def _problem(
    rows: pl.DataFrame,
    contest: _Contest,
    limits: Sequence[SharedLimit],
    remaining: Sequence[int],
    members: pl.DataFrame,
) -> ChoiceProblem:
    known = _uses(rows).with_columns(pl.col("tags").fill_null(""))
    uses = [(MessageKind(*kind), cost) for *kind, cost in known.iter_rows()]
    weights = [
        [(cost if limit.is_money else 1) if limit.counts(kind) else 0 for kind, cost in uses]
        for limit in limits
    ]
    people = rows["customer_id"].gather(contest.order[contest.offsets[:-1]]).to_numpy()
    looks_at = [
        np.ones(len(people), np.bool_)
        if limit.segment is None
        else np.isin(people, members.filter(pl.col("segment") == limit.segment)["customer_id"].to_numpy())
        for limit in limits
    ]
    return ChoiceProblem(
        values=contest.worth,
        offsets=contest.offsets,
        kinds=contest.kinds,
        weights=np.array(weights, np.float64).reshape(len(limits), len(uses)),
        sizes=np.array(remaining, np.float64),
        is_minimum=np.array([limit.is_minimum for limit in limits], np.bool_),
        members=np.array(looks_at) if any(limit.segment for limit in limits) else None,
    )


def _explored_choices(contest: _Contest, adjusted: Floats, terms: ChoiceTerms) -> Bools:
    """By choice: whether an action is drawn, since no message of a journey is worth as much as the best."""
    choices = len(contest.offsets) - 1
    if terms.exploration == 0 or choices == 0:
        return np.zeros(choices, np.bool_)
    starts = contest.offsets[:-1]
    adaptive = np.maximum.reduceat(np.where(contest.is_adaptive, adjusted, -np.inf), starts)
    firm = np.maximum.reduceat(np.where(contest.is_adaptive, -np.inf, adjusted), starts)
    return np.asarray(adaptive > firm)


def _best_rows(contest: _Contest, adjusted: Floats, explored: Bools) -> Ints:
    """Places of the best row of every choice that is not drawn, where that is worth its price."""
    if not len(adjusted):
        return np.zeros(0, np.int64)
    competes = ~explored[contest.choice]
    standing = np.where(competes, adjusted, -np.inf)
    best = np.maximum.reduceat(standing, contest.offsets[:-1])[contest.choice]
    candidates = np.flatnonzero(competes & (standing == best) & (adjusted > 0))
    # Ties go to the first in order of precedence.
    _, first = np.unique(contest.choice[candidates], return_index=True)
    return candidates[first]


def _drawn(
    contest: _Contest, adjusted: Floats, keys: pl.Series, drawn_from: Bools, terms: ChoiceTerms
) -> tuple[Floats, Ints]:
    """Probabilities of the rows that are drawn from, and the places of those that were drawn."""
    places = np.flatnonzero(drawn_from)
    _, firsts, counts = np.unique(contest.choice[places], return_index=True, return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    problem = ChoiceProblem(
        values=adjusted[places],
        offsets=offsets,
        kinds=np.zeros(len(places), np.int64),
        weights=np.zeros((0, 1)),
        sizes=np.zeros(0),
        is_minimum=np.zeros(0, np.bool_),
    )
    key = pl.DataFrame({"key": keys.gather(places[firsts]), "night": terms.night})
    salt = f"draw of seed {terms.seed}"
    uniforms = key.select(unit_interval(digest(salt, pl.col("key"), pl.col("night")))).to_series()
    probability = choice_probabilities(
        problem,
        solve_prices(problem),
        temperature=temperatures(problem, contest.error[places]),
        exploration=terms.exploration,
    )
    drawn = draw(problem, probability, uniforms.to_numpy())
    return probability, places[drawn[drawn >= 0]]


def _in_given_order(
    rows: pl.DataFrame, contest: _Contest, columns: Mapping[str, np.ndarray], terms: ChoiceTerms
) -> pl.DataFrame:
    """The sorted arrays as columns beside the rows that were given."""
    given = np.argsort(contest.order, kind="stable")
    key = rows.select(key=terms.choice_key, night=pl.lit(terms.night))
    return (
        key.select(choice_id=identifier("choice", pl.col("key"), pl.col("night")))
        .with_columns(**{name: pl.Series(values[given]) for name, values in columns.items()})
        .with_columns(choice_id=pl.when("is_drawn_from").then("choice_id"))
    )
