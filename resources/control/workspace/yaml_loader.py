"""Reads YAML 1.2 strictly: what two people could read in two ways is refused, with the line.

Built on the events of ruamel.yaml, not on its constructor: types follow the
core schema of YAML 1.2 (`22:00`, `NO`, `off`, `yes` and dates are text), and
anchors, aliases, merge keys, tags and doubled keys are problems of their own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from resources.control.workspace.problems import Problem
from resources.control.workspace.yaml_nodes import YamlEntry, YamlMapping, YamlNode, YamlScalar, YamlSequence
from resources.control.workspace.yaml_scalars import AmbiguousScalarError, read_plain

#: A workspace is written by people: the largest real file has some thousand lines. The caps keep a
#: hostile or mistaken file from occupying the loader, which is pure Python.
MAXIMUM_BYTES = 512 * 1024
MAXIMUM_NODES = 50_000
MAXIMUM_DEPTH = 32

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
#: `"\ud800"` and `"\0"` are YAML, but neither JSON nor a database can carry what they stand for.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_BRACKET = ("a bracket or brace is opened and never closed", "close it, or separate the entries with commas")
#: What ruamel.yaml says that it was reading → what and remedy.
_OPENED = {
    "while scanning a quoted scalar": ("a quote is opened and never closed", "close the quote"),
    "while parsing a flow sequence": _BRACKET,
    "while parsing a flow mapping": _BRACKET,
}
_TAB_INDENT = re.compile(r"^ *\t")


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What a file holds; `root` is None when it could not be read at all."""

    root: YamlMapping | None
    problems: tuple[Problem, ...]


class _StopReadingError(Exception):
    """Nothing after this point can be trusted."""


def load_yaml(content: bytes, *, file: str) -> LoadedFile:
    """Reads one file and reports everything that is wrong with its YAML.

    Args:
        content: The bytes of the file.
        file: Name for messages.
    """
    reader = _Reader(file)
    try:
        root = reader.read(content)
    except _StopReadingError:
        root = None
    return LoadedFile(root, tuple(reader.problems))


