"""What a message costs and is worth before anything was learned: declared terms of template and offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from pipelines.contracts.settings.catalogue import Catalogue, OfferSettings

#: Margin of a message without an offer: what an offer has when its margin is not declared.
DEFAULT_MARGIN_RATE = float(OfferSettings.model_fields["margin_rate"].default)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTerms:
    """Terms of one message.

    Attributes:
        margin_rate: Share of additional spend that stays after goods and discount; never below zero.
    """

    channel: str
    purpose: str
    cost: Decimal
    margin_rate: float


def message_terms(catalogue: Catalogue, template: str, offer: str | None) -> MessageTerms:
    """Look a message up in the catalogue.

    Raises:
        ValueError: The catalogue does not have the template or the offer.
    """
    if template not in catalogue.templates:
        raise ValueError(
            f"template {template} is not in the catalogue; known are {sorted(catalogue.templates)}"
        )
    if offer is not None and offer not in catalogue.offers:
        raise ValueError(f"offer {offer} is not in the catalogue; known are {sorted(catalogue.offers)}")
    sent_by = catalogue.templates[template]
    terms = None if offer is None else catalogue.offers[offer]
    margin = DEFAULT_MARGIN_RATE if terms is None else max(0.0, terms.margin_rate - terms.discount_rate)
    return MessageTerms(
        channel=sent_by.channel.value,
        purpose=sent_by.purpose,
        cost=catalogue.channels[sent_by.channel].cost,
        margin_rate=margin,
    )


def declared_uncertainty() -> pl.Expr:
    """Standard error of a declared value: nothing was observed, so as much as it brings before costs."""
    return (pl.col("value") + pl.col("cost_amount").cast(pl.Float64)).abs()


def tag_list(tags: Sequence[str]) -> str | None:
    """Tags as a candidate carries them: sorted, with commas between; null without any."""
    return ",".join(sorted(set(tags))) or None


def falling_priority(priority: int, position: int) -> int:
    """Priority of the template at a position: planning tries those of one question from the highest down."""
    return max(priority - position, 0)


def net_value(response_rate: pl.Expr, order: pl.Expr, margin_rate: pl.Expr, cost: pl.Expr) -> pl.Expr:
    """Expected responses × the order that a response is × margin - cost, in the workspace's currency.

    A response is one order. Rate and order are declared priors, not effects: the
    whole order of a responder is credited to the message.
    """
    return response_rate * order * margin_rate - cost.cast(pl.Float64)
