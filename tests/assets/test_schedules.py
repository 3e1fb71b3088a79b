import dagster as dg
import pytest

from assets.schedules import nightly_schedule
from pipelines.contracts.settings.workspace import WorkspaceSettings


def schedule_of(**settings: object) -> dg.ScheduleDefinition:
    written = {"version": 1, "workspace": "acme", "time_zone": "Asia/Kolkata", "currency": "INR"} | settings
    job = dg.define_asset_job("nightly", selection=dg.AssetSelection.all())
    return nightly_schedule(job, WorkspaceSettings.model_validate(written), is_production=True)


@pytest.mark.parametrize(("written", "cron"), [({}, "0 2 * * *"), ({"nightly_at": "23:45"}, "45 23 * * *")])
def test_the_schedule_runs_when_the_workspace_says(written: dict[str, object], cron: str) -> None:
    schedule = schedule_of(**written)
    assert (schedule.cron_schedule, schedule.execution_timezone) == (cron, "Asia/Kolkata")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
