"""The graph that a data engineer reads: groups, owners, contracts, lineage, jobs and schedules."""

import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.definitions import STEPS
from assets.factory import CONTRACT_CHECK
from assets.keys import OWNERS, key_of
from assets.marts import MARTS_GROUP, STAGING_GROUP
from pipelines.contracts.tables import PLAN, STAGES, TABLES, WRITTEN_TABLES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    found = {}
    for asset in definitions.resolve_asset_graph().assets_defs:
        found |= {spec.key: spec for spec in asset.specs}
    return found


def test_each_table_is_published_by_exactly_one_step() -> None:
    published = [table.identifier for step in STEPS for table in step.publishes]
    assert sorted(published) == sorted(table.identifier for table in TABLES)


def test_steps_run_in_the_order_in_which_they_are_written() -> None:
    known: set[str] = set()
    for step in STEPS:
        own = {table.identifier for table in step.publishes}
        assert {table.identifier for table in step.reads} <= known | own
        known |= own


def test_every_asset_says_what_it_is_and_who_answers_for_it(
    specs: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
    for key, spec in specs.items():
        if len(spec.partitions_def.get_partition_keys()) == 0:  # type: ignore[union-attr]
            pytest.fail(f"{key} has no night")
        assert spec.group_name in {*STAGES, MARTS_GROUP, STAGING_GROUP}, key
        assert spec.kinds, key
        assert [owner for owner in spec.owners if owner in OWNERS.values()], key
        assert spec.description, key
        assert spec.description.startswith("One "), key


def test_published_tables_show_their_contract(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    for table in TABLES:
        spec = specs[key_of(table)]
        schema = spec.metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == table.schema.column_names()
        assert spec.group_name == table.stage
        assert ("encrypted" in spec.kinds) == table.is_personal


def test_a_night_continues_the_night_before_only_through_its_own_tables(
    specs: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
    mapped = {
        (spec.key, dep.asset_key)
        for spec in specs.values()
        for dep in spec.deps
        if dep.partition_mapping is not None
    }
    assert mapped
    assert all(key == upstream for key, upstream in mapped)


def test_marts_wait_for_the_write_back_and_know_their_sources(
    specs: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
    staging = specs[dg.AssetKey(["staging", "stg_planning__plan"])]
    upstream = {dep.asset_key for dep in staging.deps}
    assert {key_of(PLAN), key_of(WRITTEN_TABLES)} <= upstream
    marts = {key.path[-1] for key, spec in specs.items() if spec.group_name == MARTS_GROUP}
    assert {"fct_plan_daily", "fct_lift", "fct_held_back_daily", "dim_customer", "snapshot"} <= marts


def test_every_table_has_a_contract_check_and_guardrails_block(definitions: dg.Definitions) -> None:
    checks = {key: key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    assert {key.asset_key for key, name in checks.items() if name == CONTRACT_CHECK} == {
        key_of(table) for table in TABLES
    }
    guardrails = dg.AssetCheckKey(key_of(PLAN), "guardrails_hold")
    assert definitions.resolve_asset_graph().get_check_spec(guardrails).blocking


def test_jobs_schedules_and_sensors_are_these(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    jobs = sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__"))
    assert jobs == ["hand_over", "nightly", "train_identity_model"]
    assert [schedule.name for schedule in repository.schedule_defs] == ["nightly_schedule"]
    sensors = sorted(sensor.name for sensor in repository.sensor_defs)
    assert sensors == ["close_dead_runs", "hand_over_decided_plans", "record_failed_night"]
    nightly = repository.get_job("nightly")
    assert nightly.asset_layer.executable_asset_keys == set(definitions.resolve_all_asset_keys())
    again = {
        key.to_user_string() for key in repository.get_job("hand_over").asset_layer.executable_asset_keys
    }
    assert {"delivery/dispatch_log", "measurement/exposures", "delivery/written_tables"} <= again
    assert any(name.startswith("marts/") for name in again) or "dim_customer" in str(again)
    assert not [name for name in again if name.startswith(("planning/", "personalization/", "journeys/"))]


def test_the_schedule_requests_the_night_that_ended_once(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    schedule = repository.get_schedule_def("nightly_schedule")
    context = dg.build_schedule_context(
        repository_def=repository,
        scheduled_execution_time=datetime.fromisoformat("2017-12-04T02:00:00-05:00"),
    )
    requests = schedule.evaluate_tick(context).run_requests
    assert [request.partition_key for request in requests] == ["2017-12-03"]
    assert [request.run_key for request in requests] == ["2017-12-03"]


def test_descriptions_are_sentences(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    assert [key for key, spec in specs.items() if not re.search(r"\.$", spec.description.strip())] == []


def test_workspace_file_and_dg_load_the_same_module(sample_home: Path) -> None:
    environment = {
        **os.environ,
        "ONWARD_HOME": str(sample_home),
        "ONWARD_WORKSPACE": str(ROOT / "examples" / "complete_journey"),
        "DAGSTER_HOME": str(sample_home),
    }
    scripts = Path(sys.executable).parent
    for command in (
        [scripts / "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        [scripts / "dg", "check", "defs", "--no-check-yaml"],
    ):
        checked = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
