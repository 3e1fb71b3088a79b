"""Campaigns as frames: which offers and templates compete tonight, and for whom."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from pipelines.contracts.objectives import Objective
from pipelines.contracts.settings.catalogue import OfferSettings
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import CampaignSettings, PersonalizationSettings
from pipelines.contracts.settings.segments import segment_names
from pipelines.expressions.messages import tag_list
from pipelines.expressions.money import AMOUNT


class CampaignReferenceError(ValueError):
    """A campaign that names what does not exist."""


@dataclass(frozen=True, slots=True)
class CampaignTables:
    """What the settings say about tonight, in rows.

    Attributes:
        offers: Campaign × valid offer, with category, base response rate, `kept_rate` (the part of spend that
            counts) and `response_value` (what a response is worth, where that is declared).
        templates: Campaign × template, with channel, purpose, cost and priority.
        audiences: Campaign × segment; the segment is null for everyone.
    """

    offers: pl.LazyFrame
    templates: pl.LazyFrame
    audiences: pl.LazyFrame


_OFFERS: dict[str, pl.DataType | type[pl.DataType]] = {
    "campaign": pl.String,
    "offer_id": pl.String,
    "category": pl.String,
    "kept_rate": pl.Float64,
    "response_value": pl.Float64,
    "base_response_rate": pl.Float64,
    "offers_per_person": pl.Int64,
}
_TEMPLATES: dict[str, pl.DataType | type[pl.DataType]] = {
    "campaign": pl.String,
    "template_id": pl.String,
    "channel": pl.String,
    "purpose": pl.String,
    "cost_amount": AMOUNT,
    "priority_class": pl.String,
    "priority": pl.Int64,
    "tags": pl.String,
}
_AUDIENCES: dict[str, pl.DataType | type[pl.DataType]] = {"campaign": pl.String, "segment": pl.String}


def campaign_problems(settings: PersonalizationSettings, *, segments: Collection[str]) -> list[str]:
    """One message per name in a campaign that the catalogue or the segments do not have."""
    problems = []
    for name, campaign in sorted(settings.campaigns.items()):
        audience = [] if campaign.audience is None else [campaign.audience]
        named: list[tuple[str, Collection[str], Collection[str]]] = [
            ("offer", campaign.offers, settings.catalogue.offers),
            ("template", campaign.templates, settings.catalogue.templates),
            ("segment", audience, segments),
        ]
        problems += [
            f"campaign {name} names the {kind} {value}, which does not exist"
            for kind, values, known in named
            for value in values
            if value not in known
        ]
        problems += _offer_problems(settings.catalogue.offers, campaign.offers, segments)
    return problems


def _offer_problems(
    offers: Mapping[str, OfferSettings], used: Collection[str], segments: Collection[str]
) -> list[str]:
    return [
        f"offer {name} names the segment {segment}, which does not exist"
        for name in dict.fromkeys(used)
        if name in offers
        for segment in (*offers[name].eligibility.segments, *offers[name].eligibility.excluded_segments)
        if segment not in segments
    ]


def campaign_tables(config: NightConfig, *, sending_day: date) -> CampaignTables:
    """Tables of all campaigns that are not paused.

    Raises:
        CampaignReferenceError: A campaign names what does not exist.
    """
    campaigns = sorted(config.personalization.campaigns.items())
    active = {name: campaign for name, campaign in campaigns if name not in config.paused}
    settings = config.personalization.model_copy(update={"campaigns": active})
    problems = campaign_problems(settings, segments=segment_names(config.enrichment.segments))
    if problems:
        raise CampaignReferenceError("; ".join(problems))
    catalogue = settings.catalogue
    offers = [
        _offer_row(name, campaign, offer, catalogue.offers[offer])
        for name, campaign in active.items()
        for offer in dict.fromkeys(campaign.offers)
        if _is_valid(catalogue.offers[offer], sending_day)
    ]
    templates = [
        _template_row(name, campaign, template, settings)
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


def kept_rate(campaign: CampaignSettings, offer: OfferSettings) -> float:
    """The part of spend that counts: margin after the discount, or all of it."""
    return offer.margin_rate - offer.discount_rate if campaign.objective is Objective.MARGIN else 1.0


def declared_value(campaign: CampaignSettings) -> float | None:
    """What a response is worth, where responses are counted and their value is declared."""
    is_counted = campaign.objective in {Objective.CLICKS, Objective.CONVERSIONS}
    return None if campaign.event_value is None or not is_counted else float(campaign.event_value)


def _offer_row(
    name: str, campaign: CampaignSettings, offer: str, settings: OfferSettings
) -> tuple[str, str, str | None, float, float | None, float, int]:
    return (
        name,
        offer,
        settings.category,
        kept_rate(campaign, settings),
        declared_value(campaign),
        campaign.base_response_rate,
        campaign.offers_per_person,
    )


def _template_row(
    name: str, campaign: CampaignSettings, template: str, settings: PersonalizationSettings
) -> tuple[str, str, str, str, Decimal, str, int, str | None]:
    written = settings.catalogue.templates[template]
    cost = settings.catalogue.channels[written.channel].cost
    channel, priority_class = written.channel.value, campaign.priority_class.value
    tags = tag_list(campaign.tags)
    return (name, template, channel, written.purpose, cost, priority_class, campaign.priority, tags)
