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


class OfferSettings(Settings):
    """A reason to write.

    Attributes:
        category: Category that the offer is about; null for an offer on everything.
        discount_rate: Part of the price that is given away.
        margin_rate: Margin of the category before the discount.
        stock: How many may be given out in all; null without limit.
    """

    name: str
    category: str | None = None
    discount_rate: Share = 0.0
    margin_rate: Share = 0.3
    starts_on: date | None = None
    ends_on: date | None = None
    stock: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> "OfferSettings":
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
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
