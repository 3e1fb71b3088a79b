"""What people forced for single customers, as flags on candidates, before anything else is asked of them.

A force is no right of way past a guardrail: consent, suppression, holdout, kill
switch, quiet hours, caps and shared limits are asked of a forced candidate like
of every other. It goes past an excluded segment, past a value that does not pay
and past the draw, and first within its class. Who is forced out has no eligible
candidate; that outweighs every other force. Of two forced actions of a decision
the later counts, and what it does not name has to stand back.
"""

import polars as pl

from pipelines.contracts.control_codes import OverrideKind
from pipelines.expressions.overrides import by_age, is_forced_action, with_overrides


def apply_overrides(candidates: pl.LazyFrame, overrides: pl.LazyFrame) -> pl.LazyFrame:
    """Adds `is_forced`, whether it is forced in, and `overridden_by`, the kind that refuses it, or null.

    Args:
        candidates: Candidates of the night; a decision point is whole.
        overrides: `ActiveOverride`s of the night.
    """
    people = overrides.select(pl.col("customer_id").unique())
    # Nearly nobody has an override: everyone else takes part in no further join.
    others = candidates.join(people, on="customer_id", how="anti").with_columns(
        is_forced=pl.lit(value=False), overridden_by=pl.lit(None, pl.String)
    )
    touched = candidates.join(people, on="customer_id", how="semi")
    return pl.concat([others, _flagged(touched, overrides)])


def _flagged(candidates: pl.LazyFrame, overrides: pl.LazyFrame) -> pl.LazyFrame:
    actions = _forced_actions(candidates, overrides)
    flags = {
        "is_out": _covered(candidates, overrides, OverrideKind.FORCE_OUT),
        "is_in": _covered(candidates, overrides, OverrideKind.FORCE_IN),
        "is_chosen": actions.select("candidate_id"),
    }
    for name, covered in flags.items():
        marked = covered.with_columns(pl.lit(value=True).alias(name))
        candidates = candidates.join(marked, on="candidate_id", how="left", validate="m:1")
    decided = actions.select(pl.col("decision_id").unique(), is_decided=pl.lit(value=True))
    is_out, is_in, is_chosen, is_decided = (
        pl.col(name).fill_null(value=False) for name in (*flags, "is_decided")
    )
    is_displaced = is_decided & ~is_chosen
    return (
        candidates.join(decided, on="decision_id", how="left", validate="m:1")
        .with_columns(
            is_forced=~is_out & ~is_displaced & (is_in | is_chosen),
            overridden_by=pl.when(is_out)
            .then(pl.lit(OverrideKind.FORCE_OUT.value))
            .when(is_displaced)
            .then(pl.lit(OverrideKind.FORCE_ACTION.value)),
        )
        .drop(*flags, "is_decided")
    )


def _covered(candidates: pl.LazyFrame, overrides: pl.LazyFrame, kind: OverrideKind) -> pl.LazyFrame:
    return with_overrides(candidates, overrides, kind=kind).select(pl.col("candidate_id").unique())


def _forced_actions(candidates: pl.LazyFrame, overrides: pl.LazyFrame) -> pl.LazyFrame:
    """Candidates that the latest override with an action of their decision forces."""
    matching = with_overrides(candidates, overrides, kind=OverrideKind.FORCE_ACTION).filter(
        is_forced_action()
    )
    latest = pl.col("override_id").sort_by(by_age()).last().over("decision_id")
    return matching.filter(pl.col("override_id") == latest).select("decision_id", "candidate_id")
