"""Checks one file against its type, and says in plain words what pydantic found, with the line."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipelines.contracts.settings.fields import Settings
from resources.control.workspace.explanations import Explanation, explain, explain_choice, named_keys
from resources.control.workspace.problems import Problem, suggestion
from resources.control.workspace.schemas import FileKind, keys_at, schema_of
from resources.control.workspace.yaml_nodes import Spot, Step, YamlMapping, YamlScalar, plain, step_into

#: Types of a value that may be text, a number or true/false; pydantic reports each of them.
_SCALAR_TYPES = frozenset({"string_type", "int_type", "float_type", "bool_type"})
#: Marks of pydantic in a location that are no keys of the file.
_KEY_MARK = "[key]"


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """Settings of a file, or its problems; `general` are those about the file as a whole."""

    settings: Settings | None
    problems: tuple[Problem, ...] = ()
    general: tuple[Problem, ...] = ()


def check_file(root: YamlMapping, kind: FileKind, *, file: str) -> CheckedFile:
    """The settings that a file holds, or everything that is wrong with it.

    Validation is strict and goes through JSON: text never becomes a number or
    true/false, while lists, dates and codes are still read from text.
    """
    document = _Document(root, kind, file)
    try:
        return CheckedFile(kind.model.model_validate_json(json.dumps(plain(root)), strict=True))
    except ValidationError as error:
        details = error.errors(include_url=False)
        general = [detail for detail in details if detail["type"] == "value_error" and not detail["loc"]]
        special = [detail for detail in details if detail not in general]
        return CheckedFile(
            None,
            problems=tuple(_problems(special, document)),
            general=tuple(_problems(general, document)),
        )


@dataclass(frozen=True, slots=True)
class _Document:
    """A file as written, and what it should be."""

    root: YamlMapping
    kind: FileKind
    file: str


def _problems(details: list[ErrorDetails], document: _Document) -> Iterator[Problem]:
    by_path: dict[tuple[Step, ...], list[ErrorDetails]] = {}
    for detail in details:
        by_path.setdefault(_path_in_file(document.root, detail["loc"]), []).append(detail)
    for path, found in by_path.items():
        spot = Spot(document.root).at(*path)
        if isinstance(spot.node, YamlScalar) and spot.node.is_broken:
            continue
        kept = [detail for detail in found if not _is_echo(detail, spot)]
        if len(kept) > 1 and all(detail["type"] in _SCALAR_TYPES for detail in kept):
            yield _problem(document.file, spot, explain_choice(spot.node))
            continue
        for detail in kept:
            yield _problem(document.file, _narrowed(detail, spot), _explain(detail, spot, document))


def _problem(file: str, spot: Spot, explanation: Explanation) -> Problem:
    return Problem(
        file=file, line=spot.line, where=spot.where, what=explanation.what, remedy=explanation.remedy
    )


def _narrowed(detail: ErrorDetails, spot: Spot) -> Spot:
    """The place of a rule between several keys: the last key that the rule names."""
    if detail["type"] == "union_tag_invalid":
        return spot.at(str(detail["ctx"]["discriminator"]).strip("'"))
    if detail["type"] != "value_error" or detail["loc"][-1:] == (_KEY_MARK,):
        return spot
    keys = named_keys(detail["msg"], spot.node)
    return spot.at(keys[-1]) if keys else spot


def _path_in_file(root: YamlMapping, location: tuple[int | str, ...]) -> tuple[Step, ...]:
    """A location of pydantic without the names of union members, which are no keys of the file."""
    node: Any = root
    path: list[Step] = []
    for step in location:
        if isinstance(step, str) and (step.startswith("<") or step == _KEY_MARK):
            continue
        child = step_into(node, step)
        if child is not None:
            node = child
            path.append(step)
    return tuple(path)


def _is_echo(detail: ErrorDetails, spot: Spot) -> bool:
    """A list counts as too short when its entries are wrong; those have problems of their own."""
    return detail["type"] == "too_short" and any(True for _ in spot.items())


def _explain(detail: ErrorDetails, spot: Spot, document: _Document) -> Explanation:
    if detail["type"] == "missing":
        return _missing(detail, spot)
    if detail["type"] == "extra_forbidden":
        return _unknown_key(spot, document)
    is_key = detail["loc"] and detail["loc"][-1] == _KEY_MARK
    return explain(
        detail["type"],
        context=_context(detail),
        node=None if is_key else spot.node,
        shown=None if document.kind.may_hold_secrets else _shown(spot, is_key=bool(is_key)),
    )


def _missing(detail: ErrorDetails, spot: Spot) -> Explanation:
    key = detail["loc"][-1]
    place = f"under `{spot.where}`" if spot.where else "to the file"
    return Explanation(f"`{key}` is missing", f"add `{key}:` {place}")


def _unknown_key(spot: Spot, document: _Document) -> Explanation:
    *above, key = spot.path
    neighbours = {name: near.value for name, near in Spot(document.root).at(*above).entries()}
    schema = schema_of(document.kind.model)
    known = keys_at(schema, tuple(above), written=neighbours)
    if key in keys_at(schema, tuple(above)):
        # A setting of a neighbouring kind: nothing is misspelt.
        listed = ", ".join(sorted(known))
        return Explanation("does not belong to this kind", f"delete it; known are {listed}")
    return Explanation("unknown key", suggestion(str(key), known))


def _context(detail: ErrorDetails) -> Mapping[str, Any]:
    return {"message": detail["msg"], **detail.get("ctx", {})}


def _shown(spot: Spot, *, is_key: bool) -> str | None:
    """What was written, for the message; None when it is no single value."""
    if is_key:
        return str(spot.path[-1])
    return spot.node.text[:60] if isinstance(spot.node, YamlScalar) else None
