"""Every configured guardrail as a query with its parameters."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.switches import KillSwitch

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One line of the proof.

    Attributes:
        query: Name of the SQL file; its one row holds `checked_count`, `violation_count`, `worst_observed`.
    """

    name: str
    query: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    limit: float | None = None


def _salt(name: str) -> int:
    """BLAKE2b-64 of the name, framed by its length: how holdouts are published to be drawn."""
    content = name.encode()
    framed = len(content).to_bytes(4, "big") + content
    return int.from_bytes(hashlib.blake2b(framed, digest_size=8).digest(), "big")


def _structure(
    config: NightConfig, kill_switches: Sequence[KillSwitch], night: date, as_of: datetime
) -> Iterator[Guardrail]:
    values: dict[str, list[str]] = {"channel": [], "product": [], "campaign": sorted(config.paused)}
    for switch in kill_switches:
        if switch.value is not None:
            values[switch.scope].append(switch.value)
    yield Guardrail("candidate_matches", "candidate_matches")
    yield Guardrail("decision_matches", "decision_matches")
    yield Guardrail("one_action_per_decision", "one_action", limit=1.0)
    yield Guardrail("consent", "consent")
    yield Guardrail(
        "kill_switches",
        "kill_switch",
        {
            "is_all": any(switch.scope == "all" for switch in kill_switches),
            "channels": values["channel"],
            "products": values["product"],
            "programmes": values["campaign"],
        },
    )
    bounds = {"night": night, "time_zone": config.workspace.time_zone}
    yield Guardrail("night_end", "night_end", {**bounds, "as_of": as_of})
    yield Guardrail("plan_window", "plan_window", bounds)


def _people(guardrails: Guardrails, workspace: str, night: date) -> Iterator[Guardrail]:
    holdout = guardrails.holdout
    yield Guardrail(
        "holdout:universal",
        "holdout",
        {
            "salt": _salt(f"universal holdout of {workspace}"),
            "buckets": round(holdout.universal * 10_000),
            "programme": None,
        },
    )
    for programme, share in sorted(holdout.programmes.items()):
        yield Guardrail(
            f"holdout:programme:{programme}",
            "holdout",
            {
                "salt": _salt(f"holdout of {programme} in {workspace}"),
                "buckets": round(share * 10_000),
                "programme": programme,
            },
        )
    for segment in sorted(set(guardrails.excluded_segments)):
        yield Guardrail(
            f"excluded_segment:{segment}", "excluded_segment", {"segment": segment, "night": night}
        )
    if guardrails.quiet_hours is not None:
        quiet = guardrails.quiet_hours
        yield Guardrail("quiet_hours", "quiet_hours", {"quiet_start": quiet.start, "quiet_end": quiet.end})


def _frequency(guardrails: Guardrails) -> Iterator[Guardrail]:
    for cap in guardrails.caps:
        yield Guardrail(
            f"cap:{cap.name}",
            "person_limit",
            {
                "window_us": cap.window // _MICROSECOND,
                "maximum": cap.max,
                "channel": cap.channel and cap.channel.value,
                "purpose": cap.purpose,
            },
            limit=float(cap.max),
        )
    for gap in guardrails.minimum_gaps:
        yield Guardrail(
            f"gap:{gap.name}",
            "person_limit",
            {
                "window_us": gap.gap // _MICROSECOND,
                "maximum": 1,
                "channel": gap.channel and gap.channel.value,
                "purpose": None,
            },
            limit=1.0,
        )


def _sums(config: NightConfig, night: date) -> Iterator[Guardrail]:
    guardrails = config.guardrails
    for channel, size in sorted(guardrails.capacity.items()):
        parameters = {"channel": channel.value, "maximum": size}
        yield Guardrail(f"capacity:{channel.value}", "shared_count", parameters, limit=float(size))
    if guardrails.maximum_plan_size is not None:
        size = guardrails.maximum_plan_size
        yield Guardrail(
            "maximum_plan_size", "shared_count", {"channel": None, "maximum": size}, limit=float(size)
        )
    for offer, terms in sorted(config.personalization.catalogue.offers.items()):
        if terms.stock is not None:
            parameters = {"offer": offer, "maximum": terms.stock}
            yield Guardrail(f"stock:{offer}", "stock", parameters, limit=float(terms.stock))
    for budget in guardrails.budgets:
        yield Guardrail(
            f"budget:{budget.name}",
            "budget",
            {
                "maximum_minor": int(budget.amount * 100),
                "channel": budget.channel and budget.channel.value,
                "is_monthly": budget.per == "month",
                "night": night,
                "time_zone": config.workspace.time_zone,
            },
            limit=float(budget.amount),
        )


def guardrails_to_prove(
    config: NightConfig, kill_switches: Sequence[KillSwitch], night: date, as_of: datetime
) -> list[Guardrail]:
    """What a plan must keep, configured or not: names are unique."""
    return [
        *_structure(config, kill_switches, night, as_of),
        *_people(config.guardrails, config.workspace.workspace, night),
        *_frequency(config.guardrails),
        *_sums(config, night),
    ]
