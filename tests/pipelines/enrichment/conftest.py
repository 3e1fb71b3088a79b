"""A small shop in New York: frames of a contract from the columns that a test is about."""

from collections.abc import Callable
from typing import Any

import dataframely as dy
import polars as pl
import pytest

from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings

RowsOf = Callable[..., pl.LazyFrame]


@pytest.fixture
def workspace() -> WorkspaceSettings:
    return WorkspaceSettings(version=1, workspace="shop", time_zone="America/New_York", currency="USD")


@pytest.fixture
def settings() -> EnrichmentSettings:
    return EnrichmentSettings()


@pytest.fixture
def rows_of() -> RowsOf:
    """Rows of a contract; what a row does not name is null, and source and workspace are always the same."""

    def build(schema: type[dy.Schema], *rows: dict[str, Any]) -> pl.LazyFrame:
        dtypes = {name: column.dtype for name, column in schema.columns().items()}
        fixed = {"workspace_id": "shop", "source": "main"}
        filled = [{name: row.get(name, fixed.get(name)) for name in dtypes} for row in rows]
        return pl.LazyFrame(filled, schema=dtypes, orient="row")

    return build


@pytest.fixture
def no_forecasts() -> pl.LazyFrame:
    """Nobody has a forecast of a trained model."""
    numbers = ("spend_mean", "spend_median", "activity", "next_purchase_days", "alive_probability")
    lifetime = [f"lifetime_{kind}_{days}d" for kind in ("orders", "spend") for days in (28, 90, 365)]
    return pl.LazyFrame(
        schema={
            "customer_id": pl.Int64,
            "is_scored": pl.Boolean,
            "spend_method": pl.String,
            "spend_version": pl.String,
            **dict.fromkeys([*numbers, *lifetime], pl.Float64),
        }
    )


@pytest.fixture
def links_of() -> Callable[..., pl.LazyFrame]:
    """Links from a person's id to the records that belong to them."""

    def build(people: dict[int, list[str]]) -> pl.LazyFrame:
        pairs = [(reference, person) for person, references in people.items() for reference in references]
        return pl.LazyFrame(
            pairs, schema={"customer_ref": pl.String, "customer_id": pl.Int64}, orient="row"
        ).with_columns(workspace_id=pl.lit("shop"), source=pl.lit("main"))

    return build
