"""Kill switches: what an operator has stopped, effective at once."""

from typing import Literal

from pydantic import model_validator

from pipelines.contracts.settings.fields import Settings


class KillSwitch(Settings):
    """A switch that is on.

    Attributes:
        scope: What it stops; `campaign` stands for any programme: a journey, a sequence or a campaign.
        value: Channel, product slug or name of the programme; null for `all`.
        reason: Why it was pulled.
    """

    scope: Literal["all", "channel", "product", "campaign"]
    value: str | None = None
    reason: str

    @model_validator(mode="after")
    def _names_what_it_stops(self) -> "KillSwitch":
        if (self.scope == "all") != (self.value is None):
            raise ValueError("a kill switch on all has no value; any other scope needs one")
        return self
