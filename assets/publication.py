"""What people read: the snapshot of the warehouse and the report of the night."""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from assets.keys import OWNERS, key_of
from assets.marts import MARTS_GROUP
from assets.night_report import compose_report
from assets.onward_resource import OnwardResource
from pipelines.contracts.tables import FUNNEL, PLAN, WRITTEN_TABLES
from resources.report.rendering import write_report
from resources.snapshots import publish_snapshot

SNAPSHOT_KEY = dg.AssetKey(["publication", "snapshot"])
REPORT_KEY = dg.AssetKey(["publication", "report"])


def build_publications(nights: dg.PartitionsDefinition) -> Sequence[dg.AssetsDefinition]:
    @dg.asset(
        key=REPORT_KEY,
        group_name="measurement",
        deps=[key_of(FUNNEL), key_of(PLAN)],
        kinds={"html"},
        owners=[OWNERS["measurement"]],
        partitions_def=nights,
    )
    def report(context: dg.AssetExecutionContext, onward: OnwardResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        """One page per night: what was read, decided, held back and why, with limits and proof."""
        on = date.fromisoformat(context.partition_key)
        night = onward.reading(on, run_id=context.run_id, log=context.log)
        path = write_report(
            compose_report(night), night.home.reports / f"{night.workspace.workspace}-{on}.html"
        )
        yield dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path))})

    @dg.asset(
        key=SNAPSHOT_KEY,
        group_name=MARTS_GROUP,
        deps=[
            key_of(WRITTEN_TABLES),
            dg.AssetDep(dg.AssetKey(["marts", "fct_plan_daily"])),
        ],
        kinds={"duckdb"},
        owners=[OWNERS["delivery"]],
        partitions_def=nights,
    )
    def snapshot(context: dg.AssetExecutionContext, onward: OnwardResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        """One read-only copy of the embedded warehouse per night, so that readers never meet the writer."""
        home = onward.home
        path = publish_snapshot(home.warehouse_path, home.snapshot_path)
        context.log.info("published %s", path)
        yield dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path))})

    return [report, snapshot]
