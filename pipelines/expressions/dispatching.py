"""What a dispatch log says of messages that were planned: which of them never left."""

from datetime import timedelta

import polars as pl

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.control_codes import WAITING
from pipelines.expressions.time import local_date

#: A send with one of these was, or may have been, handed over. It counts whatever else the log says about it.
_HANDED_OVER = [
    status.value
    for status in (DispatchStatus.SENT, DispatchStatus.ACKED, DispatchStatus.UNKNOWN, DispatchStatus.DEAD)
]
#: A send that never left: it gives its place back.
_GIVEN_BACK = [
    status.value for status in (DispatchStatus.CANCELLED, DispatchStatus.EXPIRED, DispatchStatus.REJECTED)
]


def never_left(past_dispatch_log: pl.LazyFrame) -> pl.LazyFrame:
    """`send_id` of sends that the log closed without a hand-over.

    The log may speak of one send on several nights. What waited for a person on an
    earlier night is over too: windows end with the local day after their night, and
    that day has ended.
    """
    status = pl.col("status")
    is_held = (status == DispatchStatus.PLANNED.value) & pl.col("reason").is_in(WAITING)
    return (
        past_dispatch_log.group_by("send_id")
        .agg(
            is_given_back=(status.is_in(_GIVEN_BACK) | is_held.fill_null(False)).any(),
            was_handed_over=status.is_in(_HANDED_OVER).any(),
        )
        .filter(pl.col("is_given_back") & ~pl.col("was_handed_over"))
        .select("send_id")
    )


def without_unsent(past_plans: pl.LazyFrame, past_dispatch_log: pl.LazyFrame) -> pl.LazyFrame:
    """Planned messages but for those that never left; without a word from dispatch a message counts."""
    return past_plans.join(never_left(past_dispatch_log), on="send_id", how="anti")


def unsent_decisions(
    past_plans: pl.LazyFrame, past_dispatch_log: pl.LazyFrame, *, time_zone: str
) -> pl.LazyFrame:
    """`decision_id, decided_on` of decisions whose message never left: they say nothing of what it does.

    Neither of no send: whether a person, a kill switch or a lost consent held it back
    depends on who it was for.
    """
    unsent = past_plans.join(never_left(past_dispatch_log), on="send_id", how="semi")
    return unsent.select("decision_id", decided_on=night_of_message(time_zone)).unique()


def night_of_message(time_zone: str) -> pl.Expr:
    """Night of a planned message: it goes out on the local day after."""
    return local_date(pl.col("not_before"), time_zone) - timedelta(days=1)
