import pytest

from resources.control.workspace.identity import read_workspace_identity
from resources.control.workspace.reading import WorkspaceProblemsError


def test_the_identity_needs_only_its_own_file(write_workspace):
    folder = write_workspace({"sources.yml": "broken: [\n"})
    assert read_workspace_identity(folder).workspace == "acme"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "the file is missing"),
        ("", "the file is empty"),
        ("version: 1\n", "`workspace` is missing"),
        (
            "version: 1\nworkspace: acme\ntime_zone: UTC\ncurrency: USD\nconsent_without_record: allow\n",
            "needs consent_basis",
        ),
    ],
)
def test_a_wrong_identity_is_an_error_with_its_problems(write_workspace, text, what):
    with pytest.raises(WorkspaceProblemsError, match=what) as caught:
        read_workspace_identity(write_workspace({"workspace.yml": text}))
    assert caught.value.reading.config is None
