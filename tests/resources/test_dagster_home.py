import pytest
from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.instance.ref import InstanceRef
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.scheduler.instigation import TickStatus
from ruamel.yaml import YAML

from resources.dagster_home import instance_settings, is_prepared, prepare_dagster_home


@pytest.fixture
def folder(tmp_path):
    return prepare_dagster_home(tmp_path / "home" / "dagster")


@pytest.fixture
def instance(folder, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    with DagsterInstance.get() as instance:
        yield instance


def test_every_required_setting_is_present(folder):
    settings = YAML(typ="safe", pure=True).load(instance_settings(folder))
    assert settings["run_coordinator"]["class"] == "QueuedRunCoordinator"
    assert settings["concurrency"]["runs"]["max_concurrent_runs"] == 1
    assert settings["concurrency"]["pools"]["default_limit"] == 1
    monitoring = settings["run_monitoring"]
    assert monitoring["enabled"] is True
    assert monitoring["poll_interval_seconds"] <= 30
    for name in (
        "start_timeout_seconds",
        "cancel_timeout_seconds",
        "max_runtime_seconds",
        "free_slots_after_run_end_seconds",
    ):
        assert monitoring[name] > 0
    assert settings["run_retries"]["enabled"] is True
    assert settings["run_retries"]["max_retries"] <= 2
    assert settings["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert settings["telemetry"] == {"enabled": False}
    assert set(settings["retention"]) == {"schedule", "sensor", "auto_materialize"}
    assert set(settings["storage"]) == {"sqlite"}


def test_dagster_accepts_the_settings(folder):
    reference = InstanceRef.from_dir(str(folder))
    assert reference.settings["run_monitoring"]["enabled"] is True


def test_dagster_runs_by_the_settings(instance):
    assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
    queue = instance.get_concurrency_config().run_queue_config
    assert queue.max_concurrent_runs == 1
    assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert not instance.run_retries_retry_on_asset_or_op_failure
    assert not instance.telemetry_enabled
    ticks = instance.get_tick_retention_settings(InstigatorType.SENSOR)
    assert ticks[TickStatus.SKIPPED] == 7
    assert all(days > 0 for days in ticks.values())


def test_everything_that_dagster_keeps_lies_in_its_folder(instance, folder):
    assert instance.compute_log_manager.get_captured_local_path(["run"], "out").startswith(str(folder))
    assert str(instance.storage_directory()).startswith(str(folder))
    assert (folder / "storage").is_dir()


def test_preparing_again_restores_what_was_edited(folder):
    assert is_prepared(folder)
    (folder / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
    assert not is_prepared(folder)
    prepare_dagster_home(folder)
    assert is_prepared(folder)
    assert [path.name for path in folder.iterdir()] == ["dagster.yaml"]


def test_a_folder_that_is_not_there_is_not_prepared(tmp_path):
    assert not is_prepared(tmp_path / "gone")
