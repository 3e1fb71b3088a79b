"""The plan of a night: one pass over the candidates of all products.

Eligibility comes before any value; what is eligible competes greedily, in exact
order of precedence, for the places that the guardrails leave. This stage works
on collected frames: admission is sequential, a place given away changes every
later answer.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from pipelines.contracts.codes import DecisionOutcome, PriorityClass, Product
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.expressions.money import to_minor
from pipelines.expressions.time import INSTANT, end_of_local_day
from pipelines.planning.allocation import OTHER_ACTION_CHOSEN, PLANNED, Contenders, Fates, Send, allocate
from pipelines.planning.contact_windows import NightClock
from pipelines.planning.eligibility import judge_candidates
from pipelines.planning.limits import PersonLimit, SharedLimit, person_limits, shared_limits
from pipelines.planning.publishing import NightPlan, publish_plan

#: Priority that each night of waiting adds, so that a candidate of low priority is not deferred for ever:
#: a default campaign (300) overtakes a default sequence (500) after four nights.
AGEING_PER_NIGHT = 50
_CLASS_RANKS = {PriorityClass.SERVICE: 0, PriorityClass.LEGAL: 1, PriorityClass.MARKETING: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningInputs:
    """What planning looks at.

    Attributes:
        candidates: Tonight's candidates of all products, one under the other.
        ledger: Messages that count, from `assemble_ledger`.
    """

    candidates: pl.LazyFrame
    contactability: pl.LazyFrame
    send_times: pl.LazyFrame
    memberships: pl.LazyFrame
    ledger: pl.LazyFrame


def _is_finite() -> pl.Expr:
    return (pl.col("value").is_finite() & pl.col("score").is_finite()).fill_null(False)


def _in_order_of_precedence(candidates: pl.LazyFrame) -> pl.LazyFrame:
    """Class, priority with age, age, value; ties go by id, a digest, so they favour nobody."""
    aged = pl.col("priority") + AGEING_PER_NIGHT * pl.col("waiting_nights")
    classes = pl.col("priority_class").replace_strict(_CLASS_RANKS, return_dtype=pl.Int64)
    return (
        candidates.with_columns(class_rank=classes, aged_priority=aged)
        .sort(
            "class_rank",
            "aged_priority",
            "waiting_nights",
            "value",
            "candidate_id",
            descending=[False, True, True, True, False],
        )
        .with_row_index("place")
        .drop("class_rank", "aged_priority")
    )


def _with_windows(
    judged: pl.DataFrame, guardrails: Guardrails, as_of: datetime, until: datetime
) -> pl.DataFrame:
    """Adds the contact window of everyone who may be contacted; without one they are out of time."""
    clock = NightClock(guardrails.quiet_hours, as_of=as_of, next_as_of=until)
    # Validity beyond the night makes no difference; without clipping there would be many distinct ones.
    judged = judged.with_columns(
        latest=pl.min_horizontal("valid_until", pl.lit(until - timedelta(microseconds=1), INSTANT))
    )
    keys = ["time_zone", "local_hour", "latest"]
    asked = (
        judged.filter(pl.col("outcome").is_null(), pl.col("time_zone").is_not_null()).select(keys).unique()
    )
    found = [
        (*key, window.not_before, window.not_after)
        for key in asked.iter_rows()
        if (window := clock.window(*key)) is not None
    ]
    schema = {**asked.schema, "not_before": INSTANT, "not_after": INSTANT}
    windows = pl.DataFrame(found, schema=schema, orient="row")
    is_late = pl.col("outcome").is_null() & pl.col("not_before").is_null()
    return (
        judged.join(windows, on=keys, how="left", validate="m:1")
        .with_columns(
            outcome=pl.when(is_late)
            .then(pl.lit(DecisionOutcome.OUT_OF_TIME.value))
            .otherwise(pl.col("outcome")),
            rule=pl.when(is_late & pl.col("time_zone").is_null())
            .then(pl.lit("no_send_time"))
            .when(is_late)
            .then(pl.lit("no_allowed_instant"))
            .otherwise(pl.col("rule")),
        )
        .drop("latest")
    )


def _refuse_worthless() -> pl.Expr:
    """Personalized marketing must be worth its cost: no send is always an alternative."""
    is_worthless = (
        pl.col("outcome").is_null()
        & (pl.col("priority_class") == PriorityClass.MARKETING.value)
        & (pl.col("product") == Product.PERSONALIZATION.value)
        & (pl.col("value") <= 0)
    )
    return (
        pl.when(is_worthless)
        .then(pl.lit(DecisionOutcome.NO_POSITIVE_VALUE.value))
        .otherwise(pl.col("outcome"))
    )


def _contenders(eligible: pl.DataFrame) -> Contenders:
    return Contenders(
        decision=eligible["decision_id"].to_list(),
        person=eligible["customer_id"].to_list(),
        channel=eligible["channel"].to_list(),
        purpose=eligible["purpose"].to_list(),
        offer=eligible["offer_id"].to_list(),
        cost_minor=eligible.select(to_minor(pl.col("cost_amount"))).to_series().to_list(),
        start=eligible["not_before"].to_physical().to_list(),
        end=eligible["not_after"].to_physical().to_list(),
    )


def _past_sends(
    ledger: pl.DataFrame, people: pl.DataFrame, longest_us: int, as_of: datetime
) -> dict[int, list[Send]]:
    """Messages that a cap can still see, of people who have a candidate."""
    since = as_of - timedelta(microseconds=longest_us)
    near = (
        ledger.filter(pl.col("sent_until") > pl.lit(since, INSTANT))
        .join(people, on="customer_id", how="semi")
        .select(
            "customer_id",
            pl.col("sent_from").to_physical(),
            pl.col("sent_until").to_physical(),
            "channel",
            "purpose",
        )
    )
    sends: defaultdict[int, list[Send]] = defaultdict(list)
    for person, start, end, channel, purpose in near.iter_rows():
        sends[person].append(Send(start, end, channel, purpose))
    return sends


def _with_fates(
    eligible: pl.DataFrame, fates: Fates, limits: Sequence[PersonLimit | SharedLimit]
) -> pl.DataFrame:
    """Adds outcome, rule and winner of everyone who competed."""
    outcomes = {PLANNED: DecisionOutcome.PLANNED, OTHER_ACTION_CHOSEN: DecisionOutcome.OTHER_ACTION_CHOSEN}
    outcomes |= {number: limit.outcome for number, limit in enumerate(limits)}
    rules = dict(enumerate(limit.name for limit in limits))
    fate = pl.Series("fate", fates.fate, dtype=pl.Int64)
    winner = pl.Series("winner", fates.winner, dtype=pl.Int64)
    won_by = eligible["candidate_id"].gather(winner.replace(-1, None))
    return eligible.with_columns(
        outcome=fate.replace_strict(outcomes, return_dtype=pl.String),
        rule=fate.replace_strict(rules, default=None, return_dtype=pl.String),
        winner_candidate_id=won_by,
    )


def _judged(
    inputs: PlanningInputs, config: NightConfig, kill_switches: Sequence[KillSwitch], night: date
) -> pl.LazyFrame:
    send_times = inputs.send_times.select("customer_id", "time_zone", "local_hour")
    return (
        judge_candidates(
            inputs.candidates,
            inputs.contactability,
            inputs.memberships,
            config=config,
            kill_switches=kill_switches,
            night=night,
        )
        .join(send_times, on="customer_id", how="left", validate="m:1")
        .pipe(_in_order_of_precedence)
    )


def plan_night(
    inputs: PlanningInputs,
    *,
    config: NightConfig,
    kill_switches: Sequence[KillSwitch],
    night: date,
    as_of: datetime,
    stale_sources: Sequence[str] = (),
) -> NightPlan:
    """Decide every decision point of the night.

    A candidate whose value or score is not a finite number is refused: it is in
    `NightPlan.rejected` and in no other table. Every message carries the names of
    `stale_sources`, whose rows are those of an earlier night.
    """
    until = end_of_local_day(night + timedelta(days=1), config.workspace.zone)
    # Collected here: allocation is sequential.
    everyone, ledger = pl.collect_all([_judged(inputs, config, kill_switches, night), inputs.ledger])
    candidates = (
        everyone.filter(_is_finite())
        .pipe(_with_windows, config.guardrails, as_of, until)
        .with_columns(outcome=_refuse_worthless())
    )
    personal, shared = person_limits(config.guardrails), shared_limits(config, ledger, night)
    eligible = candidates.filter(pl.col("outcome").is_null()).sort("place")
    longest_us = max((limit.window_us for limit in personal), default=0)
    fates = allocate(
        _contenders(eligible),
        person_limits=personal,
        shared_limits=shared,
        ledger=_past_sends(ledger, eligible.select("customer_id").unique(), longest_us, as_of),
    )
    refused = candidates.filter(pl.col("outcome").is_not_null()).with_columns(
        winner_candidate_id=pl.lit(None, pl.String)
    )
    return publish_plan(
        pl.concat([_with_fates(eligible, fates, [*personal, *shared]), refused]),
        everyone.filter(~_is_finite()),
        fates=fates,
        shared=shared,
        config=config,
        stale_sources=stale_sources,
    )
