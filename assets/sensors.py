"""Sensors: what a person must hear about, and runs that died without a word."""

import dagster as dg

from assets.onward_resource import OnwardResource
from assets.reconciliation import fail_dead_runs
from resources.control.activities import ActivityLog


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
