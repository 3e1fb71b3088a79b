from pathlib import Path

import pytest

from resources.settings import EnvironmentName, SettingsError, read_environment


def test_defaults_are_local_and_beside_the_caller(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = read_environment({})
    assert environment.name is EnvironmentName.LOCAL
    assert environment.home == tmp_path / ".onward"
    assert environment.control_url == f"sqlite:///{tmp_path / '.onward' / 'control.sqlite'}"
    assert environment.workspace is None
    assert not environment.is_production


def test_everything_can_be_set(tmp_path):
    environment = read_environment(
        {
            "ONWARD_ENV": "production",
            "ONWARD_HOME": str(tmp_path),
            "ONWARD_WORKSPACE": "some/folder",
            "ONWARD_CONTROL_URL": "postgresql://ann@host/db",
            "ONWARD_MASTER_KEY": "a2V5",
        }
    )
    assert environment.is_production
    assert environment.workspace == Path("some/folder").absolute()
    assert environment.control_url == "postgresql://ann@host/db"
    assert environment.master_key == "a2V5"


@pytest.mark.parametrize("name", ["prod", "Local", "staging"])
def test_an_unknown_environment_is_an_error(name):
    with pytest.raises(SettingsError, match="set it to local or production"):
        read_environment({"ONWARD_ENV": name})


def test_production_needs_a_key_from_a_secret_store():
    with pytest.raises(SettingsError, match="ONWARD_MASTER_KEY is not set"):
        read_environment({"ONWARD_ENV": "production"})


def test_empty_variables_count_as_not_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("ONWARD_ENV", "ONWARD_HOME", "ONWARD_WORKSPACE", "ONWARD_CONTROL_URL", "ONWARD_MASTER_KEY")
    assert read_environment(dict.fromkeys(names, "")).home == tmp_path / ".onward"


def test_the_process_environment_is_read_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("ONWARD_HOME", str(tmp_path))
    assert read_environment().home == tmp_path


def test_secrets_do_not_show():
    environment = read_environment(
        {
            "ONWARD_MASTER_KEY": "hunter2",
            "ONWARD_CONTROL_URL": "postgresql://a:hunter2@h/d",
            "SF_KEY": "hunter2",
        }
    )
    assert "hunter2" not in repr(environment)


def test_a_workspace_that_is_needed_must_be_named(tmp_path):
    environment = read_environment({})
    with pytest.raises(SettingsError, match="--workspace"):
        environment.require_workspace()
    assert environment.with_workspace(tmp_path).require_workspace() == tmp_path


def test_children_see_the_same_state_and_workspace(tmp_path):
    environment = read_environment({"PATH": "/bin", "ONWARD_HOME": str(tmp_path)}).with_workspace(
        tmp_path / "w"
    )
    assert environment.for_child(DAGSTER_HOME="d") == {
        "PATH": "/bin",
        "ONWARD_ENV": "local",
        "ONWARD_HOME": str(tmp_path),
        "ONWARD_WORKSPACE": str(tmp_path / "w"),
        "DAGSTER_HOME": "d",
    }
    assert "ONWARD_WORKSPACE" not in read_environment({}).for_child()
