"""Sensors: what a person must hear about, and runs that died without a word."""

from collections.abc import Iterator

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.onward_resource import OnwardResource
from assets.reconciliation import fail_dead_runs
from resources.control.activities import ActivityLog
from resources.control.holding import HeldMessages


@dg.run_failure_sensor(name="record_failed_night", description="Writes a failed night to the activity log.")
def record_failed_night(context: dg.RunFailureSensorContext, onward: OnwardResource) -> None:
    ActivityLog(onward.home.control, onward.workspace_id).append(
        activity_type="night_failed",
        user_id="dagster",
        details={
            "run_id": context.dagster_run.run_id,
            "night": context.dagster_run.tags.get("dagster/partition", ""),
            "step": ", ".join(event.step_key or "" for event in context.get_step_failure_events()),
        },
    )


@dg.sensor(
    name="close_dead_runs",
    description="Fails runs whose worker process is gone, so that their slot is free for the next night.",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def close_dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    closed = fail_dead_runs(context.instance)
    return dg.SkipReason(f"closed {len(closed)} dead runs: {', '.join(closed)}" if closed else "no dead run")


def hand_over_sensor(job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Requests the hand-over of a plan once a person decided about it, however they did."""

    @dg.sensor(
        name="hand_over_decided_plans",
        job=job,
        description="Hands over what a person approved, and closes what one rejected.",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def request_hand_over(onward: OnwardResource) -> Iterator[dg.RunRequest | dg.SkipReason]:
        held = HeldMessages(onward.home.control, onward.workspace_id)
        approvals = onward.home.approvals(onward.workspace_id)
        decided = [
            approval
            for night in held.nights()
            if (approval := approvals.current(night)) is not None and approval.decided_by is not None
        ]
        for approval in decided:
            night = approval.night.isoformat()
            # A decision is handed over once: the same key is not requested again.
            key = f"{night}/{approval.plan_hash}/{approval.config_hash}/{approval.status}"
            yield dg.RunRequest(run_key=key, partition_key=night)
        if not decided:
            yield dg.SkipReason("nothing that waited was decided")

    return request_hand_over
