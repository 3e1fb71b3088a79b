from resources.control.workspace.schemas import published_schemas


def test_schemas_are_written_where_asked(onward, tmp_path):
    result = onward("schema", "--to", tmp_path / "schemas")
    assert result.out.count("wrote ") == len(published_schemas())
    assert {path.name for path in (tmp_path / "schemas").iterdir()} == set(published_schemas())
    assert "is up to date" in onward("schema", "--to", tmp_path / "schemas").out
