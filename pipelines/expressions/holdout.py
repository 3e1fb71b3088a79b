"""Who is held out: by a salted digest of the person, the same on every night and machine."""

import polars as pl

from pipelines.contracts.codes import PriorityClass
from pipelines.contracts.settings.guardrails import Holdout
from pipelines.expressions.digest import digest

#: Resolution of an assignment: a bucket is a ten-thousandth of all people.
BUCKETS = 10_000


def _is_below(customer_id: pl.Expr, salt: str, share: float) -> pl.Expr:
    return digest(salt, customer_id) % BUCKETS < round(share * BUCKETS)


def is_universal_holdout(customer_id: pl.Expr, *, workspace: str, holdout: Holdout) -> pl.Expr:
    """Person who gets no marketing from any programme."""
    return _is_below(customer_id, f"universal holdout of {workspace}", holdout.universal)


def is_programme_holdout(
    customer_id: pl.Expr, *, workspace: str, programme: str, holdout: Holdout
) -> pl.Expr:
    """Person whom one programme leaves out."""
    share = holdout.programmes.get(programme, 0.0)
    return _is_below(customer_id, f"holdout of {programme} in {workspace}", share)


def is_held_out(customer_id: pl.Expr, *, workspace: str, programme: str, holdout: Holdout) -> pl.Expr:
    """Universal holdout, or holdout of one programme."""
    own = is_programme_holdout(customer_id, workspace=workspace, programme=programme, holdout=holdout)
    return is_universal_holdout(customer_id, workspace=workspace, holdout=holdout) | own


def is_ghost(
    customer_id: pl.Expr, *, workspace: str, programme: str, priority_class: PriorityClass, holdout: Holdout
) -> pl.Expr:
    """Held out from a programme; the universal holdout is about marketing only."""
    if priority_class is PriorityClass.MARKETING:
        return is_held_out(customer_id, workspace=workspace, programme=programme, holdout=holdout)
    return is_programme_holdout(customer_id, workspace=workspace, programme=programme, holdout=holdout)
