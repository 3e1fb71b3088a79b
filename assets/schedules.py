"""When nights run: once a day, some hours after the local day ended, so that late rows are in."""

from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipelines.contracts.settings.workspace import WorkspaceSettings


def nightly_schedule(
    job: UnresolvedAssetJobDefinition, workspace: WorkspaceSettings, *, is_production: bool
) -> dg.ScheduleDefinition:
    """One run per night; its key keeps a night from being requested twice."""

    @dg.schedule(
        name="nightly_schedule",
        job=job,
        cron_schedule=f"{workspace.nightly_at.minute} {workspace.nightly_at.hour} * * *",
        execution_timezone=workspace.time_zone,
        description="Runs the night that just ended.",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if is_production else dg.DefaultScheduleStatus.STOPPED
        ),
    )
    def request_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        local = context.scheduled_execution_time.astimezone(workspace.zone)
        night = (local.date() - timedelta(days=1)).isoformat()
        return dg.RunRequest(run_key=night, partition_key=night)

    return request_night
