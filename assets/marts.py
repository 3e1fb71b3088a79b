"""The dbt project as assets: one dbt invocation a night, after the write-back."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from datetime import date
from functools import cached_property
from importlib import metadata
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from packaging.version import Version

from assets.keys import OWNERS, key_of
from assets.onward_resource import OnwardResource
from assets.partitions import ONE_NIGHT_A_RUN
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.tables import WRITTEN_TABLES
from resources.control.workspace.identity import read_connections
from resources.dbt import (
    build_arguments,
    build_dbt_project,
    dbt_variables,
    ensure_manifest,
    place_variables,
)
from resources.home import Home
from resources.settings import Environment
from resources.warehouses.base import SourceError
from resources.warehouses.open import Connections

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
        # Without the database: the name of a project or an account is a setting, which may not be known yet.
        table = f"{node['schema']}.{node['alias']}"
        return spec.replace_attributes(
            metadata={**spec.metadata, "dagster/table_name": table},
            group_name=MARTS_GROUP if node["fqn"][1] == "marts" else STAGING_GROUP,
            owners=[OWNERS["measurement"]],
            description=node["description"],
            deps=[*spec.deps, *([dg.AssetDep(key_of(WRITTEN_TABLES))] if reads_source else [])],
        )


def prepare_project(environment: Environment) -> DbtProject:
    """The dbt project for the kind of warehouse that the workspace writes to, as dbt reads it."""
    folder, home = environment.require_workspace(), Home(environment)
    written = read_connections(folder)
    connections = Connections(
        connector=ConnectorSettings(connections=written.connections, target=written.target, sources={}),
        workspace_folder=folder,
        embedded_path=home.warehouse_path,
        variables=environment.variables,
    )
    project = build_dbt_project(home.root, kind=connections.target_kind)
    variables = _reading_variables(connections, home)
    ensure_manifest(project, environment=environment.for_child(**variables))
    return project


def _reading_variables(connections: Connections, home: Home) -> dict[str, str]:
    """All variables of the target, so that a night finds the project read as it needs it.

    Reading needs none of them: a graph can be looked at where secrets are not set.
    """
    try:
        return dbt_variables(home.root, target=connections.target)
    except SourceError:
        return place_variables(home.root, kind=connections.target_kind)


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
        target = night.connections.target
        output = night.home.logs / f"dbt-{night.on}.log"
        output.parent.mkdir(parents=True, exist_ok=True)
        context.log.info("dbt writes to %s", output)
        # Hundreds of lines that nobody reads when all is well; events and failures still reach Dagster.
        with (
            output.open("w", encoding="utf-8") as log,
            redirect_stdout(log),
            _set_variables(dbt_variables(night.home.root, target=target)),
        ):
            aimed = _aim(dbt, target.kind)
            yield from aimed.cli(build_arguments(with_unit_tests=False), context=context).stream()

    return marts


class InstalledDbt(DbtCliResource):
    """The dbt of this environment, whose version need not be asked: starting it for that takes seconds."""

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))


def _aim(dbt: DbtCliResource, kind: str) -> DbtCliResource:
    """The target is the night's: a workspace may have named another one since the graph was loaded."""
    return InstalledDbt(
        project_dir=dbt.project_dir,
        profiles_dir=dbt.profiles_dir,
        target=kind,
        dbt_executable=dbt.dbt_executable,
    )


@contextmanager
def _set_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables of this process for a while: dagster-dbt 0.29 takes none for one invocation.

    Some are secret, and none may reach the next night, whose target may be another one.
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
