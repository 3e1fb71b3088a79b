"""What every action of a campaign is expected to bring for every person, by the policy of the campaign.

Rows become matrices here, person by action: a model is a matrix product.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.contracts.codes import Channel
from pipelines.contracts.settings.personalization import FatigueSettings
from pipelines.personalization.learning.arrays import Action, Floats, Ints, Knowledge
from pipelines.personalization.learning.design import CHANNELS
from pipelines.personalization.learning.policy import CampaignPolicy
from pipelines.personalization.scoring import DECIMALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Rows as places in the matrices: [rows] person and action."""

    person: Ints
    action: Ints


def actions_of(rows: pl.DataFrame) -> tuple[Action, ...]:
    """Distinct actions of the rows, sorted."""
    named = rows.select("template_id", "offer_id", "channel").unique()
    return tuple(sorted(Action(*row) for row in named.iter_rows()))


def pairs_of(rows: pl.DataFrame, actions: Sequence[Action]) -> Pairs:
    """Places of rows that are sorted by person."""
    numbers = pl.DataFrame(
        [(action.template_id, action.offer_id, number) for number, action in enumerate(actions)],
        schema={"template_id": pl.String, "offer_id": pl.String, "action": pl.Int64},
        orient="row",
    )
    placed = rows.select("template_id", "offer_id").join(
        numbers, on=["template_id", "offer_id"], how="left", maintain_order="left", validate="m:1"
    )
    customers = rows["customer_id"].to_numpy()
    is_next = np.append(False, customers[1:] != customers[:-1]) if len(customers) else np.zeros(0, np.bool_)
    return Pairs(person=np.cumsum(is_next), action=placed["action"].to_numpy())


def value_actions(
    rows: pl.DataFrame, known: Knowledge, policy: CampaignPolicy, fatigue: FatigueSettings
) -> pl.DataFrame:
    """Rows with `score`, `uncertainty`, `worth` of a response, `value` after costs, its error, and `promise`.

    A promise is the value that an action may well have: its expected value and one
    standard error. Who goes by it does not shut out what is unknown.

    Args:
        rows: Campaign × person × offer × template, sorted by person, with the declared score, its uncertainty
            and `worth`.
        known: What is known of the people of the rows, one row a person.
        policy: Of the campaign.
        fatigue: What a person who leaves would have been worth.
    """
    actions = actions_of(rows)
    pairs = pairs_of(rows, actions)
    if policy.learnt is not None and rows.height:
        rows = _learnt(rows, known, policy, actions, pairs)
    loss = _losses(known, policy, actions, pairs, fatigue)
    gain = pl.col("score") * pl.col("worth")
    return (
        rows.with_columns(pl.Series("loss", loss, dtype=pl.Float64))
        .with_columns(value=gain - pl.col("cost_amount").cast(pl.Float64) - pl.col("loss"))
        .with_columns(value_uncertainty=pl.col("uncertainty") * pl.col("worth").abs())
        .with_columns(promise=pl.col("value") + pl.col("value_uncertainty"))
        .with_columns(pl.col("value", "value_uncertainty", "promise").round(DECIMALS))
    )


def _learnt(
    rows: pl.DataFrame, known: Knowledge, policy: CampaignPolicy, actions: tuple[Action, ...], pairs: Pairs
) -> pl.DataFrame:
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  slow to import

    # BLAS adds differently on one thread and on two.
    with threadpool_limits(1, "blas"):
        declared = np.zeros((len(known), len(actions)))
        declared[pairs.person, pairs.action] = rows["score"].to_numpy()
        effects = policy.effects(known, actions, declared)
    place = (pairs.person, pairs.action)
    return rows.with_columns(
        pl.Series("score", effects.uplift[place]).round(DECIMALS),
        pl.Series("uncertainty", effects.error[place]).round(DECIMALS),
        pl.Series("worth", effects.value[place] * rows["kept_rate"].to_numpy()),
    )


def _losses(
    known: Knowledge,
    policy: CampaignPolicy,
    actions: tuple[Action, ...],
    pairs: Pairs,
    fatigue: FatigueSettings,
) -> Floats:
    """[rows] what is lost by driving people away."""
    losses = np.zeros(len(pairs.person))
    channels = np.array([CHANNELS.index(Channel(action.channel)) for action in actions], np.int64)
    for place in np.unique(channels):
        rows = channels[pairs.action] == place
        exposure = known.channels[pairs.person[rows], place, 0]
        losses[rows] = policy.leaving.chance(exposure, CHANNELS[place], fatigue)
    return losses * float(fatigue.unsubscribe_cost)


def most_promising(rows: pl.DataFrame, forced: pl.DataFrame | None = None) -> pl.DataFrame:
    """The `offers_per_person` offers of a person that could bring most on any template; ties go by name.

    Args:
        rows: Actions of a campaign with their `promise`.
        forced: `customer_id` and `offer_id` that are kept whatever they could bring.
    """
    best = rows.group_by("customer_id", "offer_id", "offers_per_person").agg(lost=-pl.col("promise").max())
    position = pl.int_range(pl.len()).over("customer_id", order_by=["lost", "offer_id"])
    kept = best.with_columns(position=position).filter(pl.col("position") < pl.col("offers_per_person"))
    keys = ["customer_id", "offer_id"]
    if forced is not None:
        kept = pl.concat([kept.select(keys), forced.select(keys)])
    return rows.join(kept, on=keys, how="semi")
