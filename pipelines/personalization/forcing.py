"""People whom somebody forced into campaigns: proposed for although they are in no audience.

Only what the force is about is proposed to them; planning asks every guardrail of
it, as of all else.
"""

import polars as pl

from pipelines.contracts.codes import Product
from pipelines.contracts.control_codes import OverrideKind
from pipelines.expressions.overrides import agrees, is_forced_action, with_overrides

#: Kinds that bring somebody in. Whoever forces an action means that it be offered.
_BRINGS_IN = (OverrideKind.FORCE_IN, OverrideKind.FORCE_ACTION)


def forced_audience(campaigns: pl.LazyFrame, overrides: pl.LazyFrame) -> pl.LazyFrame:
    """Campaign × person, each once, of campaigns that an override may be about.

    Args:
        campaigns: `campaign`; the active ones.
        overrides: `ActiveOverride`s of the night.
    """
    people = overrides.filter(pl.col("kind").is_in([kind.value for kind in _BRINGS_IN]))
    pairs = campaigns.select("campaign").unique().join(people.select("customer_id").unique(), how="cross")
    named = pairs.with_columns(product=pl.lit(Product.PERSONALIZATION.value), programme="campaign")
    brought_in = [with_overrides(named, overrides, kind=kind) for kind in _BRINGS_IN]
    return pl.concat([rows.select("campaign", "customer_id") for rows in brought_in]).unique()


def forced_offers(offered: pl.LazyFrame, overrides: pl.LazyFrame) -> pl.LazyFrame:
    """Campaign × person × offer that a forced action names: kept however little each could bring.

    Args:
        offered: `campaign`, `customer_id`, `offer_id`.
        overrides: `ActiveOverride`s of the night.
    """
    named = offered.with_columns(product=pl.lit(Product.PERSONALIZATION.value), programme="campaign")
    return (
        with_overrides(named, overrides, kind=OverrideKind.FORCE_ACTION)
        .filter(
            agrees("offer_id", wanted="action_offer_id"), pl.col("override_action_offer_id").is_not_null()
        )
        .select("campaign", "customer_id", "offer_id")
        .unique()
    )


def only_what_is_forced(
    candidates: pl.LazyFrame, brought_in: pl.LazyFrame, overrides: pl.LazyFrame
) -> pl.LazyFrame:
    """Candidates without those of people outside the audience that no override is about.

    Args:
        candidates: Columns of `Candidate`; the programme is the campaign.
        brought_in: `campaign` and `customer_id` of those who are in the audience by force alone.
        overrides: `ActiveOverride`s of the night.
    """
    outside = brought_in.select("customer_id", programme="campaign")
    keys = ("customer_id", "programme")
    others = candidates.join(outside, on=keys, how="semi")
    forced_in = with_overrides(others, overrides, kind=OverrideKind.FORCE_IN)
    actions = with_overrides(others, overrides, kind=OverrideKind.FORCE_ACTION).filter(is_forced_action())
    forced = pl.concat([rows.select("candidate_id") for rows in (forced_in, actions)]).unique()
    return pl.concat(
        [
            candidates.join(outside, on=keys, how="anti"),
            others.join(forced, on="candidate_id", how="semi"),
        ]
    )
