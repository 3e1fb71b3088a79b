"""What a value without quotes is: the core schema of YAML 1.2, less what readers of YAML disagree on."""

import math
import re

from resources.control.workspace.yaml_nodes import Plain

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"^[-+]?[0-9]+$")
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_OTHER_BASE = re.compile(r"^(0o[0-7]+|0x[0-9a-fA-F]+)$")
_NOT_A_NUMBER = re.compile(r"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$")
_LEADING_ZERO = re.compile(r"^-?0[0-9]")
_PLUS = re.compile(r"^\+[0-9.]+$")
#: Longer than any 64-bit integer; JSON and the database could not carry more.
_LONGEST_INTEGER = 20


class AmbiguousScalarError(Exception):
    """A value that YAML 1.1 and 1.2, or YAML and JSON, read in different ways."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def read_plain(text: str) -> Plain:
    """The value behind a scalar without quotes."""
    if text in _NULLS:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    _refuse_ambiguous(text)
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return _finite(float(text))
    return text


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise AmbiguousScalarError("is larger than any number", "write a finite number, or quotes for text")
    return number


def _refuse_ambiguous(text: str) -> None:
    if _OTHER_BASE.match(text):
        raise AmbiguousScalarError(
            "is a number in another base, or text", "write the number in decimal digits, or quotes for text"
        )
    if _NOT_A_NUMBER.match(text):
        raise AmbiguousScalarError("is not a finite number", "write a finite number, or quotes for text")
    if _PLUS.match(text):
        raise AmbiguousScalarError(
            "is a number, or a phone number", "leave out the plus sign, or write quotes for text"
        )
    if _INTEGER.match(text) and _LEADING_ZERO.match(text):
        raise AmbiguousScalarError(
            "is a number with a leading zero: decimal, octal or text, depending on who reads it",
            "write the number without the zero, or quotes for text",
        )
    if _INTEGER.match(text) and len(text) > _LONGEST_INTEGER:
        raise AmbiguousScalarError("is too large for a whole number", "write quotes if it is text")