@dataclass
class _Reader:
    file: str
    problems: list[Problem] = field(default_factory=list)
    node_count: int = 0
    path: list[str] = field(default_factory=list)

    def report(self, line: int, what: str, remedy: str) -> None:
        where = ".".join(self.path)
        self.problems.append(Problem(file=self.file, line=line, where=where, what=what, remedy=remedy))

    def stop(self, line: int, what: str, remedy: str) -> _StopReadingError:
        self.report(line, what, remedy)
        return _StopReadingError(what)

    def read(self, content: bytes) -> YamlMapping:
        text = self.decode(content)
        events = self.events(text)
        root: YamlNode | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                self.check_document(event, is_second=root is not None)
            elif isinstance(event, NodeEvent):
                root = self.node(event, events, depth=1)
            elif isinstance(event, StreamEndEvent):
                break
        if root is None or (isinstance(root, YamlScalar) and root.value is None and not root.is_broken):
            raise self.stop(0, "the file is empty", "write its settings, or delete the file")
        if not isinstance(root, YamlMapping):
            raise self.stop(
                root.line,
                "the file is not a mapping",
                "write `key: value` lines; docs/schemas has their names",
            )
        return root

    def decode(self, content: bytes) -> str:
        if len(content) > MAXIMUM_BYTES:
            raise self.stop(
                0, f"the file has {len(content):,} bytes", f"keep it under {MAXIMUM_BYTES:,} bytes"
            )
        if content.startswith(_BYTE_ORDER_MARKS):
            raise self.stop(1, "the file starts with a byte order mark", "save it as UTF-8 without BOM")
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise self.stop(line, "the file is not UTF-8", "save it as UTF-8 without BOM") from None

    def events(self, text: str) -> Iterator[Event]:
        lines = text.split("\n")
        try:
            yield from YAML(typ="safe", pure=True).parse(text)
        except ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise self.stop(line, "the file holds a control character", "delete that character") from None
        except MarkedYAMLError as error:
            # Where a bracket or quote was opened says more than where the file ended without closing it.
            mark = error.context_mark if error.context in _OPENED else error.problem_mark
            line = mark.line + 1 if mark else 0
            written = lines[line - 1] if 0 < line <= len(lines) else ""
            self.path.clear()
            raise self.stop(line, *_syntax_problem(str(error.problem), error.context, written)) from None
        except YAMLError:
            raise self.stop(0, "the file is not valid YAML", "check indentation, colons and quotes") from None

    def check_document(self, event: DocumentStartEvent, *, is_second: bool) -> None:
        line = event.start_mark.line + 1
        if is_second:
            raise self.stop(
                line, "a second document starts here", "keep one document a file: delete this `---`"
            )
        if event.version not in {None, (1, 2)}:
            self.report(
                line, "the file asks for another version of YAML", "delete this line: files are YAML 1.2"
            )

    def node(self, event: NodeEvent, events: Iterator[Event], *, depth: int) -> YamlNode:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        self.node_count += 1
        if self.node_count > MAXIMUM_NODES:
            raise self.stop(line, f"the file has more than {MAXIMUM_NODES:,} values", "write less")
        if depth > MAXIMUM_DEPTH:
            raise self.stop(line, f"nested deeper than {MAXIMUM_DEPTH} levels", "write it flatter")
        if isinstance(event, AliasEvent):
            self.report(line, f"`*{event.anchor}` is an alias", "write the value out: aliases are not read")
            return YamlScalar(line, column, None, "", is_broken=True)
        self.check_decoration(event, line)
        if isinstance(event, MappingStartEvent):
            return YamlMapping(line, column, self.entries(events, depth=depth))
        if isinstance(event, SequenceStartEvent):
            return YamlSequence(line, column, self.items(events, depth=depth))
        return self.scalar(cast("ScalarEvent", event), line, column)

    def check_decoration(self, event: NodeEvent, line: int) -> None:
        if event.anchor is not None:
            self.report(line, f"`&{event.anchor}` is an anchor", "delete it: anchors are not read")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self.report(line, f"`{tag}` is a tag", "delete it: types follow from the schema")

    def scalar(self, event: ScalarEvent, line: int, column: int) -> YamlScalar:
        text = str(event.value)
        if _UNSTORABLE.search(text):
            self.report(
                line, "an escape stands for half a character or for none", "write the character itself"
            )
            return YamlScalar(line, column, None, "", is_broken=True)
        if event.style is not None:
            return YamlScalar(line, column, text, text)
        try:
            return YamlScalar(line, column, read_plain(text), text)
        except AmbiguousScalarError as error:
            self.report(line, f"`{text[:40]}` {error.what}", error.remedy)
            return YamlScalar(line, column, None, text, is_broken=True)

    def items(self, events: Iterator[Event], *, depth: int) -> tuple[YamlNode, ...]:
        found: list[YamlNode] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            if isinstance(event, NodeEvent):
                found.append(self.node(event, events, depth=depth + 1))
        return tuple(found)

    def entries(self, events: Iterator[Event], *, depth: int) -> dict[str, YamlEntry]:
        found: dict[str, YamlEntry] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            if isinstance(event, NodeEvent):
                self.entry(event, events, found, depth=depth)
        return found

    def entry(
        self, event: NodeEvent, events: Iterator[Event], found: dict[str, YamlEntry], *, depth: int
    ) -> None:
        """Reads a key and its value into `found`, unless the key is a problem of its own."""
        key = self.node(event, events, depth=depth + 1)
        name = key.text if isinstance(key, YamlScalar) else ""
        self.path.append(name or "?")
        is_good = self.check_key(key, name, found)
        # The parser gives every key a value, if only an empty one.
        value = self.node(cast("NodeEvent", next(events)), events, depth=depth + 1)
        self.path.pop()
        if is_good:
            found[name] = YamlEntry(key.line, key.column, value)

    def check_key(self, key: YamlNode, name: str, found: dict[str, YamlEntry]) -> bool:
        if not isinstance(key, YamlScalar) or (not name and not key.is_broken):
            self.report(key.line, "the key is not a word", "write a name before the colon")
        elif name == "<<":
            self.report(key.line, "`<<` is a merge key", "write the keys out: merge keys are not read")
        elif name in found:
            self.report(
                key.line,
                f"the key is written twice, first in line {found[name].line}",
                "delete one",
            )
        else:
            return not key.is_broken
        return False


def _syntax_problem(problem: str, context: str | None, written: str) -> tuple[str, str]:
    """What and remedy for what the scanner or parser of ruamel.yaml says."""
    if _TAB_INDENT.match(written):
        return "a tab stands in the indentation", "indent with spaces"
    if problem == "mapping values are not allowed here":
        return (
            "a second colon in one line, or an indentation that does not fit",
            "put the value in quotes, or align it with its neighbours",
        )
    if "cannot start any token" in problem:
        return "a value starts with a character that YAML reserves", "put the value in quotes"
    if "<stream end>" in problem:
        return "the file ends too early: a bracket, brace or quote is opened and never closed", "close it"
    if context in _OPENED:
        return _OPENED[context]
    return f"not valid YAML: {problem}", "check indentation, colons and quotes in this line and the one above"
