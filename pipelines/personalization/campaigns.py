"""Campaigns as frames: which offers and templates compete tonight, and for whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from pipelines.contracts.settings.catalogue import OfferSettings
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import CampaignSettings, PersonalizationSettings
from pipelines.expressions.money import AMOUNT


class CampaignReferenceError(ValueError):
    """A campaign that names what does not exist."""


@dataclass(frozen=True, slots=True)
class CampaignTables:
    """What the settings say about tonight, in rows.

    Attributes:
        offers: Campaign × valid offer, with category, margin and base response rate.
        templates: Campaign × template, with channel, purpose, cost and priority.
        audiences: Campaign × segment; the segment is null for everyone.
    """

    offers: pl.LazyFrame
    templates: pl.LazyFrame
    audiences: pl.LazyFrame


_OFFERS = {
    "campaign": pl.String,
    "offer_id": pl.String,
    "category": pl.String,
    "kept_rate": pl.Float64,
    "base_response_rate": pl.Float64,
    "offers_per_person": pl.Int64,
}
_TEMPLATES = {
    "campaign": pl.String,
    "template_id": pl.String,
    "channel": pl.String,
    "purpose": pl.String,
    "cost_amount": AMOUNT,
    "priority_class": pl.String,
    "priority": pl.Int64,
}
_AUDIENCES = {"campaign": pl.String, "segment": pl.String}


def campaign_problems(settings: PersonalizationSettings, *, segments: Mapping[str, object]) -> list[str]:
    """One message per name in a campaign that the catalogue or the segments do not have."""
    problems = []
    for name, campaign in sorted(settings.campaigns.items()):
        named = [("offer", offer, settings.catalogue.offers) for offer in campaign.offers]
        named += [("template", template, settings.catalogue.templates) for template in campaign.templates]
        named += [("segment", campaign.audience, segments)] if campaign.audience else []
        problems += [
            f"campaign {name} names the {kind} {value}, which does not exist"
            for kind, value, known in named
            if value not in known
        ]
    return problems


def campaign_tables(config: NightConfig, *, sending_day: date) -> CampaignTables:
    """Tables of all campaigns that are not paused.

    Raises:
        CampaignReferenceError: A campaign names what does not exist.
    """
    problems = campaign_problems(config.personalization, segments=config.enrichment.segments)
    if problems:
        raise CampaignReferenceError("; ".join(problems))
    active = {
        name: campaign
        for name, campaign in sorted(config.personalization.campaigns.items())
        if name not in config.paused
    }
    catalogue = config.personalization.catalogue
    offers = [
        _offer_row(name, campaign, offer, catalogue.offers[offer])
        for name, campaign in active.items()
        for offer in dict.fromkeys(campaign.offers)
        if _is_valid(catalogue.offers[offer], sending_day)
    ]
    templates = [
        _template_row(name, campaign, template, config.personalization)
        for name, campaign in active.items()
        for template in dict.fromkeys(campaign.templates)
    ]
    audiences = [(name, campaign.audience) for name, campaign in active.items()]
    return CampaignTables(
        offers=pl.LazyFrame(offers, schema=_OFFERS, orient="row"),
        templates=pl.LazyFrame(templates, schema=_TEMPLATES, orient="row"),
        audiences=pl.LazyFrame(audiences, schema=_AUDIENCES, orient="row"),
    )


def _is_valid(offer: OfferSettings, day: date) -> bool:
    has_begun = offer.starts_on is None or offer.starts_on <= day
    return has_begun and (offer.ends_on is None or day <= offer.ends_on)


def _offer_row(
    name: str, campaign: CampaignSettings, offer: str, settings: OfferSettings
) -> tuple[str, str, str | None, float, float, int]:
    kept_rate = settings.margin_rate - settings.discount_rate
    return (
        name,
        offer,
        settings.category,
        kept_rate,
        campaign.base_response_rate,
        campaign.offers_per_person,
    )


def _template_row(
    name: str, campaign: CampaignSettings, template: str, settings: PersonalizationSettings
) -> tuple[str, str, str, str, Decimal, str, int]:
    written = settings.catalogue.templates[template]
    cost = settings.catalogue.channels[written.channel].cost
    channel, priority_class = written.channel.value, campaign.priority_class.value
    return (name, template, channel, written.purpose, cost, priority_class, campaign.priority)
