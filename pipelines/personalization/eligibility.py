"""Who may get an offer at all: rules of the offer, before anything is scored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from pipelines.contracts.settings.catalogue import EligibilitySettings, OfferSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.time import INSTANT, local_date, whole_days_between


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityFacts:
    """What the rules look at.

    Attributes:
        sends: Own messages so far: `customer_id, offer_id, decided_on`.
        lines: What people bought: `customer_id, ordered_at, category`.
        night: Tonight, whose messages go out on the day after.
    """

    memberships: pl.LazyFrame
    sends: pl.LazyFrame
    lines: pl.LazyFrame
    night: date
    as_of: datetime
    workspace: WorkspaceSettings


def eligible_offers(
    rows: pl.LazyFrame, offers: Mapping[str, OfferSettings], facts: EligibilityFacts
) -> pl.LazyFrame:
    """Rows (`customer_id, offer_id`) that no rule of the offer forbids."""
    for name, offer in sorted(offers.items()):
        for barred in _barred(name, offer, rows, facts):
            pairs = barred.select("customer_id", offer_id=pl.lit(name)).unique()
            rows = rows.join(pairs, on=["customer_id", "offer_id"], how="anti")
    return rows


def bought_lines(lines: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with the category of their product, where it has one."""
    categories = products.select("product_id", "category").drop_nulls().unique(["product_id", "category"])
    return lines.select("customer_id", "product_id", "ordered_at").join(
        categories, on="product_id", how="inner"
    )


def _barred(
    name: str, offer: OfferSettings, rows: pl.LazyFrame, facts: EligibilityFacts
) -> Iterator[pl.LazyFrame]:
    """People whom one rule each keeps from the offer."""
    rules = offer.eligibility
    yield from _by_segment(name, rules, rows, facts)
    if rules.minimum_days_since_same_offer is not None:
        days = whole_days_between(pl.col("decided_on"), pl.lit(facts.night))
        yield facts.sends.filter(pl.col("offer_id") == name, days < rules.minimum_days_since_same_offer)
    if rules.not_bought_within_days is not None:
        bought_on = local_date(pl.col("ordered_at"), facts.workspace.time_zone)
        days = whole_days_between(bought_on, pl.lit(facts.night))
        yield facts.lines.filter(
            pl.col("category") == offer.category,
            pl.col("ordered_at") < pl.lit(facts.as_of, INSTANT),
            days < rules.not_bought_within_days,
        )


def _by_segment(
    name: str, rules: EligibilitySettings, rows: pl.LazyFrame, facts: EligibilityFacts
) -> Iterator[pl.LazyFrame]:
    members = facts.memberships.filter(pl.col("left_on").is_null())
    if rules.segments:
        allowed = members.filter(pl.col("segment").is_in(rules.segments))
        yield rows.filter(pl.col("offer_id") == name).join(allowed, on="customer_id", how="anti")
    if rules.excluded_segments:
        yield members.filter(pl.col("segment").is_in(rules.excluded_segments))
