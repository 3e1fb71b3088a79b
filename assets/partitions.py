"""A night is a local calendar day of the workspace; `as_of` is its end in UTC."""

from datetime import date, datetime

import dagster as dg

from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.time import end_of_local_day


def nights_of(workspace: WorkspaceSettings) -> dg.DailyPartitionsDefinition:
    """All nights that a workspace can run; a day can be run once it is over."""
    return dg.DailyPartitionsDefinition(
        start_date=workspace.first_night.isoformat(), timezone=workspace.time_zone
    )


def as_of_end(night: date, workspace: WorkspaceSettings) -> datetime:
    return end_of_local_day(night, workspace.zone)


#: A night reads the state that the night before left.
NIGHT_BEFORE = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

#: A run is one night: state at d follows from state at d-1.
ONE_NIGHT_A_RUN = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
