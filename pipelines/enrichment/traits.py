"""Traits: named statements about a person, each with confidence, method, source and evidence.

A statement is null when its confidence lies below the gate: a guess is not
published. Sensitive attributes (health, religion, politics, sex life,
ethnicity, gender) and what stands for them are not in the list.
"""

from dataclasses import dataclass

import polars as pl

from pipelines.contracts.codes import TraitName
from pipelines.contracts.enrichment import Trait
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.time import whole_days_between

MODEL_VERSION = "1"
#: Observations that weigh as much as knowing nothing: with so many of them a
#: statement is half sure.
PRIOR_COUNT = 3
#: Upper bounds of the mean gap in days; halfway between the rhythms they part.
WEEKLY_DAYS, FORTNIGHTLY_DAYS, MONTHLY_DAYS = 10.5, 21.0, 45.0
#: Discount as a share of gross spend: below an ordinary assortment's promotions, above twice that.
LITTLE_DISCOUNT_RATE, MUCH_DISCOUNT_RATE = 0.1, 0.2
#: Share of people whose expected spend is not higher.
HIGH_VALUE_RANK, MEDIUM_VALUE_RANK = 0.8, 0.5
#: Keys of the attributes in which a source may state a trait, the first one that is there.
DECLARED_IN: dict[TraitName, tuple[str, ...]] = {
    TraitName.AGE_BAND: ("age_band", "age"),
    TraitName.INCOME_BAND: ("income_band", "income"),
    TraitName.HOME_OWNERSHIP: ("home_ownership",),
    TraitName.HOUSEHOLD_SIZE: ("household_size",),
    TraitName.KIDS_COUNT: ("kids_count", "kids"),
}
#: A declared value is a short label. Traits are not encrypted, so an address or
#: a note that a source keeps under such a key must not become one.
_LABEL = r"^[\w .,+<>/&-]{1,40}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """How a trait is read off a row of its source table; rows without a value make none."""

    trait: TraitName
    value: pl.Expr
    confidence: pl.Expr
    evidence: pl.Expr
    method: str
    source: str


def _confidence(count: pl.Expr) -> pl.Expr:
    return count / (count + PRIOR_COUNT)


def _rhythm() -> _Statement:
    """From the mean gap between visits; a silence that is longer than it counts as the gap."""
    gap = pl.max_horizontal("mean_gap_days", "recency_days")
    gap_count = whole_days_between(pl.col("first_order_on"), pl.col("last_order_on")) / pl.col(
        "mean_gap_days"
    )
    value = (
        pl.when(gap <= WEEKLY_DAYS)
        .then(pl.lit("weekly"))
        .when(gap <= FORTNIGHTLY_DAYS)
        .then(pl.lit("fortnightly"))
        .when(gap <= MONTHLY_DAYS)
        .then(pl.lit("monthly"))
        .otherwise(pl.lit("rare"))
    )
    return _Statement(
        trait=TraitName.SHOPPING_RHYTHM,
        value=pl.when(pl.col("mean_gap_days").is_not_null()).then(value),
        confidence=_confidence(gap_count.round()),
        evidence=pl.format(
            "mean gap {} days, last order {} days ago", pl.col("mean_gap_days").round(1), "recency_days"
        ),
        method="mean_gap",
        source="customer_features",
    )


def _price_sensitivity() -> _Statement:
    rate = pl.col("discount_rate")
    value = (
        pl.when(rate >= MUCH_DISCOUNT_RATE)
        .then(pl.lit("high"))
        .when(rate >= LITTLE_DISCOUNT_RATE)
        .then(pl.lit("medium"))
        .when(rate.is_not_null())
        .then(pl.lit("low"))
    )
    return _Statement(
        trait=TraitName.PRICE_SENSITIVITY,
        value=value,
        confidence=_confidence(pl.col("order_count")),
        evidence=pl.format("discount rate {} over {} orders", rate.round(3), "order_count"),
        method="discount_share",
        source="customer_features",
    )


def _value_tier() -> _Statement:
    """High is the best fifth by expected spend, medium the rest of the upper half."""
    rank = pl.col("value_rank_rate")
    value = (
        pl.when(rank > HIGH_VALUE_RANK)
        .then(pl.lit("high"))
        .when(rank > MEDIUM_VALUE_RANK)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("low"))
    )
    return _Statement(
        trait=TraitName.VALUE_TIER,
        value=pl.when(pl.col("order_count") > 0).then(value),
        confidence=_confidence(pl.col("order_count")),
        evidence=pl.format("expected spend {} in 28 days", pl.col("expected_spend_28d").round(2)),
        method="value_rank",
        source="customer_value",
    )


def _favourite_category() -> _Statement:
    """The strongest category; sure when it leads the second by far and was bought often."""
    lead = pl.col("affinity_score") / (pl.col("affinity_score") + pl.col("second_score").fill_null(0.0))
    return _Statement(
        trait=TraitName.FAVOURITE_CATEGORY,
        value=pl.col("category"),
        confidence=lead * _confidence(pl.col("purchase_count")),
        evidence=pl.format("{} of spend in {} orders", pl.col("affinity_score").round(3), "purchase_count"),
        method="decayed_spend_share",
        source="product_affinity",
    )


def _stated(keys: tuple[str, ...]) -> pl.Expr:
    texts = [pl.col("attributes").str.json_path_match(f"$.{key}").str.strip_chars() for key in keys]
    stated = pl.coalesce(texts)
    return pl.when(stated.str.contains(_LABEL)).then(stated)


def _declared(trait: TraitName) -> _Statement:
    """What the source says of the person; taken as it is."""
    return _Statement(
        trait=trait,
        value=_stated(DECLARED_IN[trait]),
        confidence=pl.lit(1.0),
        evidence=pl.lit("stated by the source"),
        method="declared",
        source="profiles",
    )


def _rows(people: pl.LazyFrame, statement: _Statement, *, gate: float) -> pl.LazyFrame:
    return (
        people.select(
            "customer_id",
            trait=pl.lit(statement.trait.value),
            value=statement.value,
            confidence=statement.confidence.cast(pl.Float64),
            method=pl.lit(statement.method),
            source=pl.lit(statement.source),
            evidence=statement.evidence,
            model_version=pl.lit(MODEL_VERSION),
        )
        .filter(pl.col("value").is_not_null())
        .with_columns(value=pl.when(pl.col("confidence") >= gate).then("value"))
    )


def derive_traits(
    features: pl.LazyFrame,
    value: pl.LazyFrame,
    affinity: pl.LazyFrame,
    profiles: pl.LazyFrame,
    imputed: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
) -> pl.LazyFrame:
    """One row per person and trait that something is known of; its value is null below the gate.

    `imputed` holds rows of the same contract that are passed on as they are.
    """
    first, second = (affinity.filter(pl.col("affinity_rank") == rank) for rank in (1, 2))
    favourites = first.join(
        second.select("customer_id", second_score="affinity_score"), on="customer_id", how="left"
    )
    worth = value.select("customer_id", "expected_spend_28d", "value_rank_rate")
    behaviour = features.join(worth, on="customer_id", how="inner")
    statements = [
        *((behaviour, statement) for statement in (_rhythm(), _price_sensitivity(), _value_tier())),
        (favourites, _favourite_category()),
        *((profiles, _declared(trait)) for trait in DECLARED_IN),
    ]
    rows = [
        _rows(people, statement, gate=settings.minimum_trait_confidence) for people, statement in statements
    ]
    own = pl.concat(rows).with_columns(workspace_id=pl.lit(workspace.workspace)).pipe(Trait.cast)
    return pl.concat([own, imputed.pipe(Trait.cast)])
