"""`sequences/*.yml`: ordered messages to people in a segment, until they do what was hoped for."""

from typing import Annotated

from pydantic import Field, model_validator

from pipelines.contracts.codes import LossPolicy, PriorityClass
from pipelines.contracts.control_codes import Automation
from pipelines.contracts.settings.fallbacks import Fallbacks, require_fallbacks
from pipelines.contracts.settings.fields import Duration, Name, Settings, Share, Tags


class SequenceStep(Settings):
    """A message, `after` whole local days since the step before it was planned (or since entry).

    Attributes:
        fallbacks: Templates, of other channels say, that are tried in this order when the first loses its
            place; with `on_loss: fallback`.
    """

    template: Name
    fallbacks: Fallbacks = ()
    offer: Name | None = None
    after_days: Annotated[int, Field(ge=0, le=365)] = 0
    valid_for: Duration = Field(default="3d", validate_default=True)


class SequenceSettings(Settings):
    """A sequence.

    Attributes:
        automation: How far its messages may go by themselves; null leaves it as it was set.
        stop_on_order: An order after entry ends the sequence.
        stop_on_leave: Leaving the segment ends the sequence.
        reentry_after_days: Local days after the end before the same person may enter again; null is never.
        response_rate: Declared prior for the share of people whom a message brings back.
    """

    name: Name
    segment: Name
    steps: Annotated[tuple[SequenceStep, ...], Field(min_length=1)]
    stop_on_order: bool = True
    stop_on_leave: bool = False
    reentry_after_days: Annotated[int, Field(ge=1)] | None = None
    priority: Annotated[int, Field(ge=0, le=1000)] = 500
    priority_class: PriorityClass = PriorityClass.MARKETING
    on_loss: LossPolicy = LossPolicy.DEFER
    response_rate: Share = 0.02
    tags: Tags = ()
    automation: Automation | None = None

    @model_validator(mode="after")
    def _falls_back_on_something(self) -> "SequenceSettings":
        require_fallbacks(self.on_loss, [(step.template, step.fallbacks) for step in self.steps])
        return self
