"""Sums per person of what messages cost and led to: what arms are compared by."""

from dataclasses import dataclass, field

import numpy as np

from benchmarks.world.draws import Floats
from benchmarks.world.reacting import Outcomes, Sends
from benchmarks.world.response import Response

MEASURES = (
    "messages",
    "clicks",
    "visits",
    "conversions",
    "engagement",
    "expected_engagement",
    "net_value",
    "expected_net_value",
    "cost",
    "unsubscribed",
)


@dataclass(slots=True)
class Tally:
    """Measure → one number per person.

    Engagement is clicks + visits + conversions that messages led to, whenever
    they happen. Net value is the margin of their orders less the messages, and
    less what lost consents cost. The expected ones are sums of true expectations
    of the messages that were sent: they have no noise of answers.
    """

    response: Response
    sums: dict[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sums = {name: np.zeros(len(self.response.people)) for name in MEASURES}

    def add(self, sends: Sends, outcomes: Outcomes) -> None:
        actions, truth = self.response.actions, self.response.truth
        margin = outcomes.amount * actions.kept_rate[sends.action]
        lost = outcomes.is_unsubscribed * truth.contact_value
        answered = (outcomes.is_clicked, outcomes.is_visited, outcomes.is_converted)
        added = {
            "messages": np.ones(len(sends)),
            "clicks": outcomes.is_clicked,
            "visits": outcomes.is_visited,
            "conversions": outcomes.is_converted,
            "engagement": np.sum(answered, axis=0),
            "expected_engagement": outcomes.engagement,
            "net_value": margin - actions.cost[sends.action] - lost,
            "expected_net_value": outcomes.net_value,
            "cost": actions.cost[sends.action],
            "unsubscribed": outcomes.is_unsubscribed,
        }
        for name, amounts in added.items():
            np.add.at(self.sums[name], sends.person, amounts)

    def total(self, measure: str) -> float:
        return float(self.sums[measure].sum())
