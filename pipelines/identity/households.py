"""Who lives together: people of one postal address, known by a number that does not tell it."""

import polars as pl

from pipelines.contracts.identity import Household
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.addresses import comparable_text
from pipelines.expressions.digest import digest


def _address() -> pl.Expr:
    """Street, postcode and country as two systems write them alike; null without street or postcode."""
    street = comparable_text(pl.col("street"))
    postcode = comparable_text(pl.col("postcode")).str.replace_all(" ", "", literal=True)
    country = comparable_text(pl.col("country")).fill_null("")
    is_known = (street.str.len_bytes() > 0) & (postcode.str.len_bytes() > 0)
    return pl.when(is_known).then(pl.format("{}\n{}\n{}", street, postcode, country))


def find_households(survivors: pl.LazyFrame, *, workspace: WorkspaceSettings) -> pl.LazyFrame:
    """One row per person with an address; who has none lives alone, as far as anybody knows.

    The number is a digest under the workspace's seed, the same every night while
    the address is: without the seed nobody finds an address by trying.
    """
    salt = f"household of {workspace.workspace} under {workspace.seed}"
    return (
        survivors.with_columns(address=_address())
        .drop_nulls("address")
        .with_columns(household_id=digest(salt, pl.col("address")).reinterpret(signed=True))
        .select(Household.column_names())
    )
