"""Makes the environments of the emulators: one each, as none of them can live beside the product."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / ".emulators"
#: Emulator → version of Python that it needs.
PYTHONS = {"snowflake": "3.11", "bigquery": "3.13", "redshift": "3.11"}


def interpreter_of(kind: str) -> Path:
    """The Python of an emulator's environment, whether or not it was made."""
    return FOLDER / kind / "bin" / "python"


def find_python(version: str) -> Path | None:
    """An interpreter of a version: this one, one on the path, or one that pyenv keeps."""
    if sys.version_info[:2] == tuple(int(part) for part in version.split(".")):
        return Path(sys.executable)
    on_path = shutil.which(f"python{version}")
    kept = sorted(
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin")
    )
    candidates = [*([Path(on_path)] if on_path else []), *(folder / f"python{version}" for folder in kept)]
    return next((path for path in candidates if _answers(path)), None)


def _answers(path: Path) -> bool:
    """Whether it runs: pyenv puts a name on the path also for versions that are switched off."""
    finished = subprocess.run([path, "-c", "import venv"], capture_output=True, check=False)
    return finished.returncode == 0


def install(kind: str) -> str:
    """Makes or renews one environment; says what happened."""
    lock = HERE / kind / "requirements.lock"
    stamp = FOLDER / kind / ".ready"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return f"{kind}: there"
    python = find_python(PYTHONS[kind])
    if python is None:
        return (
            f"{kind}: no Python {PYTHONS[kind]} was found, so its tests are skipped; install it and run again"
        )
    shutil.rmtree(FOLDER / kind, ignore_errors=True)
    subprocess.run([python, "-m", "venv", "--without-pip", FOLDER / kind], check=True)
    _install_packages(interpreter_of(kind), lock)
    shutil.copyfile(lock, stamp)
    return f"{kind}: installed"


def _install_packages(interpreter: Path, lock: Path) -> None:
    uv = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--python", interpreter]
    if subprocess.run([*uv, "-r", lock], check=False).returncode:
        # pip knows indexes that only its own configuration names.
        pip = [sys.executable, "-m", "pip", "--python", interpreter, "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", "-r", lock], check=True)


if __name__ == "__main__":
    for name in PYTHONS:
        print(install(name))
