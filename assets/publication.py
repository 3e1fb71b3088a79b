"""What people read: the snapshot of the warehouse and the report of the night."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import dagster as dg

from assets.keys import OWNERS, key_of
from assets.marts import MARTS_GROUP
from assets.night_report import compose_report
from assets.onward_resource import OnwardResource
from assets.partitions import ONE_NIGHT_A_RUN
from assets.steps import Night
from pipelines.contracts.settings.connections import DuckDBConnection
from pipelines.contracts.tables import FUNNEL, PLAN, WRITTEN_TABLES
from resources.report.rendering import write_report
from resources.snapshots import publish_snapshot

SNAPSHOT_KEY = dg.AssetKey(["publication", "snapshot"])
REPORT_KEY = dg.AssetKey(["publication", "report"])


def build_publications(
    nights: dg.PartitionsDefinition, *, marts: Iterable[str]
) -> Sequence[dg.AssetsDefinition]:
    return [_build_report(nights), _build_snapshot(nights, marts)]


def _build_report(nights: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        key=REPORT_KEY,
        group_name="measurement",
        deps=[key_of(FUNNEL), key_of(PLAN)],
        kinds={"html"},
        owners=[OWNERS["measurement"]],
        partitions_def=nights,
        backfill_policy=ONE_NIGHT_A_RUN,
    )
    def report(context: dg.AssetExecutionContext, onward: OnwardResource) -> dg.MaterializeResult[None]:
        """One page per night: what was read, decided, held back and why, with limits and proof."""
        night = _night(context, onward)
        path = night.home.reports / f"{night.workspace.workspace}-{night.on}.html"
        write_report(compose_report(night), path)
        return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path))})

    return report


def _build_snapshot(nights: dg.PartitionsDefinition, marts: Iterable[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=SNAPSHOT_KEY,
        group_name=MARTS_GROUP,
        deps=[key_of(WRITTEN_TABLES), *(dg.AssetKey([mart]) for mart in marts)],
        kinds={"duckdb"},
        owners=[OWNERS["delivery"]],
        partitions_def=nights,
        backfill_policy=ONE_NIGHT_A_RUN,
    )
    def snapshot(context: dg.AssetExecutionContext, onward: OnwardResource) -> dg.MaterializeResult[None]:
        """One read-only copy of the embedded warehouse, so that readers never meet the writer."""
        night = _night(context, onward)
        target = night.connections.target
        if not isinstance(target, DuckDBConnection):
            # A server has readers and writers at once; people query the warehouse itself.
            return dg.MaterializeResult(metadata={"warehouse": night.connections.target_name})
        publish_snapshot(Path(target.path), night.home.snapshot_path)
        return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(night.home.snapshot_path))})

    return snapshot


def _night(context: dg.AssetExecutionContext, onward: OnwardResource) -> Night:
    on = date.fromisoformat(context.partition_key)
    return onward.reading(on, run_id=context.run.run_id, log=context.log)
