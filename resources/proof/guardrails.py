"""Every configured guardrail as a query with its parameters."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.limits import Cap, Filter, MinimumGap, Span
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.switches import KillSwitch

_MICROSECOND = timedelta(microseconds=1)
#: Estimates are published with nine decimals.
_TOLERANCE = 1e-9


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
    yield Guardrail("forced_out", "forced_out")
    yield Guardrail("forced_action", "forced_action")
    tolerance = {"tolerance": _TOLERANCE}
    exploration = config.guardrails.exploration
    yield Guardrail("exploration_floor", "exploration_floor", {**tolerance, "exploration": exploration})
    yield Guardrail("probability_sum", "probability_sum", tolerance, limit=1.0)
    yield Guardrail("propensity_matches", "propensity_matches", tolerance)
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


#: What DuckDB calls the calendar periods; its weeks start on Monday too.
_PERIODS = {Span.CALENDAR_DAY: "day", Span.CALENDAR_WEEK: "week", Span.CALENDAR_MONTH: "month"}


def _person_limit(
    kind: str, limit: Cap | MinimumGap, *, window: timedelta | Span, maximum: int, time_zone: str
) -> Guardrail:
    return Guardrail(
        f"{kind}:{limit.name}",
        "person_limit",
        {
            **_window(window),
            "maximum": maximum,
            "is_household": limit.per == "household",
            "is_office": isinstance(limit, Cap) and limit.zone == "workspace",
            "time_zone": time_zone,
            **_named(limit),
        },
        limit=float(maximum),
    )


def _window(window: timedelta | Span) -> dict[str, object]:
    if isinstance(window, timedelta):
        return {"span": "rolling", "period": "day", "window_us": window // _MICROSECOND}
    span = "lifetime" if window is Span.LIFETIME else "calendar"
    return {"span": span, "period": _PERIODS.get(window, "day"), "window_us": 0}


def _named(limit: Filter) -> dict[str, str | None]:
    return {"channel": limit.channel and limit.channel.value, "purpose": limit.purpose, "tag": limit.tag}


def _frequency(guardrails: Guardrails, time_zone: str) -> Iterator[Guardrail]:
    for cap in guardrails.caps:
        yield _person_limit("cap", cap, window=cap.window, maximum=cap.max, time_zone=time_zone)
    for gap in guardrails.minimum_gaps:
        yield _person_limit("gap", gap, window=gap.gap, maximum=1, time_zone=time_zone)
    for exclusion in guardrails.exclusions:
        yield Guardrail(
            f"exclusion:{exclusion.name}",
            "exclusion",
            {
                "one_programmes": list(exclusion.one.programmes),
                "one_tags": list(exclusion.one.tags),
                "other_programmes": list(exclusion.other.programmes),
                "other_tags": list(exclusion.other.tags),
                "within_us": exclusion.within // _MICROSECOND,
                "is_household": exclusion.per == "household",
            },
        )


def _capacities(guardrails: Guardrails) -> Iterator[Guardrail]:
    nothing: dict[str, str | None] = dict.fromkeys(("channel", "purpose", "tag", "programme"))
    named: list[tuple[str, int, dict[str, str | None]]] = [
        (f"capacity:{channel.value}", size, {"channel": channel.value})
        for channel, size in sorted(guardrails.capacity.items())
    ]
    named += [
        (f"capacity:{one.name}", one.max, {**_named(one), "programme": one.programme})
        for one in guardrails.capacities
    ]
    if guardrails.maximum_plan_size is not None:
        named.append(("maximum_plan_size", guardrails.maximum_plan_size, {}))
    for name, size, wanted in named:
        yield Guardrail(name, "shared_count", {**nothing, **wanted, "maximum": size}, limit=float(size))


def _waves(config: NightConfig, night: date) -> Iterator[Guardrail]:
    for name, campaign in sorted(config.personalization.campaigns.items()):
        if campaign.waves is not None:
            stop = campaign.waves.stop_above
            yield Guardrail(
                f"waves:{name}",
                "waves",
                {
                    "salt": _salt(f"wave of {name} in {config.workspace.workspace}"),
                    "programme": name,
                    "bounds": [round(share * 10_000) for share in campaign.waves.shares[:-1]],
                    "starts_on": campaign.waves.starts_on,
                    "nights_per_wave": campaign.waves.nights_per_wave,
                    "rate": None if stop is None else stop.unsubscribe_rate,
                    "night": night,
                    "time_zone": config.workspace.time_zone,
                },
            )


def _minimums(guardrails: Guardrails, night: date) -> Iterator[Guardrail]:
    for minimum in guardrails.minimums:
        share = Fraction(str(minimum.share or 0))
        yield Guardrail(
            f"minimum:{minimum.name}",
            "minimum",
            {
                "name": f"minimum:{minimum.name}",
                "segment": minimum.segment,
                "programme": minimum.programme,
                "count": minimum.count,
                "share_part": share.numerator,
                "share_whole": share.denominator,
                "night": night,
            },
        )


def _sums(config: NightConfig, night: date) -> Iterator[Guardrail]:
    guardrails = config.guardrails
    yield from _capacities(guardrails)
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
                "programme": budget.programme,
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
        *_frequency(config.guardrails, config.workspace.time_zone),
        *_sums(config, night),
        *_minimums(config.guardrails, night),
        *_waves(config, night),
    ]
