"""Segments to preview: from a file that is not saved yet, or by name from the workspace."""

from collections.abc import Mapping
from pathlib import Path

from pipelines.contracts.settings.segments import SegmentSettings, SegmentsFile
from pipelines.segmentation.problems import rule_problems
from resources.control.workspace.checking import check_file
from resources.control.workspace.problems import suggestion
from resources.control.workspace.schemas import FILE_KINDS
from resources.control.workspace.yaml_loader import load_yaml
from resources.control.workspace.yaml_nodes import YamlEntry, YamlMapping
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError

Segments = Mapping[str, SegmentSettings]
_FILE = "segments.yml"


def wanted_segments(file_or_name: str, configured: Segments) -> tuple[Segments, list[str]]:
    """All segments with those of the file in place, and the names to preview.

    A file holds `segments:` as the workspace does, or one segment, which is then
    named like the file.

    Raises:
        CommandError: There is no such file or segment, or it cannot be evaluated.
    """
    path = Path(file_or_name)
    if path.suffix in {".yml", ".yaml"} or path.is_file():
        written = _read(path)
        segments, names = {**configured, **written}, list(written)
    elif file_or_name in configured:
        segments, names = dict(configured), [file_or_name]
    else:
        raise _refused(
            f"there is no segment {file_or_name}", suggestion(file_or_name, configured, none="name a file")
        )
    if problems := rule_problems(segments):
        raise _refused("; ".join(problems), "correct the rule; nothing was changed")
    return segments, names


def _read(path: Path) -> Segments:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise _refused(f"{path} cannot be read: {type(problem).__name__}", "name a file") from problem
    loaded = load_yaml(content, file=path.name)
    problems = list(loaded.problems)
    if loaded.root is not None:
        checked = check_file(_as_file(loaded.root, path.stem), FILE_KINDS[_FILE], file=path.name)
        problems += [*checked.problems, *checked.general]
        if isinstance(checked.settings, SegmentsFile) and not problems:
            return checked.settings.segments
    raise _refused("; ".join(map(str, problems)), "correct the file; nothing was changed")


def _as_file(root: YamlMapping, name: str) -> YamlMapping:
    """A file that holds one segment, as one that holds a list of it."""
    if "segments" in root.entries:
        return root
    named = YamlMapping(root.line, root.column, {name: YamlEntry(root.line, root.column, root)})
    return YamlMapping(root.line, root.column, {"segments": YamlEntry(root.line, root.column, named)})


def _refused(what: str, remedy: str) -> CommandError:
    return CommandError("SEGMENT_NOT_PREVIEWED", what, remedy, exit_code=ExitCode.USAGE)
