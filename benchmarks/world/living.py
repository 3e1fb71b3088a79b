"""A world that lives day by day: people shop, messages of the plan arrive, and the warehouse learns of it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.world.draws import Ints
from benchmarks.world.people import create_people
from benchmarks.world.reacting import (
    Outcomes,
    Sends,
    draw_outcomes,
    initial_condition,
    next_condition,
    require_consent,
)
from benchmarks.world.response import create_response
from benchmarks.world.shopping import customer_refs, events_of, instants, shop
from benchmarks.world.source import PURPOSE, Rows, Source, day_end, due_and_waiting, history
from benchmarks.world.tally import Tally
from benchmarks.world.truth import Truth
from pipelines.expressions.money import AMOUNT

#: Columns that a world wants to know of a planned message.
PLANNED = ("send_id", "customer_ref", "offer_id", "channel", "template_id", "not_before", "propensity")


@dataclass(frozen=True, slots=True)
class Delivered:
    """Messages of a day as they arrived: as rows, and as the world's numbers."""

    rows: pl.DataFrame
    sends: Sends


class World:
    """One arm's copy of the world; all copies of one truth have the same people and the same draws.

    Args:
        truth: What is true.
        source: Path of the arm's warehouse file.
    """

    def __init__(self, truth: Truth, source: Path) -> None:
        self.truth = truth
        self.people = create_people(truth)
        self.response = create_response(truth, self.people)
        self.tally = Tally(self.response)
        self.condition = initial_condition(truth, self.people)
        self._source = Source(source)
        self._waiting: Rows = {}
        self._day = 0

    def begin(self) -> None:
        """Writes everything up to the end of day 0, which the first night closes."""
        due, self._waiting = due_and_waiting(history(self.truth, self.people), day_end(self.truth, 0))
        self._source.create(due)

    def live(self, planned: pl.DataFrame) -> Outcomes:
        """The next day: what was planned in the night before arrives, and what happened is written.

        Args:
            planned: Messages that were handed over, with the columns `PLANNED`.

        Raises:
            SentWithoutConsentError: Someone gets a message that they did not agree to.
        """
        self._day += 1
        delivered = self._deliver(planned)
        require_consent(self.response, self.condition, delivered.sends)
        outcomes = draw_outcomes(self.response, self.condition, delivered.sends, day=self._day)
        self.tally.add(delivered.sends, outcomes)
        self.condition = next_condition(self.response, self.condition, delivered.sends, outcomes)
        self._write(self._rows(delivered, outcomes))
        return outcomes

    def _deliver(self, planned: pl.DataFrame) -> Delivered:
        """Every message arrives at the earliest instant of its window."""
        rows = planned.select(PLANNED).sort("send_id")
        categories = {one.name: place for place, one in enumerate(self.truth.categories)}
        channels = {one.name: place for place, one in enumerate(self.truth.channels)}
        action = pl.col("offer_id").replace_strict(categories, return_dtype=pl.Int64) * len(channels)
        numbers = rows.select(
            person=pl.col("customer_ref").str.slice(1).cast(pl.Int64),
            action=action + pl.col("channel").replace_strict(channels, return_dtype=pl.Int64),
            hour=pl.col("not_before").dt.hour().cast(pl.Int64),
        )
        return Delivered(rows, Sends(**{name: numbers[name].to_numpy() for name in numbers.columns}))

    def _rows(self, delivered: Delivered, outcomes: Outcomes) -> Rows:
        """Everything that begins today, also what happens later."""
        shopping = shop(self.truth, self.people, np.array([self._day]))
        answers = self._answers(delivered, outcomes)
        return {
            "orders": pl.concat([shopping.orders, answers["orders"]]),
            "order_lines": pl.concat([shopping.lines, answers["order_lines"]]),
            "events": pl.concat([shopping.visits, answers["events"]]),
            "messages": self._reported(delivered),
            "consents": answers["consents"],
        }

    def _reported(self, delivered: Delivered) -> pl.DataFrame:
        """The sender reports every message back under its send id, as a good sender does."""
        cost = {one.name: one.cost for one in self.truth.channels}
        return delivered.rows.select(
            "customer_ref",
            "channel",
            "template_id",
            "offer_id",
            "propensity",
            message_id="send_id",
            sent_at="not_before",
            campaign_id=pl.lit(None, pl.String),
            cost=pl.col("channel").replace_strict(cost, return_dtype=pl.Float64),
        )

    def _answers(self, delivered: Delivered, outcomes: Outcomes) -> Rows:
        hour = delivered.sends.hour + outcomes.click_delay
        gone = np.flatnonzero(outcomes.is_unsubscribed)
        leaving = self._events(delivered, gone, "unsubscribe", delivered.sends.hour + 1 / 60)
        clicks = self._events(delivered, np.flatnonzero(outcomes.is_clicked), "click", hour)
        visits = self._events(delivered, np.flatnonzero(outcomes.is_visited), "visit", hour + 1 / 60)
        orders, lines = self._conversions(delivered, outcomes, hour + outcomes.conversion_delay)
        consents = leaving.select(
            consent_id=pl.format("{}-{}-{}", "customer_ref", "channel", "message_id"),
            customer_ref="customer_ref",
            purpose=pl.lit(PURPOSE),
            channel="channel",
            status=pl.lit("withdrawn"),
            recorded_at="occurred_at",
        )
        return {
            "events": pl.concat([clicks, visits, leaving]),
            "orders": orders,
            "order_lines": lines,
            "consents": consents,
        }

    def _moments(self, hour: np.ndarray) -> pl.Series:
        return instants(self.truth, np.full(len(hour), self._day), hour)

    def _events(self, delivered: Delivered, chosen: Ints, kind: str, hour: np.ndarray) -> pl.DataFrame:
        message_id = delivered.rows["send_id"].gather(chosen)
        return events_of(
            event_id=[f"{kind}-{one}" for one in message_id],
            event_type=kind,
            occurred_at=self._moments(hour[chosen]),
            customer_ref=customer_refs(delivered.sends.person[chosen]),
            message_id=message_id,
            channel=delivered.rows["channel"].gather(chosen),
        )

    def _conversions(
        self, delivered: Delivered, outcomes: Outcomes, hour: np.ndarray
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """One order of one line of the offer's category each."""
        chosen = np.flatnonzero(outcomes.is_converted)
        rows = pl.DataFrame(
            {
                "order_id": [f"m-{one}" for one in delivered.rows["send_id"].gather(chosen)],
                "customer_ref": customer_refs(delivered.sends.person[chosen]),
                "ordered_at": self._moments(hour[chosen]),
                "amount": outcomes.amount[chosen],
                "offer_id": delivered.rows["offer_id"].gather(chosen),
            },
            schema_overrides={"order_id": pl.String},
        ).with_columns(net_amount=pl.col("amount").cast(AMOUNT))
        orders = rows.select(
            "order_id", "customer_ref", "ordered_at", "net_amount", campaign_id=pl.lit(None, pl.String)
        )
        lines = rows.select(
            "order_id",
            line_number=pl.lit(0, pl.Int64),
            product_id=pl.format("{}-0", "offer_id"),
            quantity=pl.lit(1.0),
            net_amount="net_amount",
        )
        return orders, lines

    def _write(self, rows: Rows) -> None:
        together = {
            table: pl.concat([self._waiting[table], rows[table]], how="diagonal")
            if table in self._waiting
            else rows[table]
            for table in rows
        }
        due, self._waiting = due_and_waiting(together, day_end(self.truth, self._day))
        self._source.append(due)

    @property
    def night(self) -> timedelta:
        """How long after the first night the current day's night is."""
        return timedelta(days=self._day)
