"""Turns a step into a Dagster asset: lease, audit, one publish, metadata and checks in one place."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

import dagster as dg

from assets.footprint import Footprint, measured
from assets.keys import key_of, spec_of
from assets.onward_resource import OnwardResource
from assets.partitions import NIGHT_BEFORE, ONE_NIGHT_A_RUN
from assets.presentation import describe_version
from assets.reconciliation import WORKER_TAG, worker_identity
from assets.steps import CheckOutcome, Expectation, Frame, Night, Step, StepOutput
from pipelines.contracts.columns import Table
from pipelines.ingestion.thresholds import IngestionStoppedError
from resources.compute import InProcessCompute
from resources.lake.errors import ContractBrokenError
from resources.lake.store import Version
from resources.lake.writing import Writer
from resources.warehouses.base import SourceError

#: A contract is audited on every publish; the check makes the verdict visible.
CONTRACT_CHECK = "contract_holds"

StepEvents = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]


def build_asset(step: Step, nights: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset of a step; all its tables are published together."""

    @dg.multi_asset(
        name=step.name,
        specs=_specs(step),
        check_specs=[*_contract_checks(step), *_expectation_checks(step)],
        partitions_def=nights,
        backfill_policy=ONE_NIGHT_A_RUN,
        retry_policy=dg.RetryPolicy(max_retries=step.retries, delay=5) if step.retries else None,
        op_tags={"stage": step.publishes[0].stage},
    )
    def run_step(context: dg.AssetExecutionContext, onward: OnwardResource) -> StepEvents:
        on, run_id = date.fromisoformat(context.partition_key), context.run.run_id
        context.instance.add_run_tags(run_id, {WORKER_TAG: worker_identity()})
        with (
            measured() as footprint,
            onward.writing(step.name, on, run_id=run_id, log=context.log) as (night, writer),
        ):
            try:
                if step.is_bucketed:
                    output = StepOutput()
                    versions = _publish_buckets(step, night, writer)
                else:
                    output = _compute(step, night)
                    yield from _verdicts(step, output)
                    versions = _publish(writer, output, bucket_count=night.bucket_count)
            except ContractBrokenError as broken:
                yield _broken_contract(broken)
                raise
            footprint.read()
            yield from _results(step, night, output, versions, footprint)

    return run_step


def _specs(step: Step) -> list[dg.AssetSpec]:
    freshness = dg.FreshnessPolicy.time_window(fail_window=step.freshness) if step.freshness else None
    same_night = [dg.AssetDep(key_of(table)) for table in step.reads]
    night_before = {
        table: [dg.AssetDep(key_of(table), partition_mapping=NIGHT_BEFORE)] for table in step.continues
    }
    return [
        spec_of(
            table,
            deps=[*same_night, *night_before.get(table, [])],
            code_version=step.code_version,
            freshness=freshness,
        )
        for table in step.publishes
    ]


def _compute(step: Step, night: Night) -> StepOutput:
    """The step's work; a source that is not as it must be is not tried again: only a person can mend it."""
    try:
        return step.compute(night)
    except (SourceError, IngestionStoppedError) as problem:
        raise dg.Failure(description=str(problem), allow_retries=False) from problem


def _contract_checks(step: Step) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            name=CONTRACT_CHECK,
            asset=key_of(table),
            blocking=True,
            description="Every row keeps the table's contract; otherwise nothing is published.",
        )
        for table in step.publishes
    ]


def _expectation_checks(step: Step) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            name=expectation.name,
            asset=key_of(expectation.table),
            blocking=expectation.is_blocking,
            description=expectation.description,
        )
        for expectation in step.expectations
    ]


def _check_result(expectation: Expectation, outcome: CheckOutcome) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=expectation.name,
        asset_key=key_of(expectation.table),
        passed=outcome.is_held,
        severity=dg.AssetCheckSeverity.ERROR if expectation.is_blocking else dg.AssetCheckSeverity.WARN,
        metadata=dict(outcome.facts),
    )


def _verdicts(step: Step, output: StepOutput) -> StepEvents:
    """Check results; a broken blocking expectation ends the step with nothing published."""
    broken = []
    for expectation in step.expectations:
        outcome = output.verdicts[expectation.name]
        yield _check_result(expectation, outcome)
        if expectation.is_blocking and not outcome.is_held:
            broken.append(f"{expectation.name} ({dict(outcome.facts)})")
    if broken:
        raise dg.Failure(
            description=f"{step.name} published nothing: {'; '.join(broken)} does not hold",
            allow_retries=False,
        )


def _publish_buckets(step: Step, night: Night, writer: Writer) -> Mapping[Table, Version]:
    """Bucket by bucket; what needs everyone, as an expectation does, is another step's."""

    def of_bucket(bucket: int) -> Mapping[Table, Frame]:
        return _compute(step, replace(night, bucket=bucket)).frames

    versions = writer.stage_buckets(
        step.publishes, of_bucket, bucket_count=night.bucket_count, runner=InProcessCompute()
    )
    writer.publish()
    return versions


def _publish(writer: Writer, output: StepOutput, *, bucket_count: int) -> Mapping[Table, Version]:
    versions = {
        table: writer.stage(table, frame, bucket_count=bucket_count) for table, frame in output.frames.items()
    }
    versions |= {
        table: writer.append(table, frame, to=earlier) for table, (frame, earlier) in output.appended.items()
    }
    writer.publish()
    return versions


def _broken_contract(broken: ContractBrokenError) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=CONTRACT_CHECK,
        asset_key=key_of(broken.table),
        passed=False,
        metadata=dict(broken.counts),
    )


def _results(
    step: Step,
    night: Night,
    output: StepOutput,
    versions: Mapping[Table, Version],
    footprint: Footprint,
) -> StepEvents:
    cost = {
        "seconds": dg.MetadataValue.float(round(footprint.seconds, 3)),
        "peak_memory_mb": dg.MetadataValue.float(round(footprint.peak_megabytes, 1)),
    }
    for table in step.publishes:
        version = versions[table]
        described = describe_version(table, version, night.lake, plot=step.plots.get(table)) | cost
        yield dg.MaterializeResult(
            asset_key=key_of(table),
            metadata=described | dict(output.facts.get(table, {})),
            data_version=dg.DataVersion(version.content_hash),
        )
        yield dg.AssetCheckResult(
            check_name=CONTRACT_CHECK,
            asset_key=key_of(table),
            passed=True,
            metadata={"rows": version.row_count},
        )
