"""The dbt project as assets: one dbt invocation a night, after the write-back."""

import os
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from datetime import date
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from assets.keys import OWNERS, key_of
from assets.onward_resource import OnwardResource
from assets.partitions import ONE_NIGHT_A_RUN
from pipelines.contracts.tables import WRITTEN_TABLES
from resources.dbt import build_arguments, dbt_variables

#: Staging and intermediate views, and what analysts rely on.
STAGING_GROUP = "staging"
MARTS_GROUP = "marts"


class OnwardTranslator(DagsterDbtTranslator):
    """dbt sources meet the lake's keys by name; models that read them wait for the write-back."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        if not unique_id.startswith("model."):
            return spec
        node = manifest["nodes"][unique_id]
        reads_source = any(parent.startswith("source.") for parent in node["depends_on"]["nodes"])
        return spec.replace_attributes(
            group_name=MARTS_GROUP if node["fqn"][1] == "marts" else STAGING_GROUP,
            owners=[OWNERS["measurement"]],
            description=node["description"],
            deps=[*spec.deps, *([dg.AssetDep(key_of(WRITTEN_TABLES))] if reads_source else [])],
        )


def build_marts(project: DbtProject, nights: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """All models of the dbt project, built and tested."""

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        name="marts",
        backfill_policy=ONE_NIGHT_A_RUN,
        partitions_def=nights,
        dagster_dbt_translator=OnwardTranslator(),
    )
    def marts(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, onward: OnwardResource
    ) -> Iterator[Any]:
        night = onward.reading(
            date.fromisoformat(context.partition_key), run_id=context.run.run_id, log=context.log
        )
        # dagster-dbt 0.29 takes no environment for one invocation: the child inherits this process's.
        os.environ.update(dbt_variables(night.home.root, target=night.connections.target))
        output = night.home.logs / f"dbt-{night.on}.log"
        output.parent.mkdir(parents=True, exist_ok=True)
        context.log.info("dbt writes to %s", output)
        # Hundreds of lines that nobody reads when all is well; events and failures still reach Dagster.
        with output.open("w", encoding="utf-8") as log, redirect_stdout(log):
            yield from dbt.cli(build_arguments(with_unit_tests=False), context=context).stream()

    return marts
