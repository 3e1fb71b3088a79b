"""The planner's plans are proved, and a planner with a mistake in it is caught."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.codes import Channel
from pipelines.contracts.permission import Contactability
from pipelines.contracts.segmentation import Membership
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.planning import admission, contact_windows, deciding, eligibility
from resources.proof.checker import prove_plan

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
#: The night before clocks change: 10 March 2024 has 23 hours.
NIGHT = date(2024, 3, 9)
AS_OF = datetime(2024, 3, 10, 5, tzinfo=UTC)
#: Ten o'clock on that day is already summer time.
TEN = datetime(2024, 3, 10, 14, tzinfo=UTC)
TICK = timedelta(microseconds=1)
PEOPLE = range(1, 121)
SWITCHES = [KillSwitch(scope="channel", value="push", reason="provider is down")]
INSTANT = pl.Datetime("us", "UTC")
CONFIG = NightConfig(
    workspace=WORKSPACE,
    connector=ConnectorSettings(connections={}, sources={}),
    guardrails=Guardrails.model_validate(
        {
            "caps": [
                {"name": "one_a_day", "max": 1, "window": "1d"},
                {"name": "two_a_week", "max": 2, "window": "7d"},
            ],
            "minimum_gaps": [{"name": "breather", "gap": "2d", "channel": "sms"}],
            "capacity": {"sms": 6},
            "budgets": [{"name": "march", "amount": "1.35", "per": "month"}],
            "holdout": {"universal": 0.1, "programmes": {"winback": 0.1}},
            "excluded_segments": ["protected"],
            "maximum_plan_size": 25,
        }
    ),
    personalization=PersonalizationSettings.model_validate(
        {"catalogue": {"offers": {"tenth": {"name": "o", "stock": 9}}}}
    ),
    paused=frozenset({"asleep"}),
)


def hexadecimal(*parts: object) -> str:
    return hashlib.md5(repr(parts).encode(), usedforsecurity=False).hexdigest()


def candidates() -> pl.DataFrame:
    """Two actions per person at one decision point; every ninth person belongs to a paused programme."""
    rows = [
        {
            "workspace_id": "acme",
            "candidate_id": hexadecimal("c", who, number),
            "decision_id": hexadecimal("d", who),
            "customer_id": who,
            "product": "035-sequential-messaging-engine",
            "programme": "asleep" if who % 9 == 0 else "winback",
            "programme_version": 1,
            "node_id": "step_1",
            "channel": ("push" if who % 11 == 0 else "sms") if number else "email",
            "purpose": "marketing",
            "template_id": f"t{number}",
            "offer_id": "tenth" if who % 3 == 0 else None,
            "priority_class": "marketing",
            "priority": 500,
            "score": 0.1,
            "uncertainty": 0.1,
            "value_uncertainty": 0.1,
            "value": 10.0 + (who * 7 + number * 3) % 13,
            "waiting_nights": 0,
            "on_loss": "defer",
            "is_adaptive": False,
            "tags": "sale" if who % 2 else None,
            "valid_until": AS_OF + (timedelta(hours=8) if who % 6 == 0 else timedelta(days=3)),
        }
        for who in PEOPLE
        for number in (0, 1)
    ]
    schema = {name: kind for name, kind in Candidate.create_empty().schema.items() if name != "cost_amount"}
    costs = pl.Series("cost_amount", [Decimal("0.04")] * len(rows), dtype=pl.Decimal(18, 2))
    return pl.DataFrame(rows, schema=schema).with_columns(costs).select(Candidate.column_names())


def ledger() -> pl.DataFrame:
    """Messages at the very edge of the caps: some people may get one more, their neighbours may not."""
    rows = []
    for who in PEOPLE:
        if who % 4 in (1, 2):
            rows.append((who, "email", TEN - timedelta(days=1) + (who % 4 - 1) * TICK))
        elif who % 5 == 0:
            rows.append((who, "sms", TEN - timedelta(days=2) + TICK))
    return pl.DataFrame(
        {
            "workspace_id": ["acme"] * len(rows),
            "customer_id": [who for who, _, _ in rows],
            "programme": ["winback"] * len(rows),
            "tags": ["sale" if who % 2 else "" for who, _, _ in rows],
            "channel": [channel for _, channel, _ in rows],
            "purpose": ["marketing"] * len(rows),
            "offer_id": ["tenth" if who == 1 else None for who, _, _ in rows],
            "sent_from": [at for _, _, at in rows],
            "sent_until": [at for _, _, at in rows],
            "cost_minor": [1] * len(rows),
        },
        schema_overrides={"sent_from": INSTANT, "sent_until": INSTANT, "offer_id": pl.String},
    )


def frames() -> dict[str, pl.DataFrame]:
    people = pl.DataFrame({"customer_id": list(PEOPLE)}).with_columns(workspace_id=pl.lit("acme"))
    is_allowed = (pl.col("customer_id") % 7 != 0) | (pl.col("channel") == "sms")
    return {
        "candidates": candidates(),
        "contactability": people.join(pl.DataFrame({"channel": ["email", "sms", "push"]}), how="cross")
        .with_columns(purpose=pl.lit("marketing"), is_allowed=is_allowed, reason=pl.lit("granted"))
        .select(Contactability.column_names()),
        "send_times": people.with_columns(
            time_zone=pl.when(pl.col("customer_id") % 10 == 1)
            .then(pl.lit("Asia/Kolkata"))
            .otherwise(pl.lit("America/New_York")),
            local_hour=pl.when(pl.col("customer_id") % 10 == 3).then(23).otherwise(10).cast(pl.Int64),
        ),
        "memberships": people.filter(pl.col("customer_id") % 8 == 5)
        .with_columns(segment=pl.lit("protected"), entered_on=NIGHT, left_on=pl.lit(None, pl.Date))
        .select(Membership.column_names()),
        # People 1 and 2, 3 and 4 … live together.
        "households": people.select("customer_id", household_id=(pl.col("customer_id") - 1) // 2),
        "ledger": ledger(),
    }


def broken(config: NightConfig = CONFIG) -> set[str]:
    """Guardrails that tonight's plan breaks."""
    tables = frames()
    planned = deciding.plan_night(
        deciding.PlanningInputs(**{name: rows.lazy() for name, rows in tables.items()}),
        config=config,
        kill_switches=SWITCHES,
        night=NIGHT,
        as_of=AS_OF,
    )
    assert not planned.plan.is_empty()
    lines = prove_plan(
        {
            **tables,
            "plan": planned.plan,
            "decisions": planned.decisions,
            "decision_candidates": planned.decision_candidates,
            "limit_prices": planned.limit_prices,
        },
        config=config,
        kill_switches=SWITCHES,
        night=NIGHT,
        as_of=AS_OF,
    )
    return set(lines.filter(~pl.col("is_held"))["guardrail"])


