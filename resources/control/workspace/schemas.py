"""The files of a workspace folder, their types, and the JSON Schemas published from these types."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.contracts.settings.catalogue import Catalogue
from pipelines.contracts.settings.connections import ConnectionsFile
from pipelines.contracts.settings.connector import SourcesFile
from pipelines.contracts.settings.destinations import DestinationsFile
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.fields import Settings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.journeys import JourneySettings
from pipelines.contracts.settings.personalization import PersonalizationFile
from pipelines.contracts.settings.segments import SegmentsFile
from pipelines.contracts.settings.sequences import SequenceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """A file that a workspace folder may have.

    Attributes:
        name: File name; for a folder of files the name of the folder.
        may_hold_secrets: Its values never appear in a message.
        is_checked_across: The checks across files name every place that the type as a whole would refuse;
            the type stops at the first and knows no line.
    """

    name: str
    model: type[Settings]
    is_required: bool = False
    is_folder: bool = False
    may_hold_secrets: bool = False
    is_checked_across: bool = False

    @property
    def stem(self) -> str:
        return self.name.removesuffix(".yml")


FILE_KINDS: Mapping[str, FileKind] = {
    kind.name: kind
    for kind in (
        FileKind(name="workspace.yml", model=WorkspaceSettings, is_required=True),
        FileKind(name="connections.yml", model=ConnectionsFile, is_required=True, may_hold_secrets=True),
        FileKind(name="sources.yml", model=SourcesFile, is_required=True, is_checked_across=True),
        FileKind(name="segments.yml", model=SegmentsFile),
        FileKind(name="catalogue.yml", model=Catalogue, is_checked_across=True),
        FileKind(name="guardrails.yml", model=Guardrails),
        FileKind(name="enrichment.yml", model=EnrichmentSettings),
        FileKind(name="personalization.yml", model=PersonalizationFile),
        FileKind(name="destinations.yml", model=DestinationsFile, may_hold_secrets=True),
        FileKind(name="sequences", model=SequenceSettings, is_folder=True),
        FileKind(name="journeys", model=JourneySettings, is_folder=True),
    )
}


@cache
def schema_of(model: type[Settings]) -> Mapping[str, Any]:
    """The JSON Schema of what a person writes (not of what is stored)."""
    return model.model_json_schema(by_alias=True, mode="validation")


def published_schemas() -> dict[str, str]:
    """File name → text of every published JSON Schema."""
    texts = {}
    for kind in FILE_KINDS.values():
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **schema_of(kind.model),
            "title": f"{kind.name}/*.yml" if kind.is_folder else kind.name,
        }
        texts[f"{kind.stem}.schema.json"] = (
            json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        )
    return texts


def write_schemas(folder: Path) -> list[Path]:
    """Writes all schemas and returns the files that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, text in published_schemas().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def keys_at(
    schema: Mapping[str, Any], path: tuple[str | int, ...], *, written: Mapping[str, object] | None = None
) -> set[str]:
    """Keys that a schema knows at a path; alternatives are taken together.

    Args:
        schema: Of the whole file.
        path: Where in the file.
        written: Keys and values that stand there; alternatives that they rule out are left out.
    """
    return {
        key
        for option in _options_at(schema, path)
        if _is_possible(option, written or {})
        for key in option.get("properties", {})
    }


def _is_possible(option: Mapping[str, Any], written: Mapping[str, object]) -> bool:
    """Whether a mapping may be of a shape: no key that must have one value has another."""
    fixed = {key: shape["const"] for key, shape in option.get("properties", {}).items() if "const" in shape}
    return all(written.get(key, value) == value for key, value in fixed.items())


def _options_at(schema: Mapping[str, Any], path: tuple[str | int, ...]) -> list[Mapping[str, Any]]:
    options = _expand(schema, schema)
    for step in path:
        options = [further for option in options for further in _expand(schema, _child_schema(option, step))]
    return options


def _child_schema(option: Mapping[str, Any], step: str | int) -> Mapping[str, Any]:
    if isinstance(step, int):
        child = option.get("items", {})
    else:
        named = option.get("properties", {}).get(step)
        any_name = next(
            iter(option.get("patternProperties", {}).values()), option.get("additionalProperties")
        )
        child = any_name if named is None else named
    return child if isinstance(child, Mapping) else {}


def _expand(root: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A schema without references and alternatives: all shapes that it allows."""
    if "$ref" in schema:
        return _expand(root, root["$defs"][schema["$ref"].rsplit("/", 1)[1]])
    alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if alternatives:
        return [shape for option in alternatives for shape in _expand(root, option)]
    return [schema]
