"""What people do without any message: orders, their lines, and visits. The same in every arm."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmarks.world.draws import (
    Floats,
    Ints,
    categories_of,
    normals,
    poissons,
    uniforms,
)
from benchmarks.world.people import People
from benchmarks.world.truth import Truth
from pipelines.expressions.money import to_amount

INSTANT = pl.Datetime("us", "UTC")
_MICROSECONDS_PER_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Shopping:
    """Rows for the source, of one day or of many.

    Attributes:
        orders: `order_id, customer_ref, ordered_at, net_amount, campaign_id`.
        lines: `order_id, line_number, product_id, quantity, net_amount`.
        visits: Events.
    """

    orders: pl.DataFrame
    lines: pl.DataFrame
    visits: pl.DataFrame


def customer_refs(person: Ints) -> pl.Series:
    return pl.Series("customer_ref", [f"c{number:06d}" for number in person], dtype=pl.String)


def instants(truth: Truth, day: Ints, hour: Floats) -> pl.Series:
    """Instants on days, at hours that may lie beyond the day."""
    start = np.datetime64(truth.start_of(0).replace(tzinfo=None), "us").astype(np.int64)
    moments = start + np.rint((day * 24 + hour) * _MICROSECONDS_PER_HOUR).astype(np.int64)
    return pl.Series("moment", moments, dtype=pl.Int64).cast(INSTANT)


def product_ids(truth: Truth, category: Ints, uniform: Floats) -> list[str]:
    number = (uniform * truth.products_per_category).astype(np.int64)
    names = [one.name for one in truth.categories]
    return [f"{names[kind]}-{place}" for kind, place in zip(category, number, strict=True)]


def _occurrences(
    truth: Truth, purpose: str, rate: Floats, people: People, days: Ints
) -> tuple[Ints, Ints, Ints]:
    """Person, day and number within the day of everything that happens, by a Poisson law each day."""
    person, day = (grid.ravel() for grid in np.meshgrid(np.arange(len(people)), days, indexing="ij"))
    is_alive = day + truth.history_days < people.alive_days[person]
    count = poissons(rate[person], uniforms(truth.seed, purpose, person, day)) * is_alive
    place = np.concatenate([np.arange(one) for one in count]) if count.any() else np.zeros(0, np.int64)
    return np.repeat(person, count), np.repeat(day, count), place.astype(np.int64)


def _hours(truth: Truth, purpose: str, people: People, key: tuple[Ints, Ints, Ints]) -> Floats:
    """Around the hour at which a person is there, within the day."""
    scattered = people.hour[key[0]] + truth.hour_scatter * normals(truth.seed, purpose, *key)
    minutes = uniforms(truth.seed, f"{purpose} minute", *key)
    return np.clip(np.rint(scattered), 0, 23) + minutes


def _lines(truth: Truth, people: People, key: tuple[Ints, Ints, Ints]) -> pl.DataFrame:
    """Lines of the orders of a key, with the place of their order in it."""
    extra = poissons(np.full(len(key[0]), truth.lines_mean), uniforms(truth.seed, "lines", *key))
    order = np.repeat(np.arange(len(key[0])), extra + 1)
    number = (np.arange(len(order)) - np.repeat(np.cumsum(extra + 1) - extra - 1, extra + 1)).astype(np.int64)
    line = (*(column[order] for column in key), number)
    person = key[0][order]
    category = categories_of(people.shares[person], uniforms(truth.seed, "line category", *line))
    noise = truth.line_amount_spread * normals(truth.seed, "line amount", *line)
    price = np.array([one.price for one in truth.categories])[category]
    amount = people.line_amount[person] * price * np.exp(noise - truth.line_amount_spread**2 / 2)
    return pl.DataFrame(
        {
            "order": order.astype(np.int64),
            "line_number": number,
            "product_id": product_ids(truth, category, uniforms(truth.seed, "line product", *line)),
            "cents": np.maximum(1, np.rint(amount * 100)).astype(np.int64),
        },
        schema_overrides={"product_id": pl.String},
    )


def shop(truth: Truth, people: People, days: Ints) -> Shopping:
    """Everything that people do by themselves on the days."""
    key = _occurrences(truth, "orders", people.order_rate, people, days)
    lines = _lines(truth, people, key)
    orders = pl.DataFrame(
        {
            "order": np.arange(len(key[0])),
            "order_id": [f"b{person}_{day}_{place}" for person, day, place in zip(*key, strict=True)],
            "customer_ref": customer_refs(key[0]),
            "ordered_at": instants(truth, key[1], _hours(truth, "order hour", people, key)),
        },
        schema_overrides={"order_id": pl.String},
    )
    totals = lines.group_by("order").agg(pl.col("cents").sum())
    visit = _occurrences(truth, "visits", people.order_rate * truth.visits_per_order, people, days)
    return Shopping(
        orders=orders.join(totals, on="order", how="left", maintain_order="left").select(
            "order_id",
            "customer_ref",
            "ordered_at",
            net_amount=to_amount(pl.col("cents")),
            campaign_id=pl.lit(None, pl.String),
        ),
        lines=lines.join(
            orders.select("order", "order_id"), on="order", how="left", maintain_order="left"
        ).select(
            "order_id",
            "line_number",
            "product_id",
            quantity=pl.lit(1.0),
            net_amount=to_amount(pl.col("cents")),
        ),
        visits=events_of(
            event_id=[f"v{person}_{day}_{place}" for person, day, place in zip(*visit, strict=True)],
            event_type="visit",
            occurred_at=instants(truth, visit[1], _hours(truth, "visit hour", people, visit)),
            customer_ref=customer_refs(visit[0]),
        ),
    )


def events_of(
    *,
    event_id: list[str] | pl.Series,
    event_type: str,
    occurred_at: pl.Series,
    customer_ref: pl.Series,
    message_id: pl.Series | None = None,
    channel: pl.Series | None = None,
) -> pl.DataFrame:
    """Events in the columns of the source."""
    absent = pl.lit(None, pl.String)
    return pl.DataFrame(
        {
            "event_id": pl.Series(event_id, dtype=pl.String),
            "occurred_at": occurred_at,
            "customer_ref": customer_ref,
        }
    ).select(
        "event_id",
        "occurred_at",
        "customer_ref",
        event_type=pl.lit(event_type),
        message_id=absent if message_id is None else message_id,
        channel=absent if channel is None else channel,
    )
