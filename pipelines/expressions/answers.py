"""Last night's answers of planning, for stages whose people wait for one."""

import polars as pl

from pipelines.contracts.codes import DecisionOutcome

#: Answers after which people go on as if the message had been sent: the held out must keep the same clock.
SENT = (DecisionOutcome.PLANNED.value, DecisionOutcome.HOLDOUT.value)


def read_answers(decisions: pl.LazyFrame, plan: pl.LazyFrame) -> pl.LazyFrame:
    """`pending_decision_id, answer, answer_detail` of every decision point of the night.

    Planned is only what stands in the plan: a decision to send without its
    message is no answer.
    """
    sends = plan.select("decision_id", "channel", "not_before")
    is_planned = pl.col("outcome") == DecisionOutcome.PLANNED.value
    sent = pl.format("{} from {}", "channel", pl.col("not_before").dt.to_string("%Y-%m-%dT%H:%M:%SZ"))
    lost = pl.concat_str("outcome", "rule", separator=": ", ignore_nulls=True)
    return (
        decisions.select("decision_id", "outcome", "rule")
        .join(sends, on="decision_id", how="left", validate="1:1")
        .filter(~is_planned | pl.col("channel").is_not_null())
        .select(
            pl.col("decision_id").alias("pending_decision_id"),
            answer=pl.col("outcome"),
            answer_detail=pl.when(is_planned).then(sent).otherwise(lost),
        )
    )


def is_given_up() -> pl.Expr:
    """A lost place, where losing means going without: a kill switch stops sends, nobody misses them by it."""
    answer = pl.col("answer")
    return answer.is_not_null() & ~answer.is_in(SENT) & (answer != DecisionOutcome.KILL_SWITCH.value)
