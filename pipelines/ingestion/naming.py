"""How alike two names are, whatever the style: snake, camel, upper case, glued together, German, plural."""

import re
import unicodedata
from difflib import SequenceMatcher
from functools import cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[a-z]+|[0-9]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
#: Layers and tools put these around names; they mean nothing.
_NOISE = frozenset({"dim", "fct", "fact", "stg", "raw", "src", "tbl", "vw", "c", "fivetran", "hk"})
#: Different order, or a prefix that repeats the table: the same name, almost.
_REORDERED = 0.95
_PREFIXED = 0.92
#: One more word in front narrows the meaning: `billing_email` is an e-mail address, but which?
_NARROWED = 0.65
#: Less alike than this is another name.
_LEAST_RATIO = 0.82
_SHARED_WEIGHT = 0.75
_SPELLING_WEIGHT = 0.85
_PLURAL_LENGTH = 2


@cache
def words(name: str) -> tuple[str, ...]:
    """`OrderIDs__c`, `order_ids` and `ORDER IDS` are all `order id`."""
    parts = _CAMEL.sub(" ", name).lower().translate(_UMLAUTS)
    plain = unicodedata.normalize("NFKD", parts).encode("ascii", "ignore").decode()
    found = [_singular(word) for word in _WORD.findall(plain)]
    return tuple(word for word in found if word not in _NOISE) or tuple(found)


def _singular(word: str) -> str:
    if len(word) <= _PLURAL_LENGTH or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word.removesuffix("es") if word.endswith(("sses", "xes", "ches")) else word.removesuffix("s")


@cache
def likeness(name: str, known: str, *, context: frozenset[str] = frozenset()) -> float:
    """From 0 (nothing in common) to 1 (the same name).

    Args:
        name: As found in a warehouse.
        known: A name with a known meaning.
        context: Words of the table: `order_status` in `orders` is its `status`.
    """
    found, wanted = words(name), words(known)
    if "".join(found) == "".join(wanted):
        return 1.0
    if sorted(found) == sorted(wanted):
        return _REORDERED
    own = [word for word in found if word not in context]
    if own and "".join(own) == "".join(word for word in wanted if word not in context):
        return _PREFIXED
    if found[1:] == wanted:
        return _NARROWED
    return max(_shared(set(found), set(wanted)), _spelling("".join(found), "".join(wanted)))


def _shared(found: set[str], wanted: set[str]) -> float:
    """Share of words in common; a single common word out of many says little."""
    return _SHARED_WEIGHT * len(found & wanted) / len(found | wanted)


def _spelling(found: str, wanted: str) -> float:
    # What no spelling can reach is not compared: thousands of names are.
    if 2 * min(len(found), len(wanted)) < _LEAST_RATIO * (len(found) + len(wanted)):
        return 0.0
    matcher = SequenceMatcher(None, found, wanted, autojunk=False)
    if matcher.quick_ratio() < _LEAST_RATIO:
        return 0.0
    ratio = matcher.ratio()
    return _SPELLING_WEIGHT * ratio if ratio >= _LEAST_RATIO else 0.0
