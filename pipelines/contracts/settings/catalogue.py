"""`catalogue.yml`: what can be said, where, and what it costs."""

from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from pipelines.contracts.codes import Channel
from pipelines.contracts.settings.fields import Money, Name, Settings, Share


class ChannelSettings(Settings):
    """A channel; the cost is per message."""

    cost: Money = Field(default=0, validate_default=True)


class TemplateSettings(Settings):
    channel: Channel
    purpose: Name = "marketing"
    subject: str = ""


class EligibilitySettings(Settings):
    """Who may get an offer at all, before anything is scored.

    Attributes:
        segments: Only members of at least one of them; everyone when empty.
        excluded_segments: No member of any of them.
        minimum_days_since_same_offer: Local days from one message with the offer to the next.
        not_bought_within_days: Not to people who bought the offer's category in so many local days.
    """

    segments: tuple[Name, ...] = ()
    excluded_segments: tuple[Name, ...] = ()
    minimum_days_since_same_offer: Annotated[int, Field(ge=1, le=730)] | None = None
    not_bought_within_days: Annotated[int, Field(ge=1, le=730)] | None = None


class OfferSettings(Settings):
    """A reason to write.

    Attributes:
        category: Category that the offer is about; null for an offer on everything.
        discount_rate: Part of the price that is given away.
        margin_rate: Margin of the category before the discount.
        stock: How many may be given out in all; null without limit.
        eligibility: Who may get it.
    """

    name: str
    category: str | None = None
    discount_rate: Share = 0.0
    margin_rate: Share = 0.3
    starts_on: date | None = None
    ends_on: date | None = None
    stock: Annotated[int, Field(ge=0)] | None = None
    eligibility: EligibilitySettings = EligibilitySettings()

    @model_validator(mode="after")
    def _ends_after_start(self) -> "OfferSettings":
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self

    @model_validator(mode="after")
    def _what_was_bought_has_a_category(self) -> "OfferSettings":
        if self.eligibility.not_bought_within_days is not None and self.category is None:
            raise ValueError("not_bought_within_days needs the category that the offer is about")
        return self


class Catalogue(Settings):
    channels: dict[Channel, ChannelSettings] = {}
    templates: dict[Name, TemplateSettings] = {}
    offers: dict[Name, OfferSettings] = {}

    @model_validator(mode="after")
    def _channels_exist(self) -> "Catalogue":
        for name, template in self.templates.items():
            if template.channel not in self.channels:
                raise ValueError(
                    f"template {name} uses channel {template.channel}, which channels does not list"
                )
        return self
