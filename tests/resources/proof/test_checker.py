"""The proof catches every kind of violation, one by one, and agrees with row-wise Python on random plans."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.contracts.planning import (
    ProofLine,
)
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.expressions.holdout import is_held_out, is_universal_holdout
from resources.proof.checker import FRAMES, ProofFailedError, prove_plan, require_proof
from tests.resources.proof.cases import AS_OF, LIMITS, NIGHT, TEN, TICK, Case, message, past


def test_a_good_plan_is_proved_with_one_line_per_guardrail() -> None:
    lines = Case().lines()
    assert lines["is_held"].all()
    assert lines["guardrail"].to_list() == [
        "budget:march",
        "budget:tonight",
        "candidate_matches",
        "cap:one_a_day",
        "capacity:email",
        "consent",
        "decision_matches",
        "excluded_segment:protected",
        "exploration_floor",
        "forced_action",
        "forced_out",
        "gap:breather",
        "holdout:programme:winback",
        "holdout:universal",
        "kill_switches",
        "maximum_plan_size",
        "night_end",
        "one_action_per_decision",
        "plan_window",
        "probability_sum",
        "propensity_matches",
        "quiet_hours",
        "stock:tenth",
    ]
    require_proof(lines)


def break_consent(case: Case) -> None:
    case.allowed[1, "marketing", "email"] = False


def lose_consent(case: Case) -> None:
    del case.allowed[1, "marketing", "email"]


def exceed_cap(case: Case) -> None:
    case.ledger = [past(1, TEN + timedelta(hours=4) - timedelta(days=1))]


def fall_short_of_gap(case: Case) -> None:
    case.ledger = [past(3, TEN - timedelta(days=2) + TICK, channel="sms")]


def exceed_capacity(case: Case) -> None:
    case.limits = {**LIMITS, "capacity": {"email": 1}}


def exceed_plan_size(case: Case) -> None:
    case.limits = {**LIMITS, "maximum_plan_size": 2}


def exceed_stock(case: Case) -> None:
    case.ledger = [past(9, TEN - timedelta(days=99), offer_id="tenth")]


def exceed_budget_by_a_cent(case: Case) -> None:
    case.limits = {**LIMITS, "budgets": [{"name": "tonight", "amount": "0.14", "per": "night"}]}


def exceed_month_by_a_cent(case: Case) -> None:
    # 1 March, midnight in New York, to the microsecond; 9.86 + 3 × 0.05 = 10.01.
    case.ledger = [past(9, datetime(2024, 3, 1, 5, tzinfo=UTC), cost_minor=986)]


def end_a_minute_into_quiet_hours(case: Case) -> None:
    case.plan[0] |= {
        "not_before": AS_OF + timedelta(hours=19),
        "not_after": AS_OF + timedelta(hours=21, minutes=0),
    }


def start_a_minute_before_quiet_hours_end(case: Case) -> None:
    case.plan[0] |= {"not_before": AS_OF + timedelta(hours=7, minutes=59)}


def forget_the_zone(case: Case) -> None:
    del case.send_times[1]


def hold_out_everyone(case: Case) -> None:
    case.limits = {**LIMITS, "holdout": {"universal": 1.0}}


def hold_out_the_programme(case: Case) -> None:
    case.limits = {**LIMITS, "holdout": {"universal": 0.0, "programmes": {"winback": 1.0}}}


def exclude_a_member(case: Case) -> None:
    case.members = [{"customer_id": 1, "segment": "protected", "entered_on": NIGHT}]


def double_a_decision(case: Case) -> None:
    case.candidates.append(
        message(
            4,
            decision_id=case.plan[2]["decision_id"],
            cost_amount=Decimal("0.00"),
            offer_id=None,
            channel="sms",
        )
    )
    case.plan[2:] = [case.plan[2], dict(case.candidates[3])]
    case.allowed[4, "marketing", "sms"] = True
    case.send_times[4] = "America/New_York"
    case.limits = {**LIMITS, "maximum_plan_size": 9}


def repeat_a_send_id(case: Case) -> None:
    case.plan[1]["send_id"] = case.plan[0]["send_id"]


def invent_a_message(case: Case) -> None:
    case.candidates = case.candidates[1:]


def change_the_price(case: Case) -> None:
    case.plan[0]["cost_amount"] = Decimal("0.04")


def plan_without_decision(case: Case) -> None:
    case.decisions = case.decisions[1:]


def drop_a_planned_message(case: Case) -> None:
    case.plan = case.plan[1:]


def start_before_the_night_ends(case: Case) -> None:
    case.limits = {**LIMITS, "quiet_hours": None}
    case.plan[0] |= {"not_before": AS_OF - TICK, "not_after": AS_OF}


def end_with_the_next_night(case: Case) -> None:
    case.limits = {**LIMITS, "quiet_hours": None}
    case.plan[0] |= {"not_after": AS_OF + timedelta(days=1)}


def outlive_the_validity(case: Case) -> None:
    case.candidates[0]["valid_until"] = case.plan[0]["not_after"] - TICK


def turn_a_window_around(case: Case) -> None:
    case.plan[0]["not_after"] = case.plan[0]["not_before"] - TICK


def switch_everything_off(case: Case) -> None:
    case.switches = [KillSwitch(scope="all", reason="r")]


def switch_a_channel_off(case: Case) -> None:
    case.switches = [KillSwitch(scope="channel", value="sms", reason="r")]


def switch_a_product_off(case: Case) -> None:
    case.switches = [KillSwitch(scope="product", value="035-sequential-messaging-engine", reason="r")]


def switch_a_programme_off(case: Case) -> None:
    case.switches = [KillSwitch(scope="campaign", value="winback", reason="r")]


def pause_the_programme(case: Case) -> None:
    case.paused = frozenset({"winback"})


def mistake_the_night(case: Case) -> None:
    case.as_of = AS_OF + TICK


@pytest.mark.parametrize(
    ("breach", "broken"),
    [
        (break_consent, {"consent": 1}),
        (lose_consent, {"consent": 1}),
        (exceed_cap, {"cap:one_a_day": 1}),
        (fall_short_of_gap, {"gap:breather": 1, "cap:one_a_day": 0}),
        (exceed_capacity, {"capacity:email": 1}),
        (exceed_plan_size, {"maximum_plan_size": 1}),
        (exceed_stock, {"stock:tenth": 1}),
        (exceed_budget_by_a_cent, {"budget:tonight": 1}),
        (exceed_month_by_a_cent, {"budget:march": 1}),
        (end_a_minute_into_quiet_hours, {"quiet_hours": 1}),
        (start_a_minute_before_quiet_hours_end, {"quiet_hours": 1}),
        (forget_the_zone, {"quiet_hours": 1}),
        (hold_out_everyone, {"holdout:universal": 3}),
        (hold_out_the_programme, {"holdout:programme:winback": 3}),
        (exclude_a_member, {"excluded_segment:protected": 1}),
        (double_a_decision, {"one_action_per_decision": 2, "decision_matches": 1}),
        (repeat_a_send_id, {"one_action_per_decision": 2}),
        (invent_a_message, {"candidate_matches": 1, "plan_window": 1}),
        (change_the_price, {"candidate_matches": 1}),
        (plan_without_decision, {"decision_matches": 1}),
        (drop_a_planned_message, {"decision_matches": 1}),
        (start_before_the_night_ends, {"plan_window": 1}),
        (end_with_the_next_night, {"plan_window": 1}),
        (outlive_the_validity, {"plan_window": 1}),
        (turn_a_window_around, {"plan_window": 1}),
        (switch_everything_off, {"kill_switches": 3}),
        (switch_a_channel_off, {"kill_switches": 1}),
        (switch_a_product_off, {"kill_switches": 3}),
        (switch_a_programme_off, {"kill_switches": 3}),
        (pause_the_programme, {"kill_switches": 3}),
        (mistake_the_night, {"night_end": 1}),
    ],
)
def test_every_violation_is_caught_and_no_other_is_claimed(
    breach: Callable[[Case], None], broken: dict[str, int]
) -> None:
    case = Case()
    breach(case)
    lines = case.lines()
    assert case.broken() == {name: count for name, count in broken.items() if count}
    with pytest.raises(ProofFailedError, match=next(iter(broken))) as refused:
        require_proof(lines)
    assert set(refused.value.lines["guardrail"]) == {name for name, count in broken.items() if count}


@pytest.mark.parametrize(
    "narrow_escape",
    [
        lambda case: case.ledger.append(past(1, TEN - timedelta(days=1))),
        lambda case: case.ledger.append(past(3, TEN - timedelta(days=2), channel="sms")),
        lambda case: case.ledger.append(past(9, TEN - timedelta(days=1), offer_id="endless")),
        lambda case: case.ledger.append(past(9, datetime(2024, 3, 1, 5, tzinfo=UTC), cost_minor=985)),
        lambda case: case.ledger.append(
            past(9, datetime(2024, 3, 1, 5, tzinfo=UTC) - TICK, cost_minor=10**6)
        ),
        lambda case: case.plan[0].update(not_before=AS_OF + timedelta(hours=8)),
        lambda case: case.plan[0].update(not_after=AS_OF + timedelta(hours=21) - TICK),
        lambda case: case.members.append(
            {"customer_id": 1, "segment": "protected", "entered_on": date(2024, 1, 1), "left_on": NIGHT}
        ),
        lambda case: case.members.append({"customer_id": 1, "segment": "other", "entered_on": NIGHT}),
        lambda case: case.candidates[0].update(valid_until=case.plan[0]["not_after"]),
        lambda case: case.switches.append(KillSwitch(scope="channel", value="push", reason="r")),
    ],
)
def test_the_very_edge_of_a_limit_is_kept(narrow_escape: Callable[[Case], None]) -> None:
    case = Case()
    narrow_escape(case)
    assert case.broken() == {}


def test_what_history_broke_is_not_the_plan_s_doing() -> None:
    case = Case(rows=[])
    case.ledger = [past(9, TEN - timedelta(days=1), cost_minor=10**6, offer_id="tenth") for _ in range(5)]
    assert case.broken() == {}
    free = message(1, cost_amount=Decimal("0.00"), offer_id=None)
    case = Case(rows=[free])
    case.ledger = [past(9, TEN - timedelta(days=2), cost_minor=10**6, offer_id="tenth") for _ in range(5)]
    assert case.broken() == {}


def test_two_messages_of_the_past_that_meet_behind_the_plan_are_not_its_doing() -> None:
    case = Case()
    case.ledger = [past(1, TEN + timedelta(hours=4) + timedelta(days=1)) for _ in range(2)]
    assert case.broken() == {}


def test_a_past_message_of_unknown_purpose_counts_for_every_purpose() -> None:
    caps = [{"name": "marketing", "max": 1, "window": "1d", "purpose": "marketing"}]
    case = Case(limits={**LIMITS, "caps": caps})
    case.ledger = [past(1, TEN, purpose="news")]
    assert case.broken() == {}
    case.ledger = [past(1, TEN, purpose=None)]
    assert case.broken() == {"cap:marketing": 1}


@pytest.mark.parametrize(
    ("start", "end", "is_held"),
    [
        (timedelta(hours=13), timedelta(hours=14), True),
        (timedelta(hours=13) - TICK, timedelta(hours=14), False),
        (timedelta(hours=11), timedelta(hours=12) - TICK, True),
        (timedelta(hours=11), timedelta(hours=12), False),
        # Both ends are fine, and a quiet hour lies between.
        (timedelta(hours=11, minutes=59), timedelta(hours=13), False),
    ],
)
def test_quiet_hours_by_day_are_kept_to_the_microsecond(
    *, start: timedelta, end: timedelta, is_held: bool
) -> None:
    case = Case(limits={**LIMITS, "quiet_hours": {"start": "12:00", "end": "13:00"}})
    for row in case.plan:
        row |= {"not_before": AS_OF + start, "not_after": AS_OF + end}
    assert case.line("quiet_hours")["is_held"] is is_held


def test_a_single_quiet_minute_inside_a_window_is_found() -> None:
    case = Case(limits={**LIMITS, "quiet_hours": {"start": "11:03", "end": "11:04"}})
    assert case.line("quiet_hours")["violation_count"] == 3


def test_the_worst_observation_stands_beside_the_limit() -> None:
    case = Case()
    assert (case.line("capacity:email")["worst_observed"], case.line("capacity:email")["limit_value"]) == (
        2.0,
        2.0,
    )
    assert case.line("budget:tonight")["worst_observed"] == pytest.approx(0.15)
    assert case.line("cap:one_a_day")["checked_count"] == 3
    exceed_cap(case)
    assert case.line("cap:one_a_day")["worst_observed"] == 2.0


def test_no_proof_is_no_permission() -> None:
    with pytest.raises(ProofFailedError):
        require_proof(ProofLine.create_empty())


@pytest.mark.parametrize("missing", FRAMES)
def test_a_missing_table_is_an_error(missing: str) -> None:
    frames = Case().frames()
    del frames[missing]
    with pytest.raises(KeyError, match=missing):
        prove_plan(frames, config=Case().config, kill_switches=[], night=NIGHT, as_of=AS_OF)


def test_a_zone_that_nobody_knows_is_no_proof() -> None:
    case = Case()
    case.send_times[1] = "Mars/Olympus"
    with pytest.raises(duckdb.Error):
        case.lines()


@settings(max_examples=12)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20, unique=True),
    st.sampled_from([0.0, 0.02, 0.5, 0.9999]),
)
def test_the_draw_of_a_holdout_is_recomputed_bit_by_bit(people: list[int], share: float) -> None:
    holdout = {"universal": share, "programmes": {"winback": share}}
    limits = {"quiet_hours": None, "caps": [], "holdout": holdout}
    case = Case(rows=[message(who) for who in people], limits=limits)
    holdouts = case.config.guardrails.holdout
    drawn = pl.DataFrame({"customer_id": people}).select(
        universal=is_universal_holdout(pl.col("customer_id"), workspace="acme", holdout=holdouts),
        own=is_held_out(
            pl.col("customer_id"),
            workspace="acme",
            programme="winback",
            holdout=holdouts.model_copy(update={"universal": 0.0}),
        ),
    )
    counts = dict(case.lines().select("guardrail", "violation_count").iter_rows())
    assert counts["holdout:universal"] == drawn["universal"].sum()
    assert counts["holdout:programme:winback"] == drawn["own"].sum()


# Random plans, good and bad, against row-wise Python.

DAY = timedelta(days=1)
EDGES = st.builds(
    lambda days, step: TEN + days * DAY + step,
    st.integers(-3, 1),
    st.sampled_from(
        [
            *(sign * timedelta(microseconds=n) for sign in (1, -1) for n in (0, 1, 1_000_000)),
            timedelta(hours=12),
        ]
    ),
)
LENGTHS = st.sampled_from([timedelta(0), TICK, timedelta(hours=4), DAY])


CHANNELS = st.sampled_from(["email", "sms"])
PURPOSES = st.sampled_from([None, "marketing", "news"])
PEOPLE = st.integers(1, 5)


@settings(max_examples=20)
@given(
    plan=st.lists(st.tuples(PEOPLE, EDGES, LENGTHS, CHANNELS), min_size=1, max_size=12),
    history=st.lists(st.tuples(PEOPLE, EDGES, LENGTHS, CHANNELS, PURPOSES), max_size=12),
    maximum=st.integers(0, 2),
    channel=st.sampled_from([None, "email"]),
    purpose=st.sampled_from([None, "marketing"]),
)
def test_caps_agree_with_every_choice_of_instants(
    plan: list[Any], history: list[Any], maximum: int, channel: str | None, purpose: str | None
) -> None:
    rows = [
        message(who, programme=f"p{number}", channel=via, not_before=start, not_after=start + length)
        for number, (who, start, length, via) in enumerate(plan)
    ]
    cap = {"name": "cap", "max": maximum, "window": "1d", "channel": channel, "purpose": purpose}
    case = Case(rows, {"quiet_hours": None, "caps": [cap], "holdout": {"universal": 0.0}})
    case.ledger = [
        past(who, start, sent_until=start + length, channel=via, purpose=what)
        for who, start, length, via, what in history
    ]
    sends = [(*row, "marketing") for row in plan] + history
    counted = [
        number
        for number, send in enumerate(sends)
        if channel in (None, send[3]) and (purpose is None or send[4] in (None, purpose))
    ]

    def can_meet(group: tuple[int, ...]) -> bool:
        starts, ends = [sends[n][1] for n in group], [sends[n][1] + sends[n][2] for n in group]
        return len({sends[n][0] for n in group}) == 1 and max(starts) - min(ends) < DAY

    breaking = {number for group in combinations(counted, maximum + 1) if can_meet(group) for number in group}
    assert case.line("cap:cap")["violation_count"] == len([n for n in breaking if n < len(plan)])


@settings(max_examples=20)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(
                ["America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Berlin", "Pacific/Apia"]
            ),
            st.sampled_from(
                [date(2024, 3, 10), date(2024, 11, 3), date(2024, 3, 31), date(2024, 4, 7), date(2024, 7, 1)]
            ),
            st.integers(0, 24 * 4).map(lambda quarter: timedelta(minutes=15 * quarter)),
            st.sampled_from([-TICK, timedelta(0), TICK]),
            st.sampled_from([timedelta(0), TICK, timedelta(minutes=1), timedelta(hours=4)]),
        ),
        min_size=1,
        max_size=20,
    ),
    bounds=st.tuples(
        *[st.sampled_from(["00:00", "01:30", "02:00", "02:30", "08:00", "21:00", "23:59"])] * 2
    ).filter(lambda pair: pair[0] != pair[1]),
)
def test_quiet_hours_agree_with_every_minute(rows: list[Any], bounds: tuple[str, str]) -> None:
    limits = {
        "quiet_hours": {"start": bounds[0], "end": bounds[1]},
        "caps": [],
        "holdout": {"universal": 0.0},
    }
    windows = []
    for _, day, since_midnight, step, length in rows:
        start = datetime.combine(day, time(), UTC) + since_midnight + step
        windows.append((start, start + length))
    case = Case(
        [message(who, not_before=start, not_after=end) for who, (start, end) in enumerate(windows)], limits
    )
    case.send_times = {who: row[0] for who, row in enumerate(rows)}
    quiet = case.config.guardrails.quiet_hours
    assert quiet is not None

    def is_quiet(instant: datetime, zone: str) -> bool:
        reading = instant.astimezone(ZoneInfo(zone)).time()
        if quiet.start < quiet.end:
            return quiet.start <= reading < quiet.end
        return reading >= quiet.start or reading < quiet.end

    def breaks(start: datetime, end: datetime, zone: str) -> bool:
        whole = start.replace(microsecond=0, second=0)
        instants = [start, end, *(whole + timedelta(minutes=n) for n in range(243))]
        return any(is_quiet(instant, zone) for instant in instants if start <= instant <= end)

    count = sum(breaks(*window, row[0]) for window, row in zip(windows, rows, strict=True))
    assert case.line("quiet_hours")["violation_count"] == count
