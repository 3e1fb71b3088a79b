"""What people read: the snapshot of the warehouse and the report of the night."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import dagster as dg

from assets.keys import OWNERS, key_of
from assets.marts import MARTS_GROUP
from assets.night_report import compose_report
from assets.onward_resource import OnwardResource
from assets.partitions import ONE_NIGHT_A_RUN
from pipelines.contracts.tables import FUNNEL, PLAN, WRITTEN_TABLES
from resources.report.rendering import write_report
from resources.snapshots import publish_snapshot
from resources.write_back.targets import open_target

SNAPSHOT_KEY = dg.AssetKey(["publication", "snapshot"])
REPORT_KEY = dg.AssetKey(["publication", "report"])


def build_publications(
    nights: dg.PartitionsDefinition, *, marts: Iterable[str]
) -> Sequence[dg.AssetsDefinition]:
    @dg.asset(
        key=REPORT_KEY,
        group_name="measurement",
        deps=[key_of(FUNNEL), key_of(PLAN)],
        kinds={"html"},
        owners=[OWNERS["measurement"]],
        partitions_def=nights,
        backfill_policy=ONE_NIGHT_A_RUN,
    )
    def report(context: dg.AssetExecutionContext, onward: OnwardResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        """One page per night: what was read, decided, held back and why, with limits and proof."""
        on = date.fromisoformat(context.partition_key)
        night = onward.reading(on, run_id=context.run.run_id, log=context.log)
        path = write_report(
            compose_report(night), night.home.reports / f"{night.workspace.workspace}-{on}.html"
        )
        yield dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path))})

    @dg.asset(
        key=SNAPSHOT_KEY,
        group_name=MARTS_GROUP,
        deps=[
            key_of(WRITTEN_TABLES),
            *(dg.AssetKey([mart]) for mart in marts),
        ],
        kinds={"duckdb"},
        owners=[OWNERS["delivery"]],
        partitions_def=nights,
        backfill_policy=ONE_NIGHT_A_RUN,
    )
    def snapshot(context: dg.AssetExecutionContext, onward: OnwardResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        """One read-only copy of the embedded warehouse per night, so that readers never meet the writer."""
        on = date.fromisoformat(context.partition_key)
        night = onward.reading(on, run_id=context.run.run_id, log=context.log)
        target = open_target(
            night.config.connector, workspace_folder=night.workspace_folder, home=night.home.root
        )
        publish_snapshot(target.path, night.home.snapshot_path)
        yield dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(night.home.snapshot_path))})

    return [report, snapshot]
