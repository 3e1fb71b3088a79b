import pytest

from resources.control.workspace.folder import read_folder, stem_of


def _problems(folder):
    return [str(problem) for problem in read_folder(folder)[1]]


def test_a_folder_that_is_not_there(tmp_path):
    assert _problems(tmp_path / "gone") == [
        f"{tmp_path / 'gone'}: there is no such folder — name an existing workspace folder"
    ]


def test_required_files_that_are_missing_are_all_named(tmp_path):
    assert [problem.split(":")[0] for problem in _problems(tmp_path)] == [
        "workspace.yml",
        "connections.yml",
        "sources.yml",
    ]


def test_files_of_other_kinds_and_hidden_ones_are_not_ours(write_workspace):
    folder = write_workspace()
    for name in ("README.md", "load.py", ".hidden.yml"):
        (folder / name).write_text("a: [")
    (folder / "notes").mkdir()
    assert _problems(folder) == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("segment.yml", "segment.yml: unknown file — did you mean segments.yml?"),
        ("segments.yaml", "segments.yaml: ends in .yaml — rename it to segments.yml"),
        ("journey/a.yml", "journey/: unknown folder with YAML files — did you mean journeys?"),
        ("journeys/deep/a.yml", "journeys/deep/a.yml: lies too deep — move it to journeys/"),
        ("journeys/a.yaml", "journeys/a.yaml: ends in .yaml — rename it to a.yml"),
    ],
)
def test_yaml_files_under_a_wrong_name_are_problems(write_workspace, name, problem):
    folder = write_workspace()
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("a: 1\n")
    [found] = _problems(folder)
    assert found.startswith(problem)


def test_the_stem_of_a_file_is_its_name_without_folder_and_ending():
    assert stem_of("journeys/welcome.yml") == "welcome"
