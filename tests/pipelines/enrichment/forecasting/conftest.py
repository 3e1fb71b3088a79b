"""A small shop with two years of weekly and monthly buyers, as purchase days."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from pipelines.enrichment.forecasting.state import Past

CUTOFF = date(2024, 3, 4)


@pytest.fixture(scope="package")
def days() -> pl.DataFrame:
    """240 people; each has a pace, and a third of them stop some time."""
    dice = np.random.default_rng(5)
    rows = []
    for person in range(1, 241):
        pace, spend = dice.choice([5, 9, 20, 45]), dice.uniform(5, 80)
        stop = 400 if person % 3 else int(dice.integers(100, 400))
        age = int(dice.integers(1, pace + 1))
        while age < 320:
            if age > 320 - stop or person % 3:
                minor = int(100 * spend * dice.uniform(0.5, 1.5)) + 1
                rows.append((person, CUTOFF - timedelta(days=age), minor, 1 + age % 2))
            age += 1 + int(dice.exponential(pace))
    schema = {"customer_id": pl.Int64, "ordered_on": pl.Date, "net_minor": pl.Int64, "order_count": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.fixture(scope="package")
def past_of() -> Callable[..., Past]:
    def build(
        days: pl.DataFrame, targeted: pl.DataFrame | None = None, redeemed: pl.DataFrame | None = None
    ) -> Past:
        no_targets = pl.DataFrame(
            schema={
                "campaign_id": pl.String,
                "customer_id": pl.Int64,
                "starts_on": pl.Date,
                "ends_on": pl.Date,
                "kind": pl.String,
            }
        )
        no_redemptions = pl.DataFrame(
            schema={"customer_id": pl.Int64, "campaign_id": pl.String, "redeemed_on": pl.Date}
        )
        return Past(
            days=days.lazy(),
            targeted=(no_targets if targeted is None else targeted).lazy(),
            redeemed=(no_redemptions if redeemed is None else redeemed).lazy(),
            cutoff=CUTOFF,
        )

    return build
