"""Rules of the dbt project that dbt itself does not check."""

import re
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
MODELS = sorted((PROJECT / "models").rglob("*.sql"))
MARTS = [path for path in MODELS if path.parent.name == "marts"]
#: What only some of the four warehouses know, or know differently.
UNPORTABLE = {
    "a cast with colons": re.compile(r"::"),
    "qualify": re.compile(r"\bqualify\b"),
    "filter (where …)": re.compile(r"\bfilter\s*\("),
    "group by all": re.compile(r"\bgroup\s+by\s+all\b"),
    "group by position": re.compile(r"\bgroup\s+by\s+\d"),
    "union without all": re.compile(r"\bunion\b(?!\s+all)"),
    "ilike": re.compile(r"\bilike\b"),
    "a 32-bit float": re.compile(r"\bas\s+(float|real)\b"),
    "an integer division": re.compile(r"count\(.*\)\s*/"),
    "a date function": re.compile(r"\b(date_diff|datediff|date_add|dateadd|date_trunc|interval)\b"),
    "the clock": re.compile(r"\b(now|current_date|current_timestamp|getdate)\b"),
    "every column": re.compile(r"select\s+\*"),
}


def sql_of(path: Path) -> str:
    return re.sub(r"--[^\n]*", "", path.read_text("utf-8")).lower()


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", UNPORTABLE)
def test_sql_keeps_to_what_all_warehouses_know(path, name):
    assert not UNPORTABLE[name].search(sql_of(path))


@pytest.mark.parametrize("path", MARTS, ids=lambda path: path.stem)
def test_a_mart_says_what_a_row_and_every_column_is(path):
    (model,) = yaml.safe_load(path.with_suffix(".yml").read_text("utf-8"))["models"]
    assert model["name"] == path.stem
    assert model["description"].startswith("One row per ")
    assert model["columns"][0]["name"] == "workspace_id"
    for column in model["columns"]:
        assert column["description"].endswith("."), column["name"]
        assert column["data_type"], column["name"]


@pytest.mark.parametrize("path", MARTS, ids=lambda path: path.stem)
def test_the_grain_of_a_mart_is_tested(path):
    (model,) = yaml.safe_load(path.with_suffix(".yml").read_text("utf-8"))["models"]
    keys = [test["unique_combination"]["arguments"]["columns"] for test in model["data_tests"]]
    (key,) = keys
    assert key[0] == "workspace_id"
    never_null = {
        column["name"] for column in model["columns"] if {"type": "not_null"} in column.get("constraints", [])
    }
    assert set(key) <= never_null


def test_every_model_is_described():
    described = {
        model["name"]: model["description"]
        for path in (PROJECT / "models").rglob("*.yml")
        for model in yaml.safe_load(path.read_text("utf-8")).get("models", [])
    }
    assert set(described) == {path.stem for path in MODELS}
    assert [name for name, text in described.items() if not text.startswith("One row per ")] == []


def test_staging_only_renames():
    for path in MODELS:
        if path.stem.startswith("stg_"):
            assert len(re.findall(r"\{\{ source\(", sql_of(path))) == 1
            assert not re.search(r"\b(where|join|case|group by|sum|count)\b", sql_of(path)), path.stem


def test_no_file_is_long():
    long = [path.name for path in PROJECT.rglob("*.yml") if len(path.read_text("utf-8").splitlines()) > 200]
    assert long == []


def test_nothing_is_sent_to_anybody():
    assert yaml.safe_load((PROJECT / "dbt_project.yml").read_text("utf-8"))["flags"][
        "send_anonymous_usage_stats"
    ] is False  # fmt: skip
    assert not (PROJECT / "packages.yml").exists()
