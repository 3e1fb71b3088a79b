"""The dbt project as assets: one dbt invocation a night, after the write-back."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from assets.keys import OWNERS, key_of
from pipelines.contracts.tables import WRITTEN_TABLES

MARTS_GROUP = "marts"


class OnwardTranslator(DagsterDbtTranslator):
    """dbt sources meet the lake's keys by name; models wait for the write-back as well."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        if not unique_id.startswith("model."):
            return spec
        reads_source = any(
            parent.startswith("source.") for parent in manifest["nodes"][unique_id]["depends_on"]["nodes"]
        )
        return spec.replace_attributes(
            group_name=MARTS_GROUP,
            owners=[OWNERS["measurement"]],
            deps=[*spec.deps, *([dg.AssetDep(key_of(WRITTEN_TABLES))] if reads_source else [])],
        )


def build_marts(project: DbtProject, nights: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """All models of the dbt project, built and tested."""

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        name="marts",
        partitions_def=nights,
        dagster_dbt_translator=OnwardTranslator(),
    )
    def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        yield from dbt.cli(["build"], context=context).stream()

    return marts
