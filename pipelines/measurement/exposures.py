"""Who was treated, held out or not selected: the assignment that outcomes are compared by."""

from datetime import date

import polars as pl

from pipelines.contracts.codes import Arm, DecisionOutcome, DispatchStatus
from pipelines.contracts.control_codes import WAITING, HoldReason
from pipelines.contracts.measurement import Exposure
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.money import to_amount, to_minor

#: What a person's assignment belongs to; with the night it is the key of an exposure.
ASSIGNMENT = ("product", "programme", "customer_id")

_PROGRAMME = ("product", "programme")
_UNASSIGNED = (DecisionOutcome.KILL_SWITCH.value, DecisionOutcome.OVERRIDE.value)
_KEPT = (*WAITING, HoldReason.RECOMMENDED_ONLY.value, HoldReason.APPROVAL_REJECTED.value)

#: A person with several decisions of one programme has the arm that says most about what they saw.
_ARM_RANKS = {Arm.TREATED.value: 0, Arm.HOLDOUT.value: 1, Arm.NOT_SELECTED.value: 2}


def arm() -> pl.Expr:
    """Arm of one decision, by its outcome."""
    outcome = pl.col("outcome")
    return (
        pl.when(outcome == DecisionOutcome.PLANNED.value)
        .then(pl.lit(Arm.TREATED.value))
        .when(outcome == DecisionOutcome.HOLDOUT.value)
        .then(pl.lit(Arm.HOLDOUT.value))
        .otherwise(pl.lit(Arm.NOT_SELECTED.value))
    )


def _messages(plan: pl.LazyFrame) -> pl.LazyFrame:
    """Messages per assignment.

    Values are floats: summed in the order of their ids, so that a rerun gives the same bytes.
    """
    return plan.group_by(ASSIGNMENT).agg(
        message_count=pl.len().cast(pl.Int64),
        cost_minor=to_minor(pl.col("cost_amount")).sum(),
        predicted_value=pl.col("value").sort_by("send_id").sum().round(9),
    )


def _kept_here(plan: pl.LazyFrame, dispatch_log: pl.LazyFrame) -> pl.LazyFrame:
    """Programmes whose messages a person kept from leaving, or has not let go yet."""
    is_kept = pl.col("reason").is_in(_KEPT) | (pl.col("status") == DispatchStatus.EXPIRED.value)
    kept = dispatch_log.filter(is_kept).select("send_id")
    return plan.join(kept, on="send_id", how="semi").select(_PROGRAMME).unique()


def record_exposures(
    decisions: pl.LazyFrame,
    plan: pl.LazyFrame,
    dispatch_log: pl.LazyFrame,
    *,
    night: date,
    workspace: WorkspaceSettings,
) -> pl.LazyFrame:
    """One row per person and programme with a decision tonight.

    Decisions that a kill switch or an override ended are left out: these are
    tested before the holdout, so nobody was assigned, and counting these people
    as not selected would put the held out among the treated arm. So is every
    arm of a programme whose messages stayed here, as it treated nobody.
    """
    assignments = (
        decisions.filter(~pl.col("outcome").is_in(_UNASSIGNED))
        .join(_kept_here(plan, dispatch_log), on=_PROGRAMME, how="anti")
        .with_columns(arm=arm())
        .with_columns(arm_rank=pl.col("arm").replace_strict(_ARM_RANKS, return_dtype=pl.Int8))
        .group_by(ASSIGNMENT)
        .agg(pl.col("arm", "decision_id").sort_by("arm_rank", "decision_id").first())
    )
    return (
        assignments.join(_messages(plan), on=ASSIGNMENT, how="left", validate="1:1")
        .select(
            workspace_id=pl.lit(workspace.workspace),
            exposed_on=pl.lit(night),
            product="product",
            programme="programme",
            customer_id="customer_id",
            arm="arm",
            decision_id="decision_id",
            message_count=pl.col("message_count").fill_null(0),
            cost_amount=to_amount(pl.col("cost_minor").fill_null(0)),
            predicted_value=pl.col("predicted_value").fill_null(0.0),
        )
        .select(Exposure.column_names())
    )
