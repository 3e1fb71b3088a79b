"""`journeys/*.yml`: a graph that people walk day by day."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.contracts.codes import LossPolicy, PriorityClass
from pipelines.contracts.control_codes import Automation
from pipelines.contracts.settings.fallbacks import Fallbacks, require_fallbacks
from pipelines.contracts.settings.fields import Duration, LocalWait, Name, Settings, Share, Tags


class Entry(Settings):
    """Who comes in: people who join the segment; `initial` says what happens to its members at launch."""

    segment: Name
    initial: Literal["include", "only_new"]
    reentry: Literal["once", "after_exit"] = "once"


class MessageAction(Settings):
    """A message.

    Attributes:
        fallbacks: Templates, of other channels say, that are tried in this order when the first loses its
            place; with `on_loss: fallback`.
    """

    template: Name
    fallbacks: Fallbacks = ()
    offer: Name | None = None
    valid_for: Duration = Field(default="3d", validate_default=True)
    on_loss: LossPolicy = LossPolicy.DEFER

    @model_validator(mode="after")
    def _falls_back_on_something(self) -> "MessageAction":
        require_fallbacks(self.on_loss, [(self.template, self.fallbacks)])
        return self


class Node(Settings):
    """A station: exactly one of message, wait_for or exit.

    Attributes:
        wait_for: `24h` is elapsed time; `1d` is the same wall clock on the next local day.
    """

    id: Name
    message: MessageAction | None = None
    wait_for: LocalWait | None = None
    exit: Name | None = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> "Node":
        if sum(part is not None for part in (self.message, self.wait_for, self.exit)) != 1:
            raise ValueError(f"node {self.id} must have exactly one of message, wait_for or exit")
        return self


class Goal(Settings):
    """What the journey is for; reaching it ends the enrolment."""

    event: Literal["order"]


class JourneySettings(Settings):
    """A journey; nodes follow each other in the order in which they are written.

    Attributes:
        automation: How far its messages may go by themselves; null leaves it as it was set.
        exit_when_left: Leaving the entry segment ends the enrolment.
        response_rate: Declared prior for the share of people who respond to a message.
    """

    name: Name
    entry: Entry
    nodes: Annotated[tuple[Node, ...], Field(min_length=2)]
    goal: Goal | None = None
    exit_when_left: bool = False
    priority: Annotated[int, Field(ge=0, le=1000)] = 600
    priority_class: PriorityClass = PriorityClass.MARKETING
    response_rate: Share = 0.02
    tags: Tags = ()
    automation: Automation | None = None

    @model_validator(mode="after")
    def _is_a_path(self) -> "JourneySettings":
        ids = [node.id for node in self.nodes]
        twice = sorted({node for node in ids if ids.count(node) > 1})
        if twice:
            raise ValueError(f"node ids are used twice: {', '.join(twice)}")
        if self.nodes[-1].exit is None:
            raise ValueError("the last node must be an exit")
        if any(node.exit for node in self.nodes[:-1]):
            raise ValueError("nodes after an exit can never be reached")
        return self
