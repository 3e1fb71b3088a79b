"""What can be told of people from what they bought before the first night."""

import numpy as np
import polars as pl

from benchmarks.world.draws import Floats
from benchmarks.world.people import create_people
from benchmarks.world.shopping import shop
from benchmarks.world.truth import Truth


def purchases(truth: Truth) -> tuple[Floats, Floats, Floats, Floats]:
    """Orders, recency, mean amount of a line, and category shares, from the lines of the history."""
    people = create_people(truth)
    shopping = shop(truth, people, np.arange(1 - truth.history_days, 1))
    orders = np.zeros(len(people))
    recency = np.full(len(people), float(truth.history_days))
    number = shopping.orders["customer_ref"].str.slice(1).cast(pl.Int64).to_numpy()
    np.add.at(orders, number, 1)
    ages = (truth.start_of(1) - shopping.orders["ordered_at"]).dt.total_days().to_numpy().astype(float)
    np.minimum.at(recency, number, ages)
    bought = shopping.lines.join(
        shopping.orders.select("order_id", "customer_ref"), on="order_id", how="left"
    )
    buyer = bought["customer_ref"].str.slice(1).cast(pl.Int64).to_numpy()
    names = {one.name: place for place, one in enumerate(truth.categories)}
    category = (
        bought["product_id"]
        .str.split("-")
        .list.first()
        .replace_strict(names, return_dtype=pl.Int64)
        .to_numpy()
    )
    lines = np.zeros((len(people), len(names)))
    np.add.at(lines, (buyer, category), 1)
    spend = np.zeros(len(people))
    np.add.at(spend, buyer, bought["net_amount"].cast(pl.Float64).to_numpy())
    everyone = lines.sum(axis=0) / lines.sum()
    # A few lines of everyone are added, so that nobody's taste rests on one purchase.
    shares = (lines + 4 * everyone) / (lines.sum(axis=1, keepdims=True) + 4)
    amount = spend / np.maximum(lines.sum(axis=1), 1)
    return orders, recency, np.where(amount > 0, amount, amount[amount > 0].mean()), shares
