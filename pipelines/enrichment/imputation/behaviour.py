"""What imputation looks at: the share of a person's spend that each item has, and how much they buy.

Products about a sensitive subject are left out, so that none of them can decide or
be evidence. `item_spend` is a function of one bucket of people; which items are
looked at is decided from all of them.
"""

from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.contracts.settings.sensitive_subjects import product_pattern
from pipelines.enrichment.purchases import before
from pipelines.expressions.money import to_minor

Floats = NDArray[np.float64]
#: Item kinds with how many of each are looked at: those that the most people bought.
KINDS = {"category": 300, "name": 600}


def item_spend(
    purchase_lines: pl.LazyFrame, products: pl.LazyFrame, people: pl.LazyFrame, *, as_of: datetime
) -> pl.LazyFrame:
    """One row per person and item: `customer_id`, `item` (`category: tea`), `spend_minor`, `total_minor`.

    Spend is net of returns and not below zero; `total_minor` is that of all harmless products.
    """
    words = [pl.col(kind).fill_null("").str.to_lowercase().str.replace_all(r"[\W_]+", " ") for kind in KINDS]
    is_sensitive = pl.any_horizontal(word.str.contains(product_pattern(())) for word in words)
    harmless = products.filter(~is_sensitive).select("product_id", *KINDS)
    bought = (
        purchase_lines.filter(before("ordered_at", as_of))
        .join(people.select("customer_id"), on="customer_id", how="semi")
        .select("customer_id", "product_id", line_minor=to_minor(pl.col("net_amount")))
        .group_by("customer_id", "product_id")
        .agg(pl.col("line_minor").sum())
        .join(harmless, on="product_id", how="inner")
    )
    totals = bought.group_by("customer_id").agg(total_minor=pl.col("line_minor").sum())
    kinds = [
        bought.filter(pl.col(kind).fill_null("") != "")
        .group_by("customer_id", item=pl.format(f"{kind}: {{}}", kind))
        .agg(spend_minor=pl.col("line_minor").sum().clip(lower_bound=0))
        for kind in KINDS
    ]
    return pl.concat(kinds).join(totals.filter(pl.col("total_minor") > 0), on="customer_id", how="inner")


def choose_items(spends: pl.DataFrame) -> list[str]:
    """The items that the most people bought, of each kind; ties by name."""
    counted = spends.group_by("item").len().sort(["len", "item"], descending=[True, False])
    return [
        item
        for kind, most in KINDS.items()
        for item in counted.filter(pl.col("item").str.starts_with(f"{kind}: "))["item"].head(most)
    ]


def share_matrix(spends: pl.DataFrame, people: pl.Series, items: list[str]) -> Floats:
    """A row per person: square roots of the items' shares, then the logarithm of the whole spend.

    Roots, because a small share of a telling item says almost as much as a large one.
    """
    places = pl.DataFrame({"customer_id": people, "row": np.arange(len(people))})
    columns = pl.DataFrame(
        {"item": items, "column": np.arange(len(items))}, schema_overrides={"item": pl.String}
    )
    matrix = np.zeros((len(people), len(items) + 1))
    known = spends.join(places, on="customer_id", how="inner")
    cells = known.join(columns, on="item", how="inner")
    share = cells["spend_minor"].to_numpy() / cells["total_minor"].to_numpy()
    matrix[cells["row"].to_numpy(), cells["column"].to_numpy()] = np.sqrt(np.clip(share, 0.0, 1.0))
    whole = known.select("row", "total_minor").unique()
    matrix[whole["row"].to_numpy(), -1] = np.log1p(whole["total_minor"].to_numpy() / 100)
    return matrix
