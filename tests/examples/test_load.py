"""The sample's loader: complete or not at all, once, and the same on every machine."""

import importlib.util
from pathlib import Path

import duckdb
import pytest

LOADER = Path(__file__).parents[2] / "examples" / "complete_journey" / "load.py"


@pytest.fixture
def loader():
    spec = importlib.util.spec_from_file_location("sample_loader", LOADER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask(warehouse, query):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_the_warehouse_is_built_once_and_says_so(loader, tmp_path, capsys):
    warehouse = tmp_path / "source.duckdb"
    loader.main(warehouse)
    assert "is ready after" in capsys.readouterr().out
    before = warehouse.stat().st_mtime_ns
    loader.main(warehouse)
    assert "is there" in capsys.readouterr().out
    assert warehouse.stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["source.duckdb"]
    assert ask(warehouse, "SELECT count(*) FROM transactions") == [(1_469_307,)]
    assert ask(warehouse, "SELECT count(*) FROM coupons") == [(111_332,)]
    assert ask(warehouse, "SELECT count(*) FROM households") == [(2_469,)]
    _no_address_can_be_delivered(warehouse)


def _no_address_can_be_delivered(warehouse):
    phones = [phone for (phone,) in ask(warehouse, "SELECT phone FROM households WHERE phone IS NOT NULL")]
    assert len(set(phones)) == len(phones) > 1000
    assert all(len(phone) == 12 and phone.startswith("+1") and phone[5:10] == "55501" for phone in phones)
    emails = "SELECT count(DISTINCT email), count(*) FILTER (email NOT LIKE '%@example.com') FROM households"
    assert ask(warehouse, emails) == [(2_469, 0)]
    postcodes = "SELECT DISTINCT postcode, city FROM households WHERE street IS NOT NULL"
    assert ask(warehouse, postcodes) == [("00000", "Sampleville")]


@pytest.mark.parametrize("content", ["nothing", "garbage", "unmarked", "older"])
def test_whatever_is_not_this_sample_is_built_anew(loader, tmp_path, content):
    warehouse = tmp_path / "source.duckdb"
    if content == "garbage":
        warehouse.write_text("not a database " * 1000)
    elif content != "nothing":
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("CREATE TABLE transactions (x INTEGER)")
            if content == "older":
                connection.execute("CREATE TABLE sample_load AS SELECT 'an older wheel' AS stamp")
    assert not loader.is_complete(warehouse)


def test_a_file_that_is_in_use_is_not_replaced(loader, tmp_path, monkeypatch):
    def locked(*_arguments, **_options):
        raise duckdb.IOException("Could not set lock on file")

    warehouse = tmp_path / "source.duckdb"
    duckdb.connect(str(warehouse)).close()
    monkeypatch.setattr(loader.duckdb, "connect", locked)
    with pytest.raises(duckdb.IOException, match="lock"):
        loader.main(warehouse)


def test_an_interrupted_load_leaves_the_file_as_it_was(loader, tmp_path, monkeypatch):
    warehouse = tmp_path / "source.duckdb"
    warehouse.write_text("what was there")
    monkeypatch.setattr(loader, "HOUSEHOLDS", "SELECT error('interrupted')")
    with pytest.raises(duckdb.InvalidInputException, match="interrupted"):
        loader.build(warehouse)
    assert warehouse.read_text() == "what was there"
