"""A planner with one mistake in a limit: the proof names the limit."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.settings.limits import Span
from pipelines.planning import admission, deciding, limits, places, recipients
from pipelines.planning.limits import ExclusionLimit, MessageKind, PersonLimit
from pipelines.planning.places import Send
from pipelines.planning.publishing import NightPlan
from tests.resources.proof.worlds import World, draw_world

NIGHT = date(2024, 3, 9)
Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(NIGHT, 120, seed=1)


def cap(window: str, maximum: int = 1, **scope: Any) -> dict[str, Any]:
    return {"caps": [{"name": "cap", "max": maximum, "window": window, **scope}]}


def apart(**scope: Any) -> dict[str, Any]:
    sides = {"one": {"programmes": ["winback"]}, "other": {"tags": ["new"]}}
    return {"exclusions": [{"name": "apart", "within": "36h", **sides, **scope}]}


def unknown_counts_for_nothing(patch: Patch) -> None:
    patch.setattr(limits, "_has_tag", lambda kind, tag: tag is None or tag in (kind.tags or "").split(","))
    patch.setattr(limits, "_has_purpose", lambda kind, purpose: purpose in (None, kind.purpose))


def tags_by_their_beginning(patch: Patch) -> None:
    patch.setattr(limits, "_tag_set", lambda tags: frozenset(tags.split(",")[:1]))


def days_of_greenwich(patch: Patch) -> None:
    true = recipients._days_in
    patch.setattr(recipients, "_days_in", lambda _, *instants: true("UTC", *instants))


def only_the_first_day(patch: Patch) -> None:
    true = places._periods
    patch.setattr(places, "_periods", lambda send, limit: true(send, limit)[:1])


def weeks_from_sunday(patch: Patch) -> None:
    true = places._periods

    def shifted(send: Send, limit: PersonLimit) -> range:
        first, last, *office = send.days
        return true(send._replace(days=(first + 1, last + 1, *office)), limit)

    patch.setattr(places, "_periods", shifted)


def a_lifetime_of_a_day(patch: Patch) -> None:
    patch.setitem(limits._REACH, Span.LIFETIME, timedelta(days=1))


def everyone_lives_alone(patch: Patch) -> None:
    patch.setattr(deciding, "shared_households", lambda _: {})


def strangers_to_the_past_of_the_home(patch: Patch) -> None:
    patch.setattr(recipients, "_concerned", lambda people, _: people)


def the_home_forgets_tonight(patch: Patch) -> None:
    true = admission.Book.admit

    def forgetful(book: admission.Book, person: int, *given: Any) -> None:
        homes, book._households = book._households, {}
        true(book, person, *given)
        book._households = homes

    patch.setattr(admission.Book, "admit", forgetful)


def only_one_direction(patch: Patch) -> None:
    true = deciding.person_limits
    patch.setattr(deciding, "person_limits", lambda rules: true(rules)[:1])


def only_the_past_excludes(patch: Patch) -> None:
    true = places.places_taken

    def blind(sends: Sequence[Send], limit: PersonLimit, wanted: Send) -> list[Send] | None:
        is_exclusion = isinstance(limit, ExclusionLimit)
        past = [send for send in sends if send.candidate < 0]
        return true(past if is_exclusion else sends, limit, wanted)

    patch.setattr(admission, "places_taken", blind)


def programmes_are_forgotten(patch: Patch) -> None:
    true = limits._is_on
    patch.setattr(
        limits, "_is_on", lambda side, kind: true(side, MessageKind(kind.channel, kind.purpose, kind.tags))
    )


def a_gap_a_microsecond_short(patch: Patch) -> None:
    true = deciding.person_limits
    patch.setattr(
        deciding,
        "person_limits",
        lambda rules: [replace(limit, window_us=limit.window_us - 1) for limit in true(rules)],
    )


def one_too_many(patch: Patch) -> None:
    true = admission._Account.__init__

    def roomier(account: admission._Account, *given: Any) -> None:
        true(account, *given)
        account.size += 1

    patch.setattr(admission._Account, "__init__", roomier)


def programmes_cost_nothing(patch: Patch) -> None:
    true = deciding.shared_limits
    patch.setattr(
        deciding,
        "shared_limits",
        lambda *given: [replace(limit, programme="nobody's") for limit in true(*given)],
    )


def nothing_given_up(patch: Patch) -> None:
    true = deciding.publish_plan

    def embellished(*given: Any, **named: Any) -> NightPlan:
        planned = true(*given, **named)
        told = planned.limit_prices.with_columns(relaxation=pl.lit(0.0), used_value=pl.col("limit_value"))
        return replace(planned, limit_prices=told)

    patch.setattr(deciding, "publish_plan", embellished)


MISTAKES: list[tuple[Callable[[Patch], None], dict[str, Any], str]] = [
    (unknown_counts_for_nothing, cap("7d", tag="sale"), "cap:cap"),
    (unknown_counts_for_nothing, cap("7d", purpose="news"), "cap:cap"),
    (tags_by_their_beginning, cap("7d", tag="sale"), "cap:cap"),
    (tags_by_their_beginning, {"minimum_gaps": [{"name": "gap", "gap": "7d", "tag": "sale"}]}, "gap:gap"),
    (days_of_greenwich, cap("calendar_day"), "cap:cap"),
    (days_of_greenwich, cap("calendar_day", zone="workspace"), "cap:cap"),
    (days_of_greenwich, cap("calendar_month", 2), "cap:cap"),
    (only_the_first_day, cap("calendar_day"), "cap:cap"),
    (weeks_from_sunday, cap("calendar_week"), "cap:cap"),
    (a_lifetime_of_a_day, cap("lifetime"), "cap:cap"),
    (everyone_lives_alone, cap("24h", per="household"), "cap:cap"),
    (everyone_lives_alone, apart(per="household"), "exclusion:apart"),
    (strangers_to_the_past_of_the_home, cap("24h", per="household"), "cap:cap"),
    (the_home_forgets_tonight, cap("24h", per="household"), "cap:cap"),
    (only_one_direction, apart(), "exclusion:apart"),
    (only_the_past_excludes, apart(), "exclusion:apart"),
    (programmes_are_forgotten, apart(), "exclusion:apart"),
    (a_gap_a_microsecond_short, apart(), "exclusion:apart"),
    (a_gap_a_microsecond_short, {"minimum_gaps": [{"name": "gap", "gap": "36h"}]}, "gap:gap"),
    (one_too_many, {"capacities": [{"name": "few", "max": 5, "programme": "outlet"}]}, "capacity:few"),
    (one_too_many, {"capacities": [{"name": "few", "max": 5, "tag": "sale"}]}, "capacity:few"),
    (one_too_many, {"capacities": [{"name": "few", "max": 5, "purpose": "news"}]}, "capacity:few"),
    (
        programmes_cost_nothing,
        {"budgets": [{"name": "b", "amount": "0.20", "per": "night", "programme": "outlet"}]},
        "budget:b",
    ),
    (
        nothing_given_up,
        {"minimums": [{"name": "all", "programme": "outlet", "share": 1.0}], "maximum_plan_size": 9},
        "minimum:all",
    ),
]


@pytest.mark.parametrize(("mistake", "guardrails", "caught"), MISTAKES)
def test_a_limit_that_is_kept_wrongly_is_named(
    mistake: Callable[[Patch], None],
    guardrails: dict[str, Any],
    caught: str,
    world: World,
    monkeypatch: Patch,
) -> None:
    assert not any(world.proof(world.plan(guardrails), guardrails).values())
    mistake(monkeypatch)
    proved = world.proof(world.plan(guardrails), guardrails)
    assert {name for name, count in proved.items() if count} == {caught}
