"""A workspace folder on disk: its files as trees, and what is wrong with the folder itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from resources.control.workspace.problems import Problem, suggestion
from resources.control.workspace.schemas import FILE_KINDS, FileKind
from resources.control.workspace.yaml_loader import load_yaml
from resources.control.workspace.yaml_nodes import Spot, YamlMapping, YamlScalar


@dataclass(frozen=True, slots=True)
class Folder:
    """Files that could be read, by path relative to the folder.

    Attributes:
        unreadable: Files that are there, but could not be read; what they define is unknown, not absent.
    """

    documents: Mapping[str, YamlMapping]
    unreadable: frozenset[str] = frozenset()

    def root(self, file: str) -> Spot:
        """The top of a file; an empty spot when it is missing or unreadable."""
        return Spot(self.documents.get(file))

    def names(self, file: str, key: str) -> set[str] | None:
        """What a file defines under a key; None when that cannot be known."""
        spot = self.root(file).at(key)
        is_broken = isinstance(spot.node, YamlScalar) and spot.node.is_broken
        return None if file in self.unreadable or is_broken else spot.keys()

    def files_in(self, subfolder: str) -> Iterator[tuple[str, Spot]]:
        """Path and top of each file of `journeys` or `sequences`."""
        for file in sorted(self.documents):
            if file.startswith(f"{subfolder}/"):
                yield file, self.root(file)


def stem_of(file: str) -> str:
    """`journeys/welcome.yml` → `welcome`."""
    return file.rsplit("/", 1)[-1].removesuffix(".yml")


def kind_of(file: str) -> FileKind:
    return FILE_KINDS[file.split("/", 1)[0]]


def read_folder(folder: Path) -> tuple[Folder, list[Problem]]:
    """Loads every file that belongs to a workspace, and reports files that do not, or are missing."""
    problems: list[Problem] = []
    if not folder.is_dir():
        missing = _whole(str(folder), "there is no such folder", "name an existing workspace folder")
        return Folder({}), [missing]
    documents, unreadable = {}, set()
    for path in _yaml_files(folder, problems):
        file = path.relative_to(folder).as_posix()
        loaded = load_yaml(path.read_bytes(), file=file)
        problems.extend(loaded.problems)
        if loaded.root is None:
            unreadable.add(file)
        else:
            documents[file] = loaded.root
    for kind in FILE_KINDS.values():
        if kind.is_required and not (folder / kind.name).is_file():
            remedy = f"write it; docs/schemas/{kind.stem}.schema.json says what belongs in it"
            problems.append(_whole(kind.name, "the file is missing", remedy))
    return Folder(documents, frozenset(unreadable)), problems


def _yaml_files(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _files_of_subfolder(folder, path, problems)
        elif _belongs(path, problems, known={name for name in FILE_KINDS if name.endswith(".yml")}):
            yield path


def _files_of_subfolder(folder: Path, subfolder: Path, problems: list[Problem]) -> Iterator[Path]:
    files = [path for path in sorted(subfolder.rglob("*.y*ml")) if path.is_file()]
    kind = FILE_KINDS.get(subfolder.name)
    if kind is not None and kind.is_folder:
        for path in files:
            file = path.relative_to(folder).as_posix()
            if path.parent != subfolder:
                problems.append(_whole(file, "lies too deep", f"move it to {subfolder.name}/"))
            elif _belongs(path, problems, known=None, shown=file):
                yield path
    elif files:
        known = [name for name, other in FILE_KINDS.items() if other.is_folder]
        problems.append(
            _whole(f"{subfolder.name}/", "unknown folder with YAML files", suggestion(subfolder.name, known))
        )


def _belongs(
    path: Path, problems: list[Problem], *, known: set[str] | None, shown: str | None = None
) -> bool:
    """Whether a file is to be read; YAML files under a wrong name are problems, all others are not ours."""
    file = shown or path.name
    if path.suffix == ".yaml":
        problems.append(_whole(file, "ends in .yaml", f"rename it to {path.stem}.yml"))
        return False
    if path.suffix != ".yml":
        return False
    if known is not None and path.name not in known:
        problems.append(_whole(file, "unknown file", suggestion(path.name, known)))
        return False
    return True


def _whole(file: str, what: str, remedy: str) -> Problem:
    return Problem(file=file, line=0, where="", what=what, remedy=remedy)
