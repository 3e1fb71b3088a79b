"""Composition root: the only place where steps, dbt, jobs, schedules and sensors meet."""

import sys
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource

from assets import (
    delivery,
    enrichment,
    forecasting,
    histories,
    identity,
    imputation,
    ingestion,
    interests,
    journeys,
    measurement,
    permission,
    personalization,
    planning,
    preferences,
    segmentation,
    sequencing,
    traits,
)
from assets.factory import build_asset
from assets.identity_training import training_job
from assets.jobs import hand_over_job, nightly_job
from assets.keys import key_of
from assets.marts import MARTS_GROUP, build_marts, prepare_project
from assets.onward_resource import OnwardResource
from assets.partitions import nights_of
from assets.progress import progress_logger
from assets.publication import build_publications
from assets.schedules import nightly_schedule
from assets.sensors import close_dead_runs, hand_over_sensor, record_failed_night
from assets.steps import Step
from pipelines.contracts.tables import WRITTEN_TABLES
from resources.control.workspace.identity import read_workspace_identity
from resources.settings import Environment, read_environment

#: What is done again of a night when a person agreed to its plan.
AFTER_PLANNING: tuple[Step, ...] = (*delivery.STEPS, *measurement.STEPS, *delivery.WRITE_BACK_STEPS)
STEPS: tuple[Step, ...] = (
    *ingestion.STEPS,
    *identity.STEPS,
    *histories.STEPS,
    *permission.STEPS,
    *interests.STEPS,
    *preferences.STEPS,
    *enrichment.STEPS,
    *imputation.STEPS,
    *forecasting.STEPS,
    *traits.STEPS,
    *segmentation.STEPS,
    *journeys.STEPS,
    *sequencing.STEPS,
    *personalization.STEPS,
    *planning.STEPS,
    *AFTER_PLANNING,
)


def build_definitions(environment: Environment) -> dg.Definitions:
    """Everything that one workspace runs."""
    workspace = read_workspace_identity(environment.require_workspace())
    nights = nights_of(workspace)
    project = prepare_project(environment)
    marts = build_marts(project, nights)
    job = nightly_job()
    hand_over = hand_over_job(
        [key_of(table) for step in AFTER_PLANNING for table in step.publishes], key_of(WRITTEN_TABLES)
    )
    return dg.Definitions(
        assets=[
            *(build_asset(step, nights) for step in STEPS),
            marts,
            *build_publications(nights, marts=_mart_names(marts)),
        ],
        jobs=[job, hand_over, training_job(nights)],
        schedules=[nightly_schedule(job, workspace, is_production=environment.is_production)],
        sensors=[record_failed_night, close_dead_runs, hand_over_sensor(hand_over)],
        loggers={"progress": progress_logger},
        executor=dg.in_process_executor,
        resources={
            "onward": OnwardResource(
                workspace_id=workspace.workspace, workspace_folder=str(environment.require_workspace())
            ),
            "dbt": DbtCliResource(
                project_dir=project, dbt_executable=str(Path(sys.executable).with_name("dbt"))
            ),
        },
    )


def _mart_names(marts: dg.AssetsDefinition) -> list[str]:
    return sorted(spec.key.path[-1] for spec in marts.specs if spec.group_name == MARTS_GROUP)


@dg.definitions
def definitions() -> dg.Definitions:
    return build_definitions(read_environment())
