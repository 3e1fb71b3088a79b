"""When nights run: once a day, some hours after the local day ended, so that late rows are in."""

import dagster as dg
from dagster._core.definitions.partitions.partitioned_schedule import (
    UnresolvedPartitionedAssetScheduleDefinition,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

NIGHTLY_HOUR = 2


def nightly_schedule(
    job: UnresolvedAssetJobDefinition, *, is_production: bool
) -> dg.ScheduleDefinition | UnresolvedPartitionedAssetScheduleDefinition:
    """One run per partition; its key keeps a night from being requested twice."""
    return dg.build_schedule_from_partitioned_job(
        job,
        name="nightly_schedule",
        hour_of_day=NIGHTLY_HOUR,
        description="Runs the night that just ended.",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if is_production else dg.DefaultScheduleStatus.STOPPED
        ),
    )
