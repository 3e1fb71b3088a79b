import json
from pathlib import Path

import pytest

from resources.control.workspace.schemas import (
    FILE_KINDS,
    keys_at,
    published_schemas,
    schema_of,
    write_schemas,
)

PUBLISHED = Path(__file__).parents[4] / "docs" / "schemas"


def test_published_schemas_are_those_of_the_types():
    """After a change of the types, run `onward schema`."""
    on_disk = {path.name: path.read_text(encoding="utf-8") for path in PUBLISHED.glob("*.json")}
    assert on_disk == published_schemas()


def test_every_file_of_a_workspace_has_a_schema():
    names = {kind.stem for kind in FILE_KINDS.values()}
    assert {name.removesuffix(".schema.json") for name in published_schemas()} == names


def test_schemas_refuse_unknown_keys():
    for text in published_schemas().values():
        schema = json.loads(text)
        assert schema["additionalProperties"] is False


def test_writing_touches_only_what_changed(tmp_path):
    assert {path.name for path in write_schemas(tmp_path)} == set(published_schemas())
    assert write_schemas(tmp_path) == []
    (tmp_path / "workspace.schema.json").write_text("{}")
    assert [path.name for path in write_schemas(tmp_path)] == ["workspace.schema.json"]


@pytest.mark.parametrize(
    ("file", "path", "key"),
    [
        ("workspace.yml", (), "time_zone"),
        ("guardrails.yml", ("caps", 0), "window"),
        ("guardrails.yml", ("quiet_hours",), "start"),
        ("segments.yml", ("segments", "any_name", "rule", "all", 3, "not"), "segment"),
        ("sources.yml", ("sources", "orders"), "cursor"),
        ("journeys", ("nodes", 1, "message"), "template"),
    ],
)
def test_keys_are_found_through_lists_names_and_alternatives(file, path, key):
    assert key in keys_at(schema_of(FILE_KINDS[file].model), path)


def test_nothing_is_known_below_a_single_value():
    assert keys_at(schema_of(FILE_KINDS["workspace.yml"].model), ("seed", "deeper")) == set()
