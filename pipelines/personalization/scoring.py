"""What an offer to a person is expected to bring, before anyone has been asked.

A cold start: no log of offers and answers is needed, and none is used. The
numbers below are declared priors, not fitted ones.

A response is one order: the person's mean order, of which the part on the
offer's category is credited to the offer. The bias that remains: the value is
not incremental. People who would have ordered anyway count as responses, the
more so the more often they order, so values are too high and lean toward the
best customers. Once enough was sent and answered, measured effects take their place.
"""

import polars as pl

from pipelines.expressions.money import MINOR_PER_MAJOR, to_minor

#: Declared prior: orders that weigh as much as not knowing a person's taste.
#: With none of their own a person leans to a category as everyone does.
TASTE_PRIOR_ORDERS = 10
#: Declared prior: how far taste may move the campaign's base response rate.
SMALLEST_LIFT, LARGEST_LIFT = 0.2, 5.0
#: Declared prior: a score is as sure as a share counted over so many messages.
RESPONSE_PRIOR_MESSAGES = 50
#: Decimals of a published estimate; hides the last digits in which two machines may differ.
DECIMALS = 9


def shrunk_share() -> pl.Expr:
    """Share of spend that goes to the offer's category, drawn toward everyone's.

    1 for an offer without a category; 0 for a category that nobody leans to.
    """
    own = pl.col("affinity_score").fill_null(0.0)
    count, prior = pl.col("order_count"), TASTE_PRIOR_ORDERS
    share = (count * own + prior * pl.col("population_share")) / (count + prior)
    return pl.when(pl.col("category").is_null()).then(1.0).otherwise(share)


def taste_lift() -> pl.Expr:
    """How much more than everyone a person leans to the category, within the declared bounds.

    1 where there is nothing to compare: an offer on everything, or a category that nobody leans to.
    """
    everyone = pl.col("population_share")
    is_comparable = pl.col("category").is_not_null() & (everyone > 0)
    lift = (pl.col("share") / everyone).clip(SMALLEST_LIFT, LARGEST_LIFT)
    return pl.when(is_comparable).then(lift).otherwise(1.0)


def response_score() -> pl.Expr:
    """Chance of a response: declared base rate × lift × chance to be active at all, at most 1."""
    chance = pl.col("base_response_rate") * taste_lift() * pl.col("active_28d_probability")
    return chance.clip(0.0, 1.0).round(DECIMALS)


def score_uncertainty() -> pl.Expr:
    """Standard deviation of a Beta distribution with the score as mean and the prior's messages as weight."""
    score = pl.col("score")
    return (score * (1 - score) / (RESPONSE_PRIOR_MESSAGES + 1)).sqrt().round(DECIMALS)


def population_mean_order() -> pl.Expr:
    """Mean over people of their mean order, one number in major units; 0 where nobody ordered.

    Every person counts once: an order of someone unknown resembles that of a person, not of a frequent one.
    """
    people = pl.col("mean_order_amount").count()
    total = to_minor(_mean_order()).sum()
    return pl.when(people > 0).then(total / people / MINOR_PER_MAJOR).otherwise(0.0)


def spend_of_response() -> pl.Expr:
    """The part of one order that goes to what the offer is about.

    Declared fallback: who never ordered is taken to order as everyone does.
    """
    order = _mean_order().cast(pl.Float64).fill_null(pl.col("population_mean_order"))
    return order * pl.col("share")


def _mean_order() -> pl.Expr:
    """Not below zero: more returned than bought would turn a discount into a gain."""
    return pl.col("mean_order_amount").clip(lower_bound=0)


def value_of_response() -> pl.Expr:
    """What one response is worth: as declared, or the part of its spend that the campaign is for.

    Negative when the discount exceeds the margin.
    """
    return pl.coalesce("response_value", spend_of_response() * pl.col("kept_rate"))
