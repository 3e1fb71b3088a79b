"""A campaign that reaches people in waves, and stops when too many of them leave."""

from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from pipelines.contracts.settings.fields import Settings, Share


class StopRule(Settings):
    """When a wave is held, and those behind it with it.

    Attributes:
        unsubscribe_rate: Largest share of the people messaged in earlier waves who may since have withdrawn,
            or be on a suppression list.
    """

    unsubscribe_rate: Share


class Waves(Settings):
    """Who is reached when.

    Attributes:
        starts_on: Local day on which the first wave goes out; nothing goes out before.
        shares: Share of everyone that each wave reaches, those before it included; a person's wave is drawn
            once and for all.
        nights_per_wave: Nights from one wave to the next.
        stop_above: Without it waves follow each other whatever people do.
    """

    starts_on: date
    shares: Annotated[tuple[Annotated[Share, Field(gt=0)], ...], Field(min_length=1)]
    nights_per_wave: Annotated[int, Field(ge=1, le=90)] = 1
    stop_above: StopRule | None = None

    @model_validator(mode="after")
    def _reaches_everyone_step_by_step(self) -> "Waves":
        problems = []
        if any(later <= earlier for earlier, later in zip(self.shares, self.shares[1:], strict=False)):
            problems.append("shares must rise from wave to wave")
        if self.shares[-1] != 1:
            problems.append("the last share must be 1.0, everyone")
        if problems:
            raise ValueError("; ".join(problems))
        return self
