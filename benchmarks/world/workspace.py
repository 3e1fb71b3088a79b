"""The workspace folder of an arm: what a data engineer and a marketing manager would have written."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from benchmarks.world.truth import Truth

WORKSPACE_ID = "world"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What all arms share, per person of the world where it is a share.

    Attributes:
        per_week: Messages to a person within seven days; one a day at most.
        plan_share: Messages a night.
        capacity_shares: Messages a night by channel.
        budget_per_person: Money for messages a night.
    """

    per_week: int = 2
    plan_share: float = 0.25
    capacity_shares: tuple[tuple[str, float], ...] = (("email", 0.25), ("sms", 0.1), ("post", 0.01))
    budget_per_person: float = 0.01

    def plan_size(self, truth: Truth) -> int:
        return round(self.plan_share * truth.person_count)

    def capacities(self, truth: Truth) -> dict[str, int]:
        return {channel: round(share * truth.person_count) for channel, share in self.capacity_shares}

    def budget_cents(self, truth: Truth) -> int:
        return round(100 * self.budget_per_person * truth.person_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What the campaign of an arm chooses among, and how.

    Attributes:
        base_response_rate: The prior that a manager would declare for the campaign.
        exploration: Share of choices drawn evenly.
        is_learning: Whether answers change what is expected; else declared priors hold for ever.
        click_value: What a click is worth, when clicks are what the campaign is for; else margin is.
    """

    offers: Collection[str]
    templates: Collection[str]
    base_response_rate: float = 0.05
    exploration: float = 0.02
    is_learning: bool = True
    click_value: float | None = None


#: Answers from which on the small world is learnt from; engine defaults suit larger ones.
MINIMUM_ANSWERS = 200
#: More than any world has.
_NEVER = 10**9

_SOURCES = """
sources:
  customers: {connection: main, table: shop.customers}
  orders: {connection: main, table: shop.orders, cursor: ordered_at, lookback: 2d}
  order_lines: {connection: main, table: shop.order_lines}
  products: {connection: main, table: shop.products}
  events: {connection: main, table: shop.events, cursor: occurred_at, lookback: 2d}
  messages: {connection: main, table: shop.messages, cursor: sent_at, lookback: 2d}
  consents: {connection: main, table: shop.consents}
  campaigns: {connection: main, table: shop.campaigns}
"""


def _objective(offered: Offered) -> str:
    if offered.click_value is None:
        return "    objective: margin\n"
    return f"    objective: clicks\n    event_value: {offered.click_value:.2f}\n"


def workspace_files(truth: Truth, limits: Limits, offered: Offered) -> dict[str, str]:
    """Name → content."""
    channels = "".join(f"  {one.name}: {{cost: {one.cost:.2f}}}\n" for one in truth.channels)
    templates = "".join(f"  {one.template}: {{channel: {one.name}}}\n" for one in truth.channels)
    offers = "".join(
        f"  {one.name}: {{name: Something off {one.name}, category: {one.name}, "
        f"discount_rate: {one.discount_rate}, margin_rate: {one.margin_rate}}}\n"
        for one in truth.categories
    )
    least = MINIMUM_ANSWERS if offered.is_learning else _NEVER
    capacity = ", ".join(f"{channel}: {size}" for channel, size in limits.capacities(truth).items())
    return {
        "workspace.yml": (
            f"version: 1\nworkspace: {WORKSPACE_ID}\ntime_zone: UTC\ncurrency: USD\nseed: {truth.seed}\n"
            f"first_night: {truth.first_night.isoformat()}\n"
        ),
        "connections.yml": "connections:\n  main: {kind: duckdb, path: source.duckdb}\n",
        "sources.yml": _SOURCES,
        "catalogue.yml": f"channels:\n{channels}templates:\n{templates}offers:\n{offers}",
        "guardrails.yml": (
            "caps:\n"
            "  - {name: one_a_day, max: 1, window: 1d}\n"
            f"  - {{name: a_week, max: {limits.per_week}, window: 7d}}\n"
            f"capacity: {{{capacity}}}\n"
            f"budgets:\n  - {{name: night, amount: {limits.budget_cents(truth) / 100:.2f}, per: night}}\n"
            "holdout: {universal: 0.0}\n"
            f"maximum_plan_size: {limits.plan_size(truth)}\n"
            f"exploration: {offered.exploration}\narbitration: value\n"
        ),
        "personalization.yml": (
            "campaigns:\n  next_best:\n"
            f"    offers: [{', '.join(offered.offers)}]\n"
            f"    templates: [{', '.join(offered.templates)}]\n"
            f"    base_response_rate: {offered.base_response_rate}\n"
            f"    offers_per_person: {len(truth.categories)}\n"
            f"{_objective(offered)}"
            f"learning: {{minimum_events: {least}, minimum_conversions: {least}, retrain_after_days: 1}}\n"
            f"fatigue: {{unsubscribe_rate: {truth.unsubscribe_rate}, "
            f"unsubscribe_cost: {truth.contact_value:.2f}}}\n"
        ),
    }


def write_workspace(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
