"""What a person is likely to buy.

Items that were bought before are ranked by decayed visits with them, items that
never were by what goes with everything that was.
"""

from datetime import datetime

import numpy as np
import polars as pl

from pipelines.contracts.codes import ItemLevel, ItemMethod
from pipelines.contracts.preferences import ItemAffinity
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.item_knowledge import (
    MODEL_VERSION,
    ItemKnowledge,
    chosen_items,
    ownership_of,
    places_of,
)
from pipelines.enrichment.item_similarity import NO_REASON, WEIGHT_STEPS, Floats, propose_items
from pipelines.enrichment.items import STEPS, bought_products, item_days, weighed_items, weighed_visits
from pipelines.enrichment.purchases import night_of

_DECIMALS = 9


def rank_items(
    lines: pl.LazyFrame,
    products: pl.LazyFrame,
    knowledge: ItemKnowledge,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """The strongest items of each person on every level, bought before and, on compared levels, new.

    Rows in hand: what goes with everything that a person bought is a product of matrices.

    Args:
        lines: Order lines of people; of one bucket or of everyone.
        products: Catalogue.
        knowledge: What everyone's purchases say.
        settings: Half-life, priors, and how many items are kept.
        workspace: Its local days.
        as_of: End of the night.
    """
    bought = bought_products(lines, products, settings=settings, workspace=workspace, as_of=as_of)
    bought = bought.collect(engine="streaming").lazy()
    visits = weighed_visits(bought, settings.affinity_half_life_days)
    parts = []
    for level in settings.preferences.items.levels:
        weighed = weighed_items(item_days(bought, level), settings.affinity_half_life_days).collect()
        popularity = knowledge.popularity.filter(pl.col("level") == level.value)
        parts.append(
            _repeated(weighed.lazy(), visits, popularity, settings).with_columns(level=pl.lit(level.value))
        )
        if level in settings.preferences.items.similarity.levels:
            parts.append(_new(weighed, visits, level, knowledge, settings))
    return (
        pl.concat(parts, how="diagonal")
        .with_columns(
            workspace_id=pl.lit(workspace.workspace),
            model_version=pl.lit(MODEL_VERSION),
            last_bought_on=pl.lit(night_of(as_of, workspace)) - pl.duration(days=pl.col("last_age_days")),
        )
        .pipe(ItemAffinity.cast)
    )


def _confidence(prior_visits: float) -> pl.Expr:
    own = pl.col("person_steps")
    return (own / (own + prior_visits * STEPS)).round(_DECIMALS)


def _repeated(
    weighed: pl.LazyFrame, visits: pl.LazyFrame, popularity: pl.LazyFrame, settings: EnrichmentSettings
) -> pl.LazyFrame:
    """Items bought before, by the share of visits that hold them; ties by popularity, then by name."""
    prior = settings.preferences.items.prior_visits * STEPS
    share = pl.col("visit_rate").fill_null(0.0)
    score = (pl.col("weight_steps") + prior * share) / (pl.col("person_steps") + prior)
    order = ["loss", "unpopularity", "item"]
    return (
        weighed.join(visits, on="customer_id", how="inner")
        .join(popularity.select("item", "visit_rate"), on="item", how="left")
        .with_columns(
            affinity_score=score.round(_DECIMALS),
            confidence=_confidence(settings.preferences.items.prior_visits),
        )
        .with_columns(loss=-pl.col("affinity_score"), unpopularity=-share)
        .with_columns(affinity_rank=pl.int_range(1, pl.len() + 1).over("customer_id", order_by=order))
        .filter(pl.col("affinity_rank") <= settings.preferences.items.items_per_person)
        .select(
            "customer_id",
            "item",
            "affinity_rank",
            "affinity_score",
            "confidence",
            "visit_count",
            "last_age_days",
            is_new=pl.lit(value=False),
            method=pl.lit(ItemMethod.DECAYED_FREQUENCY.value),
        )
    )


def _new(
    weighed: pl.DataFrame,
    visits: pl.LazyFrame,
    level: ItemLevel,
    knowledge: ItemKnowledge,
    settings: EnrichmentSettings,
) -> pl.LazyFrame:
    """Items never bought, by what goes with everything that was; by popularity where nothing was compared."""
    chosen = settings.preferences.items
    popularity, similarities, method = (
        frame.filter(pl.col("level") == level.value).collect()
        for frame in (
            knowledge.popularity,
            knowledge.similarities,
            knowledge.models.select("level", "method"),
        )
    )
    items = chosen_items(popularity, chosen.similarity.maximum_items)
    people, ownership = ownership_of(weighed, items)
    found = propose_items(
        ownership, _matrix(similarities, items), places_of(items, popularity), chosen.new_items_per_person
    )
    reasons = pl.Series(np.where(found.reasons == NO_REASON, len(items), found.reasons))
    names = items.extend_constant(None, 1)
    proposed = pl.LazyFrame(
        {
            "customer_id": people.gather(found.people),
            "item": items.gather(found.items),
            "affinity_rank": found.ranks,
            "affinity_score": found.scores.clip(0.0, 1.0).round(_DECIMALS),
            "because_of": names.gather(reasons),
        }
    )
    return proposed.join(visits, on="customer_id", how="inner").select(
        *proposed.collect_schema().names(),
        confidence=_confidence(chosen.prior_visits),
        visit_count=pl.lit(0, pl.Int64),
        is_new=pl.lit(value=True),
        method=pl.lit(method["method"].item()),
        level=pl.lit(level.value),
    )


def _matrix(similarities: pl.DataFrame, items: pl.Series) -> Floats:
    """Weights of bought items (rows) for others (columns), in steps; zeros where nothing was compared."""
    positions = pl.DataFrame({"name": items, "position": np.arange(len(items))})
    wanted, bought = (
        similarities.select(name=column).join(positions, on="name", how="left", maintain_order="left")[
            "position"
        ]
        for column in ("item", "bought_item")
    )
    weights = np.zeros((len(items), len(items)))
    weights[bought.to_numpy(), wanted.to_numpy()] = np.round(similarities["weight"].to_numpy() * WEIGHT_STEPS)
    return weights