def without_shared_limits() -> NightConfig:
    """Room for everyone, so that a mistake in the rules of a person shows."""
    changes = {"capacity": {}, "budgets": (), "maximum_plan_size": None}
    return CONFIG.model_copy(update={"guardrails": CONFIG.guardrails.model_copy(update=changes)})


def test_the_plan_is_proved() -> None:
    assert broken() == set()
    assert broken(without_shared_limits()) == set()


Patch = pytest.MonkeyPatch


def cap_of_one_more(patch: Patch) -> None:
    true = deciding.person_limits
    patch.setattr(
        deciding,
        "person_limits",
        lambda rules: [replace(cap, maximum=cap.maximum + 1) for cap in true(rules)],
    )


def window_a_microsecond_short(patch: Patch) -> None:
    true = deciding.person_limits
    patch.setattr(
        deciding,
        "person_limits",
        lambda rules: [replace(cap, window_us=cap.window_us - 1) for cap in true(rules)],
    )


def forgetful_caps(patch: Patch) -> None:
    patch.setattr(deciding, "past_sends", lambda *_, **__: {})


def no_quiet_hours(patch: Patch) -> None:
    patch.setattr(contact_windows, "is_quiet", lambda *_: False)


def eternal_validity(patch: Patch) -> None:
    true = contact_windows.fit_window
    patch.setattr(contact_windows, "fit_window", lambda spans, at, _: true(spans, at, at + timedelta(days=9)))


def everyone_consents(patch: Patch) -> None:
    true = deciding.judge_candidates
    patch.setattr(
        deciding,
        "judge_candidates",
        lambda rows, verdicts, *rest, **named: true(
            rows, verdicts.with_columns(is_allowed=pl.lit(True)), *rest, **named
        ),
    )


def nobody_held_out(patch: Patch) -> None:
    patch.setattr(eligibility, "held_out_by", lambda *_, **__: pl.lit(None, pl.String))


def nothing_switched_off(patch: Patch) -> None:
    patch.setattr(eligibility, "switched_off_by", lambda *_: pl.lit(None, pl.String))


def nobody_excluded(patch: Patch) -> None:
    true = eligibility._excluded_people
    patch.setattr(eligibility, "_excluded_people", lambda rows, _, night: true(rows, [], night))


def every_action_of_a_decision(patch: Patch) -> None:
    true = deciding.contenders_of
    patch.setattr(
        deciding,
        "contenders_of",
        lambda rows, **given: replace(true(rows, **given), decision=rows["candidate_id"].to_list()),
    )


