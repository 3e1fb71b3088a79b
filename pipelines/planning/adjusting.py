"""The settings of a night with other limits: `capacity.sms=120`, `budgets.night=50`, `caps.two_a_week.max=3`.

A path walks through the guardrails as they are written, except that limits with a
name are found by it, and that `stock.OFFER` stands for the stock of an offer of the
catalogue. The changed settings are validated like a file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from pipelines.contracts.codes import Channel
from pipelines.contracts.settings.catalogue import OfferSettings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig

_STOCK = "stock"
_CAPACITY = "capacity"
#: Of limits that a list holds by name: the field that is meant where only the name is given.
_MEANT = {
    "caps": "max",
    "minimum_gaps": "gap",
    "exclusions": "within",
    "capacities": "max",
    "budgets": "amount",
}
#: Settings beside the limits that no plan depends on.
_BESIDE = ("approval", "maximum_change", "outcome_window_days")
#: What takes a limit away.
NO_LIMIT = "none"


class AdjustmentError(ValueError):
    """A path that leads nowhere, or a value that does not fit; the message lists what there is."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One changed setting, as text on both sides; `none` stands for no limit."""

    path: str
    before: str
    after: str


def adjust(config: NightConfig, wanted: Sequence[str]) -> tuple[NightConfig, list[Adjustment]]:
    """The config with each `path=value` put in, and what that changed.

    Raises:
        AdjustmentError: A path or value does not fit.
    """
    written = config.guardrails.model_dump(mode="json", by_alias=True)
    offers = dict(config.personalization.catalogue.offers)
    adjustments = []
    for one in wanted:
        path, value = _split(one)
        if path[0] == _STOCK:
            adjustments.append(_set_stock(offers, path, value))
        else:
            adjustments.append(_set_limit(written, path, value))
    catalogue = config.personalization.catalogue.model_copy(update={"offers": offers})
    changed = config.model_copy(
        update={
            "guardrails": _validated(written),
            "personalization": config.personalization.model_copy(update={"catalogue": catalogue}),
        }
    )
    return changed, adjustments


def _split(wanted: str) -> tuple[list[str], str | None]:
    path, sign, value = wanted.partition("=")
    if not sign or not path or not value:
        raise AdjustmentError(f"{wanted} is no PATH=VALUE, as in capacity.sms=120 or budgets.night=50")
    return path.split("."), None if value == NO_LIMIT else value


def _set_stock(offers: dict[str, OfferSettings], path: Sequence[str], value: str | None) -> Adjustment:
    name = ".".join(path[1:])
    if name not in offers:
        raise AdjustmentError(f"{'.'.join(path)}: {_listed('there is no such offer', offers)}")
    before = offers[name]
    try:
        offers[name] = OfferSettings.model_validate(before.model_dump(by_alias=True) | {"stock": value})
    except ValidationError as error:
        raise _unfit(error, ".".join(path)) from None
    return Adjustment(".".join(path), _text(before.stock), _text(value))


def _set_limit(written: dict[str, Any], path: Sequence[str], value: str | None) -> Adjustment:
    """Changes the written guardrails in place."""
    place, name = _find(written, path)
    before = place.get(name)
    if isinstance(before, dict | list):
        raise AdjustmentError(f"{'.'.join(path)}: {_listed('it takes one more name', _by_name(before))}")
    if path[0] == _CAPACITY and value is None:
        place.pop(name, None)
    else:
        place[name] = value
    return Adjustment(".".join(path), _text(before), _text(value))


def _find(written: dict[str, Any], path: Sequence[str]) -> tuple[dict[str, Any], str]:
    """The mapping and the key that a path ends at."""
    first, *rest = path
    limits = [*(set(written) - set(_BESIDE)), _STOCK]
    if first not in limits:
        raise AdjustmentError(f"{'.'.join(path)}: {_listed('there is no such limit', limits)}")
    if first == _CAPACITY and len(rest) == 1:
        channels = [channel.value for channel in Channel]
        if rest[0] not in channels:
            raise AdjustmentError(f"{'.'.join(path)}: {_listed('there is no such channel', channels)}")
        return written[first], rest[0]
    place, key = written, first
    for step in rest:
        items = _by_name(place[key])
        if step not in items:
            raise AdjustmentError(f"{'.'.join(path)}: {_listed(f'{key} has no {step}', items)}")
        place, key = items, step
    if first in _MEANT and len(rest) == 1:
        return place[key], _MEANT[first]
    return place, key


def _by_name(value: object) -> dict[str, Any]:
    """What is below a setting; nothing below text, a number or a list of them."""
    if isinstance(value, dict):
        return value
    items = value if isinstance(value, list) else []
    return {item["name"]: item for item in items if isinstance(item, dict)}


def _validated(written: Mapping[str, Any]) -> Guardrails:
    try:
        return Guardrails.model_validate(written)
    except ValidationError as error:
        raise _unfit(error, "") from None


def _unfit(error: ValidationError, path: str) -> AdjustmentError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = path or ".".join(str(step) for step in first["loc"]) or "the guardrails"
    return AdjustmentError(f"{where}: {first['msg']}")


def _listed(problem: str, known: Iterable[str]) -> str:
    names = sorted(known)
    return f"{problem}; there is {', '.join(names) or 'none'}"


def _text(value: object) -> str:
    return NO_LIMIT if value is None else str(value)
