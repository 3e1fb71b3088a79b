"""The job that trains the model of likeness: by hand and rarely, as the ids of people hang on it."""

from datetime import date

import dagster as dg
import polars as pl

from assets.keys import key_of
from assets.onward_resource import OnwardResource
from assets.steps import Night
from pipelines.contracts.source_tables import CUSTOMERS
from pipelines.contracts.tables import LINKAGE_MODEL
from pipelines.identity.likeness import comparable_records, training_records
from pipelines.identity.normalisation import normalise_records
from resources.record_linkage.training import TrainedModel, TrainingError, train_model

TRAINING_JOB = "train_identity_model"
#: The step whose table the job publishes; the lease keeps a night from carrying the older model meanwhile.
_STEP = "linkage_model"


@dg.op(description="Trains the model of likeness on the customers of one night.")
def train_on_records(context: dg.OpExecutionContext, onward: OnwardResource) -> None:
    """Publishes a model that the night, run again, and all later nights link by."""
    on, run_id = date.fromisoformat(context.partition_key), context.run.run_id
    with onward.writing(_STEP, on, run_id=run_id, log=context.log) as (night, writer):
        try:
            trained = train(night)
        except TrainingError as problem:
            raise dg.Failure(description=str(problem), allow_retries=False) from problem
        version = writer.stage(LINKAGE_MODEL, _row_of(trained, night))
        writer.publish()
    context.log_event(
        dg.AssetMaterialization(
            asset_key=key_of(LINKAGE_MODEL),
            partition=on.isoformat(),
            metadata={"model_version": trained.version, "records": trained.record_count},
            tags={"dagster/data_version": version.content_hash},
        )
    )


def train(night: Night) -> TrainedModel:
    """A model of tonight's customer records."""
    settings = night.config.enrichment.enrichment.identity
    compared = comparable_records(normalise_records(night.read(CUSTOMERS), settings))
    people = training_records(compared, maximum=settings.maximum_training_records).collect()
    return train_model(people, seed=night.workspace.seed)


def _row_of(trained: TrainedModel, night: Night) -> pl.DataFrame:
    row = {
        "workspace_id": night.workspace.workspace,
        "model_version": trained.version,
        "trained_on": night.on,
        "record_count": trained.record_count,
        "pair_count": trained.pair_count,
        "parameters": trained.parameters,
    }
    types = {name: column.dtype for name, column in LINKAGE_MODEL.schema.columns().items()}
    return pl.DataFrame([row], schema=types)


def training_job(nights: dg.PartitionsDefinition) -> dg.JobDefinition:
    """One op, for one night."""

    @dg.job(
        name=TRAINING_JOB,
        partitions_def=nights,
        executor_def=dg.in_process_executor,
        description="Train the model that links records by likeness, on the customers of a night.",
    )
    def train_model_of_night() -> None:
        train_on_records()

    return train_model_of_night
