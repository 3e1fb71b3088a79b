"""A YAML file as a tree in which every key and value knows its line and column."""

from collections.abc import Iterator
from dataclasses import dataclass

Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """A single value.

    Attributes:
        text: The value as written, without quotes.
        is_broken: A problem was already reported here; later checks stay silent about it.
    """

    line: int
    column: int
    value: Plain
    text: str
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class YamlSequence:
    line: int
    column: int
    items: tuple["YamlNode", ...]


@dataclass(frozen=True, slots=True)
class YamlEntry:
    """A key with its value; the position is that of the key."""

    line: int
    column: int
    value: "YamlNode"


@dataclass(frozen=True, slots=True)
class YamlMapping:
    line: int
    column: int
    entries: dict[str, YamlEntry]


YamlNode = YamlScalar | YamlSequence | YamlMapping
Step = str | int


def plain(node: YamlNode) -> object:
    """The node as JSON-like Python values."""
    if isinstance(node, YamlScalar):
        return node.value
    if isinstance(node, YamlSequence):
        return [plain(item) for item in node.items]
    return {key: plain(entry.value) for key, entry in node.entries.items()}


def dotted(path: tuple[Step, ...]) -> str:
    """`caps[0].window`; positions count from 0, as in JSON."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def step_into(node: YamlNode, step: Step) -> YamlNode | None:
    """The child behind a key or a position; None when there is none."""
    if isinstance(node, YamlMapping) and isinstance(step, str):
        entry = node.entries.get(step)
        return None if entry is None else entry.value
    if isinstance(node, YamlSequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


@dataclass(frozen=True, slots=True)
class Spot:
    """A node together with the way to it; missing nodes are empty spots, so checks need no special cases."""

    node: YamlNode | None
    path: tuple[Step, ...] = ()
    line: int = 0

    def at(self, *steps: Step) -> "Spot":
        spot = self
        for step in steps:
            child = None if spot.node is None else step_into(spot.node, step)
            spot = Spot(child, (*spot.path, step), _line_of(spot.node, step, child))
        return spot

    def entries(self) -> Iterator[tuple[str, "Spot"]]:
        """Keys of a mapping with their values; the line of each spot is that of the key."""
        if isinstance(self.node, YamlMapping):
            for key in self.node.entries:
                yield key, self.at(key)

    def items(self) -> Iterator["Spot"]:
        if isinstance(self.node, YamlSequence):
            for position in range(len(self.node.items)):
                yield self.at(position)

    def keys(self) -> set[str]:
        return set(self.node.entries) if isinstance(self.node, YamlMapping) else set()

    @property
    def value(self) -> Plain:
        """The scalar here; None for anything else."""
        return self.node.value if isinstance(self.node, YamlScalar) else None

    @property
    def text(self) -> str | None:
        """The scalar here when it is text."""
        return self.value if isinstance(self.value, str) else None

    @property
    def where(self) -> str:
        return dotted(self.path)

    @property
    def exists(self) -> bool:
        return self.node is not None

    def deeper(self) -> Iterator["Spot"]:
        """This spot and everything below it."""
        yield self
        for _, child in self.entries():
            yield from child.deeper()
        for item in self.items():
            yield from item.deeper()


def _line_of(parent: YamlNode | None, step: Step, child: YamlNode | None) -> int:
    if isinstance(parent, YamlMapping) and isinstance(step, str) and step in parent.entries:
        return parent.entries[step].line
    if child is not None:
        return child.line
    return 0 if parent is None else parent.line
