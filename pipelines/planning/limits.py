"""The limits of a night in the two shapes that allocation knows: per person, and shared by all."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig
from pipelines.expressions.money import minor_units
from pipelines.expressions.time import local_date

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLimit:
    """At most `maximum` messages to one person within less than `window_us`; exactly that apart is allowed.

    A minimum gap is such a limit of 1.
    """

    name: str
    outcome: DecisionOutcome
    maximum: int
    window_us: int
    channel: str | None = None
    purpose: str | None = None

    def counts(self, channel: str, purpose: str | None) -> bool:
        """Whether a message falls under the limit; one of unknown purpose does for every purpose."""
        is_channel = self.channel is None or self.channel == channel
        return is_channel and (self.purpose is None or purpose is None or self.purpose == purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLimit:
    """A sum over all messages; a unit is a message, or a minor unit of money.

    Attributes:
        used_before: What the ledger uses already.
        channel: Channel whose messages count; all when null.
        offer: Offer whose messages count; all when null.
    """

    name: str
    outcome: DecisionOutcome
    size: int
    used_before: int = 0
    channel: str | None = None
    offer: str | None = None

    @property
    def is_money(self) -> bool:
        return self.outcome is DecisionOutcome.BUDGET

    def counts(self, channel: str, offer: str | None) -> bool:
        return self.channel in (None, channel) and self.offer in (None, offer)


def person_limits(guardrails: Guardrails) -> list[PersonLimit]:
    """Caps, then minimum gaps: the order in which they are tested."""
    caps = [
        PersonLimit(
            name=cap.name,
            outcome=DecisionOutcome.FREQUENCY_CAP,
            maximum=cap.max,
            window_us=cap.window // _MICROSECOND,
            channel=cap.channel,
            purpose=cap.purpose,
        )
        for cap in guardrails.caps
    ]
    gaps = [
        PersonLimit(
            name=gap.name,
            outcome=DecisionOutcome.MINIMUM_GAP,
            maximum=1,
            window_us=gap.gap // _MICROSECOND,
            channel=gap.channel,
        )
        for gap in guardrails.minimum_gaps
    ]
    return caps + gaps


def _capacities(guardrails: Guardrails) -> list[SharedLimit]:
    capacities = [
        SharedLimit(
            name=f"capacity:{channel.value}",
            outcome=DecisionOutcome.CAPACITY,
            size=size,
            channel=channel.value,
        )
        for channel, size in sorted(guardrails.capacity.items())
    ]
    if guardrails.maximum_plan_size is not None:
        capacities.append(
            SharedLimit(
                name="maximum_plan_size",
                outcome=DecisionOutcome.CAPACITY,
                size=guardrails.maximum_plan_size,
            )
        )
    return capacities


def _stocks(config: NightConfig, ledger: pl.DataFrame) -> list[SharedLimit]:
    given_out = dict(ledger.group_by("offer_id").len().iter_rows())
    return [
        SharedLimit(
            name=f"stock:{offer}",
            outcome=DecisionOutcome.STOCK,
            size=terms.stock,
            used_before=given_out.get(offer, 0),
            offer=offer,
        )
        for offer, terms in sorted(config.personalization.catalogue.offers.items())
        if terms.stock is not None
    ]


def _budgets(config: NightConfig, ledger: pl.DataFrame, night: date) -> list[SharedLimit]:
    """Tonight's plan goes out on the local day after the night, so that day's month pays for it."""
    pays = night + timedelta(days=1)
    sent_on = local_date(pl.col("sent_from"), config.workspace.time_zone)
    this_month = ledger.filter(sent_on.dt.month_start() == pays.replace(day=1))
    spent = dict(this_month.group_by("channel").agg(pl.col("cost_minor").sum()).iter_rows())
    return [
        SharedLimit(
            name=budget.name,
            outcome=DecisionOutcome.BUDGET,
            size=minor_units(budget.amount),
            used_before=0
            if budget.per == "night"
            else sum(cost for channel, cost in spent.items() if budget.channel in (None, channel)),
            channel=budget.channel,
        )
        for budget in config.guardrails.budgets
    ]


def shared_limits(config: NightConfig, ledger: pl.DataFrame, night: date) -> list[SharedLimit]:
    """Capacities, stocks, budgets: the order in which they are tested."""
    return [*_capacities(config.guardrails), *_stocks(config, ledger), *_budgets(config, ledger, night)]
