"""Environments of the emulators: made once, renewed with their lock, and a gap that is said to be one."""

import sys

import pytest

from tests.emulators import fixtures, install


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """A place of its own, in which nothing is installed for real."""
    made = []

    def note(command, **_options):
        made.append([str(part) for part in command])
        if "venv" in command:
            python = tmp_path / "made" / "snowflake" / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()
        return type("Finished", (), {"returncode": 0})

    (tmp_path / "snowflake").mkdir()
    (tmp_path / "snowflake" / "requirements.lock").write_text("fakesnow==1\n")
    monkeypatch.setattr(install, "HERE", tmp_path)
    monkeypatch.setattr(install, "FOLDER", tmp_path / "made")
    monkeypatch.setattr(install.subprocess, "run", note)
    monkeypatch.setitem(install.PYTHONS, "snowflake", f"{sys.version_info.major}.{sys.version_info.minor}")
    return tmp_path, made


def test_an_environment_is_made_once_and_renewed_with_its_lock(sandbox):
    folder, made = sandbox
    assert install.install("snowflake") == "snowflake: installed"
    assert [command[:3] for command in made] == [
        [sys.executable, "-m", "venv"],
        [str(install.Path(sys.executable).with_name("uv")), "pip", "install"],
    ]
    assert install.install("snowflake") == "snowflake: there"
    assert len(made) == 2
    (folder / "snowflake" / "requirements.lock").write_text("fakesnow==2\n")
    assert install.install("snowflake") == "snowflake: installed"


def test_an_interrupted_installation_is_no_environment(sandbox, monkeypatch):
    def break_off(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(install, "_install_packages", break_off)
        with pytest.raises(KeyboardInterrupt):
            install.install("snowflake")
    assert install.install("snowflake") == "snowflake: installed"


def test_a_missing_python_is_said_and_stops_nothing(sandbox, monkeypatch):
    _, made = sandbox
    monkeypatch.setattr(install, "find_python", lambda _version: None)
    assert "no Python" in install.install("snowflake")
    assert made == []


def test_an_interpreter_that_does_not_run_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    switched_off = tmp_path / "python2.6"
    switched_off.write_text("#!/bin/sh\nexit 127\n")
    switched_off.chmod(0o755)
    assert install.find_python("2.6") is None
    kept = tmp_path / "versions" / "2.6.9" / "bin" / "python2.6"
    kept.parent.mkdir(parents=True)
    kept.write_text("#!/bin/sh\nexit 0\n")
    kept.chmod(0o755)
    assert install.find_python("2.6") == kept


@pytest.mark.parametrize(
    ("is_required", "outcome"), [(False, pytest.skip.Exception), (True, pytest.fail.Exception)]
)
def test_a_missing_environment_is_a_gap_or_a_failure(monkeypatch, tmp_path, is_required, outcome):
    monkeypatch.setattr(install, "FOLDER", tmp_path)
    if is_required:
        monkeypatch.setenv("ONWARD_REQUIRE_EMULATORS", "1")
    else:
        monkeypatch.delenv("ONWARD_REQUIRE_EMULATORS", raising=False)
    with pytest.raises(outcome, match=r"make emulators"):
        fixtures.server_of("snowflake", tmp_path)