def one_too_many(patch: Patch) -> None:
    true = admission._Account.__init__

    def roomier(account: admission._Account, *given: Any) -> None:
        true(account, *given)
        account.size += 1

    patch.setattr(admission._Account, "__init__", roomier)


def forgetful_sums(patch: Patch) -> None:
    true = deciding.shared_limits
    patch.setattr(
        deciding, "shared_limits", lambda *given: [replace(limit, used_before=0) for limit in true(*given)]
    )


@pytest.mark.parametrize(
    ("mistake", "config", "caught"),
    [
        (cap_of_one_more, without_shared_limits(), {"cap:one_a_day", "gap:breather"}),
        (window_a_microsecond_short, without_shared_limits(), {"cap:one_a_day", "gap:breather"}),
        (forgetful_caps, without_shared_limits(), {"cap:one_a_day", "gap:breather"}),
        (no_quiet_hours, without_shared_limits(), {"quiet_hours"}),
        (eternal_validity, without_shared_limits(), {"plan_window"}),
        (everyone_consents, without_shared_limits(), {"consent"}),
        (nobody_held_out, without_shared_limits(), {"holdout:universal", "holdout:programme:winback"}),
        (nothing_switched_off, without_shared_limits(), {"kill_switches"}),
        (nobody_excluded, without_shared_limits(), {"excluded_segment:protected"}),
        (one_too_many, CONFIG, {"capacity:sms"}),
        (forgetful_sums, CONFIG, {"budget:march"}),
    ],
)
def test_a_planner_with_a_mistake_is_caught(
    mistake: Callable[[Patch], None], config: NightConfig, caught: set[str], monkeypatch: Patch
) -> None:
    mistake(monkeypatch)
    assert broken(config) >= caught


def test_two_answers_to_one_question_stop_the_planner_itself(monkeypatch: Patch) -> None:
    config = without_shared_limits()
    free = {"caps": (), "minimum_gaps": ()}
    config = config.model_copy(update={"guardrails": config.guardrails.model_copy(update=free)})
    every_action_of_a_decision(monkeypatch)
    with pytest.raises(pl.exceptions.ComputeError, match="validation"):
        broken(config)


def test_who_did_not_consent_gets_nothing_however_much_it_is_worth() -> None:
    """Poison: the best values of all, to people without consent."""
    tables = frames()
    poisoned = {5, 12, 44, 118}
    is_theirs = pl.col("customer_id").is_in(poisoned)
    tables["contactability"] = tables["contactability"].with_columns(is_allowed=~is_theirs)
    tables["candidates"] = tables["candidates"].with_columns(
        value=pl.when(is_theirs).then(1e12).otherwise("value"),
        priority=pl.when(is_theirs).then(1000).otherwise("priority"),
    )
    for arbitration, is_adaptive in product(("priority", "value"), (False, True)):
        tables["candidates"] = tables["candidates"].with_columns(is_adaptive=pl.lit(is_adaptive))
        for config in (CONFIG, without_shared_limits()):
            rules = config.guardrails.model_copy(update={"arbitration": arbitration})
            planned = deciding.plan_night(
                deciding.PlanningInputs(**{name: rows.lazy() for name, rows in tables.items()}),
                config=config.model_copy(update={"guardrails": rules}),
                kill_switches=SWITCHES,
                night=NIGHT,
                as_of=AS_OF,
            )
            assert not planned.plan.is_empty()
            assert not set(planned.plan["customer_id"]) & poisoned
            chances = planned.decision_candidates.filter(is_theirs)
            assert (chances["probability"].sum(), chances["is_eligible"].any()) == (0.0, False)


@pytest.mark.parametrize(
    ("kept", "stock", "caught"),
    [
        ({"maximum_plan_size": 5}, None, "maximum_plan_size"),
        ({"budgets": CONFIG.guardrails.budgets}, None, "budget:march"),
        ({"capacity": {Channel.SMS: 1}}, None, "capacity:sms"),
        ({}, 2, "stock:tenth"),
    ],
)
def test_each_shared_limit_that_lets_one_too_many_in_is_caught(
    kept: dict[str, Any], stock: int | None, caught: str, monkeypatch: Patch
) -> None:
    config = without_shared_limits()
    offers = {"catalogue": {"offers": {"tenth": {"name": "o", "stock": stock}}}}
    config = config.model_copy(
        update={
            "guardrails": config.guardrails.model_copy(update=kept),
            "personalization": PersonalizationSettings.model_validate(offers),
        }
    )
    assert broken(config) == set()
    one_too_many(monkeypatch)
    assert broken(config) == {caught}
