"""The plan of a night: one pass over the candidates of all products.

Eligibility comes before any value. What is eligible competes for the places that
the guardrails leave: by precedence, or by value less the prices of what all share.
This stage works on collected frames: admission is sequential, a place given away
changes every later answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from pipelines.contracts.codes import DecisionOutcome, PriorityClass, Product
from pipelines.contracts.overrides import ActiveOverride
from pipelines.contracts.settings.limits import Span
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.switches import KillSwitch
from pipelines.expressions.money import to_minor
from pipelines.expressions.time import end_of_local_day
from pipelines.planning.choosing import ChoiceTerms
from pipelines.planning.contesting import Contest
from pipelines.planning.eligibility import judge_candidates
from pipelines.planning.fates import NightLimits, tell_fates
from pipelines.planning.limits import PersonLimit, person_limits, shared_limits
from pipelines.planning.minimums import minimum_limits, segment_members
from pipelines.planning.publishing import NightPlan, publish_plan
from pipelines.planning.recipients import Recipients, contenders_of, past_sends, shared_households
from pipelines.planning.rounds import RoundLimits, hold_rounds
from pipelines.planning.time_fitting import fit_windows

#: Priority that each night of waiting adds, so that a candidate of low priority is not deferred for ever:
#: a default campaign (300) overtakes a default sequence (500) after four nights.
AGEING_PER_NIGHT = 50
_CLASS_RANKS = {PriorityClass.SERVICE: 0, PriorityClass.LEGAL: 1, PriorityClass.MARKETING: 2}
_DAY_US = timedelta(days=1) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningInputs:
    """What planning looks at.

    Attributes:
        candidates: Tonight's candidates of all products, one under the other.
        households: Household of every person.
        ledger: Messages that count, from `assemble_ledger`.
        overrides: What people forced, `ActiveOverride`s of the night.
    """

    candidates: pl.LazyFrame
    contactability: pl.LazyFrame
    send_times: pl.LazyFrame
    memberships: pl.LazyFrame
    households: pl.LazyFrame
    ledger: pl.LazyFrame
    overrides: pl.LazyFrame = field(default_factory=lambda: ActiveOverride.create_empty(lazy=True))


@dataclass(frozen=True, slots=True)
class _Known:
    """The inputs beside the candidates, in hand, and the zone of the workspace."""

    time_zone: str
    ledger: pl.DataFrame
    memberships: pl.DataFrame
    send_times: pl.DataFrame
    households: pl.DataFrame


def _is_finite() -> pl.Expr:
    numbers = [pl.col(name).is_finite() for name in ("value", "value_uncertainty", "score", "uncertainty")]
    return pl.all_horizontal(numbers).fill_null(value=False)


def _in_order_of_precedence(candidates: pl.LazyFrame) -> pl.LazyFrame:
    """Class, what is forced, priority with age, age, value; ties go by id, a digest: they favour nobody."""
    aged = pl.col("priority") + AGEING_PER_NIGHT * pl.col("waiting_nights")
    classes = pl.col("priority_class").replace_strict(_CLASS_RANKS, return_dtype=pl.Int64)
    return (
        candidates.with_columns(class_rank=classes, aged_priority=aged)
        .sort(
            "class_rank",
            "is_forced",
            "aged_priority",
            "waiting_nights",
            "value",
            "candidate_id",
            descending=[False, True, True, True, True, False],
        )
        .with_row_index("place")
        .drop("class_rank", "aged_priority")
    )


def _refuse_worthless(exploration: float) -> pl.Expr:
    """Personalized marketing must be worth its cost: no send is always an alternative.

    Where actions are explored it competes all the same, as the value may be wrong;
    only a draw can choose it.
    """
    is_explored = pl.col("is_adaptive") & (exploration > 0)
    is_worthless = (
        pl.col("outcome").is_null()
        & (pl.col("priority_class") == PriorityClass.MARKETING.value)
        & (pl.col("product") == Product.PERSONALIZATION.value)
        & (pl.col("value") <= 0)
        & ~is_explored
        & ~pl.col("is_forced")
    )
    return (
        pl.when(is_worthless)
        .then(pl.lit(DecisionOutcome.NO_POSITIVE_VALUE.value))
        .otherwise(pl.col("outcome"))
    )


def leaves_one_message(limits: Sequence[PersonLimit]) -> bool:
    """Whether a person can have one message a night at most: then all that is offered is one choice.

    A cap on calendar days may leave two, as the night touches two days.
    """
    return any(
        limit.maximum <= 1
        and limit.span is not Span.CALENDAR_DAY
        and limit.window_us >= _DAY_US
        and (limit.channel, limit.purpose, limit.tag) == (None, None, None)
        and type(limit) is PersonLimit
        for limit in limits
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
            overrides=inputs.overrides,
            ledger=inputs.ledger,
        )
        .join(send_times, on="customer_id", how="left", validate="m:1")
        .pipe(_in_order_of_precedence)
    )


def _limits(config: NightConfig, known: _Known, everyone: pl.DataFrame, night: date) -> NightLimits:
    memberships = known.memberships
    minimums = minimum_limits(config.guardrails, candidates=everyone, memberships=memberships, night=night)
    segments = sorted({limit.segment for limit in minimums if limit.segment is not None})
    members = [
        pl.DataFrame({"customer_id": segment_members(memberships, segment, night)}).with_columns(
            segment=pl.lit(segment)
        )
        for segment in segments
    ]
    nobody = pl.DataFrame(schema={"customer_id": pl.Int64, "segment": pl.String})
    return NightLimits(
        personal=person_limits(config.guardrails),
        round=RoundLimits(
            shared=shared_limits(config, known.ledger, night),
            minimums=minimums,
            members=pl.concat([nobody, *members]),
        ),
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

    A candidate whose value, score or uncertainty is not a finite number is
    refused: it is in `NightPlan.rejected` and in no other table. Every message
    carries the names of `stale_sources`, whose rows are those of an earlier night.
    """
    # Collected here: allocation is sequential.
    everyone, *others = pl.collect_all([_judged(inputs, config, kill_switches, night), *_others(inputs)])
    known = _Known(config.workspace.time_zone, *others)
    candidates = _with_windows(everyone.filter(_is_finite()), config, night, as_of)
    limits = _limits(config, known, everyone, night)
    eligible = candidates.filter(pl.col("outcome").is_null()).sort("place").with_row_index("number")
    contest = _contest(eligible, known, limits, as_of)
    terms = ChoiceTerms(
        exploration=config.guardrails.exploration,
        is_priced=config.guardrails.arbitration == "value",
        is_one_a_person=leaves_one_message(limits.personal),
        seed=config.workspace.seed,
        night=night,
    )
    rounds = hold_rounds(eligible, contest, limits.round, terms)
    return publish_plan(
        tell_fates(candidates, eligible, contest, rounds, limits),
        everyone.filter(~_is_finite()),
        contest=contest,
        rounds=rounds,
        limits=limits,
        terms=terms,
        config=config,
        stale_sources=stale_sources,
    )


def _others(inputs: PlanningInputs) -> list[pl.LazyFrame]:
    return [inputs.ledger, inputs.memberships, inputs.send_times, inputs.households]


def _with_windows(everyone: pl.DataFrame, config: NightConfig, night: date, as_of: datetime) -> pl.DataFrame:
    until = end_of_local_day(night + timedelta(days=1), config.workspace.zone)
    return everyone.pipe(fit_windows, config.guardrails, as_of=as_of, until=until).with_columns(
        outcome=_refuse_worthless(config.guardrails.exploration),
        cost_minor=to_minor(pl.col("cost_amount")),
    )


def _contest(eligible: pl.DataFrame, known: _Known, limits: NightLimits, as_of: datetime) -> Contest:
    recipients = Recipients(
        send_times=known.send_times, households=known.households, time_zone=known.time_zone
    )
    past = past_sends(
        known.ledger,
        eligible.select("customer_id").unique(),
        limits=limits.personal,
        recipients=recipients,
        as_of=as_of,
    )
    return Contest(
        contenders_of(eligible, limits=limits.personal, recipients=recipients),
        person_limits=limits.personal,
        shared_limits=limits.round.shared,
        ledger=past,
        households=shared_households(known.households),
    )
