"""Policies that may be compared with the one that drew: what chance each gives to every logged action.

None of them looks at rewards, so what it is worth can be told by the same log.
"""

from collections.abc import Callable, Mapping

import polars as pl

from pipelines.contracts.off_policy import NO_SEND, BuiltInPolicy

_IS_NO_SEND = pl.col("action_id") == NO_SEND


def with_built_in_policy(actions: pl.LazyFrame, policy: BuiltInPolicy) -> pl.LazyFrame:
    """Adds `probability`, which sums to 1 in every choice."""
    return _BUILT_IN[policy](actions)


def with_given_policy(actions: pl.LazyFrame, given: pl.LazyFrame) -> pl.LazyFrame:
    """Adds `probability`; drops choices that the table of `candidate_id` and `probability` does not speak of.

    What the candidates of a choice leave goes to no send. To give a choice to no
    send altogether, one of its candidates has to be there with probability 0.
    """
    named = given.select(action_id="candidate_id", given="probability")
    joined = actions.join(named, on="action_id", how="left", validate="m:1")
    spoken_of = pl.col("given").is_not_null().any().over("choice_id")
    total = pl.col("given").fill_null(0.0).sort().sum().over("choice_id")
    probability = pl.when(_IS_NO_SEND).then((1.0 - total).round(9)).otherwise(pl.col("given").fill_null(0.0))
    return joined.filter(spoken_of).with_columns(probability=probability).drop("given")


def given_policy_problems(actions: pl.LazyFrame, given: pl.LazyFrame) -> pl.LazyFrame:
    """What is wrong with a table of `candidate_id` and `probability`, in one row of counts.

    `broken_count` rows whose probability is none, `repeated_count` candidates named
    twice, `unknown_count` candidates with a chance that no usable choice has,
    `exceeding_count` choices whose probabilities exceed 1.
    """
    probability = pl.col("probability")
    is_chance = probability.is_between(0.0, 1.0).fill_null(value=False)
    named = given.select(action_id="candidate_id", probability=probability)
    totals = (
        actions.join(named.group_by("action_id").agg(probability.sum()), on="action_id", how="inner")
        .group_by("choice_id")
        .agg(probability.sum())
    )
    unknown = named.filter(probability > 0).join(actions, on="action_id", how="anti")
    return pl.concat(
        [
            named.select(
                broken_count=(~is_chance).sum(),
                repeated_count=pl.len() - pl.col("action_id").n_unique(),
            ),
            unknown.select(unknown_count=pl.len()),
            totals.select(exceeding_count=(probability > 1 + 1e-6).sum()),
        ],
        how="horizontal",
    )


def _uniform(actions: pl.LazyFrame) -> pl.LazyFrame:
    return actions.with_columns(probability=1.0 / pl.len().over("choice_id"))


def _no_send(actions: pl.LazyFrame) -> pl.LazyFrame:
    return actions.with_columns(probability=_IS_NO_SEND.cast(pl.Float64))


def _greedy(actions: pl.LazyFrame) -> pl.LazyFrame:
    """A candidate has to be worth more than nothing; ties go by id."""
    return _first_by(actions, pl.col("value"))


def _best_action(actions: pl.LazyFrame) -> pl.LazyFrame:
    """The kind of most value over all choices; who may not get it gets nothing."""
    values = pl.col("value").max()
    by_kind = (
        actions.group_by("choice_id", "kind")
        .agg(values)
        .group_by("kind")
        .agg(total=pl.col("value").sort().sum().round(6))
        .sort("total", pl.col("kind") != NO_SEND, "kind", descending=[True, False, False])
        .select(best_kind=pl.col("kind").first())
    )
    joined = actions.join(by_kind, how="cross")
    rank = (
        pl.when(pl.col("kind") == pl.col("best_kind")).then(1.0).when(_IS_NO_SEND).then(0.0).otherwise(-1.0)
    )
    return _first_by(joined.with_columns(rank=rank), pl.col("rank")).drop("best_kind", "rank")


def _first_by(actions: pl.LazyFrame, worth: pl.Expr) -> pl.LazyFrame:
    """All probability to one action of a choice: of most worth, no send before others, then by id."""
    place = pl.int_range(pl.len()).over("choice_id", order_by=["loss", "is_message", "action_id"])
    return (
        actions.with_columns(loss=-worth, is_message=~_IS_NO_SEND)
        .with_columns(probability=(place == 0).cast(pl.Float64))
        .drop("loss", "is_message")
    )


_BUILT_IN: Mapping[BuiltInPolicy, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    BuiltInPolicy.GREEDY: _greedy,
    BuiltInPolicy.UNIFORM: _uniform,
    BuiltInPolicy.BEST_ACTION: _best_action,
    BuiltInPolicy.NO_SEND: _no_send,
}
