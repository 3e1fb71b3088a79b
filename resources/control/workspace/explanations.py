"""Plain words for what pydantic finds: what is wrong, and what to write instead."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from resources.control.workspace.problems import suggestion
from resources.control.workspace.yaml_nodes import YamlMapping, YamlNode, YamlScalar, YamlSequence

#: Patterns of the contracts → what to write.
_PATTERNS = {
    "^[a-z][a-z0-9_]{0,62}$": (
        "is not a name",
        "write lower-case letters, digits and underscores, starting with a letter (at most 63)",
    ),
    "^[A-Z]{3}$": ("is not a currency", "write three capital letters, for example USD"),
    "^(s3://|env:)": ("is not a folder on S3", "write s3://bucket/folder, or env:NAME"),
}
#: Rules of the contracts between several keys → what to do.
_REMEDIES = {
    "lookback needs a cursor": "add `cursor:`, or delete `lookback`",
    "partition and reconcile need a cursor": "add `cursor:`, or delete these lines",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What pydantic found, in the terms of the file.

    Attributes:
        found: The kind of value that stands there, in words.
        shown: The value as written in backticks; empty when it may not be shown.
        node: What stands there.
    """

    context: Mapping[str, Any]
    found: str
    shown: str
    node: YamlNode | None


def describe(node: YamlNode | None) -> str:
    """The kind of value at a node, in words."""
    if isinstance(node, YamlMapping):
        return "a mapping"
    if isinstance(node, YamlSequence):
        return "a list"
    value = node.value if isinstance(node, YamlScalar) else None
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"


def explain(
    error: str, *, context: Mapping[str, Any], node: YamlNode | None, shown: str | None
) -> Explanation:
    """Words for one error type of pydantic; an unknown type keeps pydantic's own sentence."""
    finding = Finding(context, describe(node), f"`{shown}` " if shown else "", node)
    explanation = _EXPLANATIONS.get(error)
    if explanation is not None:
        return explanation(finding)
    return Explanation(f"{finding.shown}does not fit: {context['message']}", "correct the value")


def explain_choice(node: YamlNode | None) -> Explanation:
    """For a value that may be text, a number, or true or false."""
    return Explanation(
        f"expected text, a number, or true or false, found {describe(node)}", "write a single value"
    )


def _expected(wanted: str, remedies: Mapping[str, str]) -> Callable[[Finding], Explanation]:
    def words(finding: Finding) -> Explanation:
        remedy = remedies.get(finding.found, f"write {wanted}, or leave the line out if it is optional")
        return Explanation(f"expected {wanted}, found {finding.found}", remedy)

    return words


def _bound(words: str, key: str) -> Callable[[Finding], Explanation]:
    def explained(finding: Finding) -> Explanation:
        return Explanation(
            f"{finding.shown}is out of range", f"write a value that is {words} {finding.context[key]}"
        )

    return explained


def _choice(finding: Finding) -> Explanation:
    options = re.findall(r"'([^']*)'", str(finding.context["expected"])) or [str(finding.context["expected"])]
    return Explanation(f"{finding.shown}is not allowed here", suggestion(finding.shown.strip("` "), options))


def _no_kind(finding: Finding) -> Explanation:
    """A mapping that has to say which of several kinds it is; what it says instead is never shown."""
    key = str(finding.context["discriminator"]).strip("'")
    options = re.findall(r"'([^']*)'", str(finding.context.get("expected_tags", "")))
    if not options:
        return Explanation(f"`{key}` is missing", f"add `{key}:` and say which one it is")
    return Explanation(f"unknown {key}", suggestion(str(finding.context["tag"]), options))


def _pattern(finding: Finding) -> Explanation:
    pattern = str(finding.context["pattern"])
    what, remedy = _PATTERNS.get(pattern, ("does not fit", f"write it like {pattern}"))
    return Explanation(f"{finding.shown}{what}", remedy)


def _own_words(finding: Finding) -> Explanation:
    """Messages of the contracts: some say what is wrong, some what to write, some both after a semicolon."""
    message = str(finding.context.get("error") or finding.context["message"])
    if message.startswith("write "):
        return Explanation(f"{finding.shown}cannot be read" if finding.shown else "cannot be read", message)
    if message.startswith("give "):
        present = " and ".join(f"`{key}`" for key in named_keys(message, finding.node))
        return Explanation(f"{present} exclude each other" if present else "a setting is missing", message)
    known = next((remedy for start, remedy in _REMEDIES.items() if message.startswith(start)), None)
    what, separator, remedy = message.partition("; ")
    return Explanation(what, known or (remedy if separator else "change it so that this holds"))


def named_keys(message: str, node: YamlNode | None) -> list[str]:
    """Keys of a mapping that a message names before its colon, in its order."""
    written = node.entries if isinstance(node, YamlMapping) else {}
    words = re.findall(r"[a-z_]+", message.partition(":")[0])
    return [word for word in words if word in written]


def _date(finding: Finding) -> Explanation:
    return Explanation(f"{finding.shown}is not a date", "write a date as YYYY-MM-DD")


def _too_short(finding: Finding) -> Explanation:
    return Explanation("has too few entries", f"write at least {finding.context['min_length']}")


def _text_too_short(finding: Finding) -> Explanation:
    return Explanation(
        f"{finding.shown}is too short", f"write at least {finding.context['min_length']} characters"
    )


def _rule(finding: Finding) -> Explanation:
    return Explanation(
        f"expected a rule, found {finding.found}", "write one of all, any, not, segment, trait or event"
    )


_TEXT = _expected("text", {"a number": "put it in quotes", "true or false": "put it in quotes"})
_NUMBER = _expected("a number", {"text": "write a number without quotes and without a unit"})
_WHOLE = _expected(
    "a whole number", {"text": "write it without quotes", "a number": "write it without a decimal point"}
)
_TRUTH = _expected("true or false", {"text": "write true or false; yes, no, on and off are text in YAML 1.2"})
_LIST = _expected("a list", {"text": "write [value], or each entry on its own line after a dash"})
_MAPPING = _expected("a mapping", {"a list": "write `key: value` lines without dashes"})

_EXPLANATIONS: Mapping[str, Callable[[Finding], Explanation]] = {
    "string_type": _TEXT,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "bool_type": _TRUTH,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "enum": _choice,
    "literal_error": _choice,
    "string_pattern_mismatch": _pattern,
    "value_error": _own_words,
    "date_type": _date,
    "date_parsing": _date,
    "date_from_datetime_parsing": _date,
    "date_from_datetime_inexact": _date,
    "greater_than": _bound("greater than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than": _bound("less than", "lt"),
    "less_than_equal": _bound("at most", "le"),
    "too_short": _too_short,
    "string_too_short": _text_too_short,
    "unknown_rule": _rule,
    "union_tag_invalid": _no_kind,
    "union_tag_not_found": _no_kind,
}
