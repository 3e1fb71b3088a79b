import base64
import stat

import pytest

from resources.home import Home
from resources.keys import EnvironmentKeys, FileKeys
from resources.settings import read_environment


@pytest.fixture
def home(tmp_path):
    home = Home(read_environment({"ONWARD_HOME": str(tmp_path / "home")}))
    yield home
    home.close()


def test_everything_lies_below_the_state_folder(home):
    places = (
        home.warehouse_path,
        home.snapshot_path,
        home.dagster_home,
        home.reports,
        home.outgoing,
        home.logs,
        home.daemon_lock,
        home.key_file,
        home.control_file,
    )
    assert len(set(places)) == len(places)
    assert all(home.root in place.parents for place in places)


def test_the_state_folder_is_private(home):
    home.control.connect().close()
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700


def test_homes_of_one_database_share_an_engine_until_it_is_closed(home):
    engine = home.control
    assert Home(home.environment).control is engine
    home.close()
    assert home.control is not engine


def test_two_databases_have_two_engines(home, tmp_path):
    other = Home(read_environment({"ONWARD_HOME": str(tmp_path / "other")}))
    assert other.control is not home.control
    other.close()


def test_keys_come_from_a_file_unless_the_environment_has_one(home, tmp_path):
    assert isinstance(home.keys, FileKeys)
    key = base64.b64encode(bytes(32)).decode()
    given = Home(read_environment({"ONWARD_HOME": str(tmp_path), "ONWARD_MASTER_KEY": key}))
    assert isinstance(given.keys, EnvironmentKeys)
    assert given.keys.unwrap(given.keys.wrap(b"data key")) == b"data key"


def test_a_server_has_no_control_file(tmp_path):
    environment = read_environment(
        {"ONWARD_HOME": str(tmp_path), "ONWARD_CONTROL_URL": "postgresql://ann@host/db"}
    )
    assert Home(environment).control_file is None


def test_stores_of_a_workspace_work_together(home):
    assert home.lake("acme").verify() == []
    assert home.switches("acme").active() == []
    assert home.configs("acme").versions("workspace") == []
