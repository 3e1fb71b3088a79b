"""Which overrides are about a row that names customer, product, programme and channel."""

import polars as pl

from pipelines.contracts.codes import IdentityEventKind
from pipelines.contracts.control_codes import OverrideKind

#: What an override may be limited to, as rows and overrides both name it.
SCOPE = ("product", "programme", "channel")
#: What a forced action may name.
ACTION = ("channel", "template_id", "offer_id")
_PREFIX = "override_"
#: Events in which records go over to another person.
_PASSED_ON = [
    event.value for event in (IdentityEventKind.MERGED, IdentityEventKind.SPLIT, IdentityEventKind.MOVED)
]


def with_overrides(rows: pl.LazyFrame, overrides: pl.LazyFrame, *, kind: OverrideKind) -> pl.LazyFrame:
    """Rows × the overrides of a kind that are about them, which have `override_` before their columns.

    Args:
        rows: `customer_id`, and of product, programme and channel as many as there are; an override that is
            limited to something else that the rows do not tell is about them all the same.
        overrides: `ActiveOverride`.
        kind: Kind of overrides.
    """
    of_kind = overrides.filter(pl.col("kind") == kind.value)
    renamed = of_kind.rename(
        {
            name: _PREFIX + name.removeprefix(_PREFIX)
            for name in overrides.collect_schema().names()
            if name != "customer_id"
        }
    )
    known = rows.collect_schema().names()
    joined = rows.join(renamed, on="customer_id", how="inner")
    return joined.filter(*(agrees(name) for name in SCOPE if name in known))


def agrees(name: str, *, wanted: str | None = None) -> pl.Expr:
    """Whether a column is what the override wants, or the override leaves it open."""
    asked = pl.col(_PREFIX + (wanted or name))
    return asked.is_null() | (pl.col(name) == asked).fill_null(False)


def is_forced_action() -> pl.Expr:
    """Whether a row of `with_overrides` is the action that its override forces."""
    return pl.all_horizontal(agrees(name, wanted=f"action_{name}") for name in ACTION)


def by_age() -> list[pl.Expr]:
    """Sort keys: of several overrides about one thing the last counts; ties go by id."""
    return [pl.col(f"{_PREFIX}started_at"), pl.col(f"{_PREFIX}id")]


def with_heirs(overrides: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """The overrides, and the same for whoever has the records of their person since.

    A person who went up into another is that other. Of records that were told apart
    nobody knows whom the override meant: who was forced out stays out on both sides,
    everything else stays with the person it was made for.

    Args:
        overrides: `ActiveOverride`.
        events: `IdentityEvent`s of the nights since the first of them.
    """
    passed_on = events.filter(pl.col("event").is_in(_PASSED_ON)).select(
        "occurred_on", "event", heir_id="customer_id", customer_id="from_customer_id"
    )
    found = frontier = overrides
    is_heir = (pl.col("event") == IdentityEventKind.MERGED.value) | (
        pl.col("kind") == OverrideKind.FORCE_OUT.value
    )
    while frontier.height:
        frontier = (
            frontier.join(passed_on, on="customer_id", how="inner")
            .filter(is_heir, pl.col("occurred_on") >= pl.col("started_at").dt.date())
            .with_columns(customer_id="heir_id")
            .select(overrides.columns)
            .unique(["override_id", "customer_id"])
            .join(found, on=["override_id", "customer_id"], how="anti")
        )
        found = pl.concat([found, frontier])
    return found.sort("override_id", "customer_id")
