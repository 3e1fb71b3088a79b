"""One night of all journeys: answers, removals, entries, and the walk along the nodes."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from pipelines.contracts.codes import EnrolmentStatus, TransitionReason
from pipelines.contracts.journeys import Enrolment, Transition
from pipelines.contracts.settings.journeys import JourneySettings
from pipelines.contracts.settings.night import NightConfig
from pipelines.expressions.answers import read_answers
from pipelines.expressions.digest import identifier
from pipelines.expressions.holdout import is_ghost
from pipelines.expressions.people import erased_people, last_purchases, members_of
from pipelines.expressions.time import INSTANT
from pipelines.journeys.candidates import ask_for_messages
from pipelines.journeys.entries import enter_people
from pipelines.journeys.removals import remove_people
from pipelines.journeys.walking import (
    IS_ACTIVE,
    OPENING_STEPS,
    STEP,
    WALK_COLUMNS,
    Path,
    pass_nodes,
    pending_decision,
    resolve_answers,
    step,
)

_NO_TEXT = pl.lit(None, pl.String)
#: Detail of a message that waits without a word from planning.
NO_ANSWER = "no decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyInputs:
    """What journeys look at; `previous`, decisions and plan are those of the latest earlier night.

    Attributes:
        previous_sizes: Segments that were known then.
    """

    previous_enrolments: pl.LazyFrame
    decisions: pl.LazyFrame
    plan: pl.LazyFrame
    memberships: pl.LazyFrame
    previous_sizes: pl.LazyFrame
    purchases: pl.LazyFrame
    customer_links: pl.LazyFrame
    erasures: pl.LazyFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyNight:
    enrolments: pl.LazyFrame
    transitions: pl.LazyFrame
    candidates: pl.LazyFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What is the same for all journeys of the night."""

    walking: pl.LazyFrame
    erased: pl.LazyFrame
    purchases: pl.LazyFrame
    since: date
    night: date


def _walking(previous: pl.LazyFrame, answers: pl.LazyFrame) -> pl.LazyFrame:
    """Active enrolments as last night left them, with last night's answers."""
    is_waiting = pl.col("pending_decision_id").is_not_null()
    return (
        previous.filter(IS_ACTIVE)
        .join(answers, on="pending_decision_id", how="left", validate="1:1")
        .with_columns(
            pl.when(is_waiting).then(pl.col("answer_detail").fill_null(NO_ANSWER)),
            is_waiting=is_waiting,
            **{name: pl.lit(None, STEP) for name in OPENING_STEPS},
        )
    )


def _birth(journey: JourneySettings, config: NightConfig) -> dict[str, pl.Expr]:
    """What an enrolment keeps for life."""
    return {
        "journey_version": pl.lit(config.version_of(f"journeys/{journey.name}"), pl.Int64),
        "is_ghost": is_ghost(
            pl.col("customer_id"),
            workspace=config.workspace.workspace,
            programme=journey.name,
            priority_class=journey.priority_class,
            holdout=config.guardrails.holdout,
        ),
    }


def _walk_journey(
    journey: JourneySettings, inputs: JourneyInputs, facts: _Facts, *, config: NightConfig, as_of: datetime
) -> pl.LazyFrame:
    """All enrolments of a journey that are or come on their way tonight, with their steps."""
    path = Path(journey=journey, as_of=as_of, time_zone=config.workspace.time_zone)
    is_held = journey.name in config.paused
    positions = {node.id: position for position, node in enumerate(journey.nodes)}
    of_journey = pl.col("journey") == journey.name
    members = members_of(inputs.memberships, journey.entry.segment, facts.night)
    position = pl.col("node_id").replace_strict(positions, default=None, return_dtype=pl.Int64)
    walk = facts.walking.filter(of_journey).with_columns(position=position).select(WALK_COLUMNS)
    walk = resolve_answers(walk, path, is_held=is_held)
    walk = remove_people(
        walk, path, erased=facts.erased, members=members, purchases=facts.purchases, is_held=is_held
    )
    if not is_held:
        walk = enter_people(
            walk,
            path,
            members=members,
            earlier=inputs.previous_enrolments.filter(of_journey),
            previous_sizes=inputs.previous_sizes,
            erased=facts.erased,
            since=facts.since,
            birth=_birth(journey, config),
        )
        walk = pass_nodes(walk, path)
        told = [*OPENING_STEPS, *(f"step_{number}" for number in positions.values())]
    else:
        told = [*OPENING_STEPS]
    return walk.with_columns(pending_decision_id=pending_decision(journey)).select(
        *Enrolment.column_names(), steps=pl.concat_list(told).list.drop_nulls()
    )


def _close_orphans(walking: pl.LazyFrame, known: list[str], as_of: datetime) -> pl.LazyFrame:
    """Enrolments of journeys that are no longer defined."""
    reason = pl.lit(TransitionReason.NODE_REMOVED.value)
    told = step(
        pl.col("node_id"),
        at=pl.lit(as_of, INSTANT),
        reason=TransitionReason.NODE_REMOVED.value,
        detail=pl.lit("the journey is no longer defined"),
    )
    return (
        walking.filter(~pl.col("journey").is_in(known))
        .with_columns(
            status=pl.lit(EnrolmentStatus.EXITED.value),
            exit_reason=reason,
            due_at=pl.lit(None, INSTANT),
            pending_decision_id=_NO_TEXT,
            steps=pl.concat_list(told),
        )
        .select(*Enrolment.column_names(), "steps")
    )


def _transitions(walked: pl.LazyFrame, night: date) -> pl.LazyFrame:
    identity = [pl.col("enrolment_id"), pl.lit(night), pl.col("step_number")]
    return (
        walked.filter(pl.col("steps").list.len() > 0)
        .with_columns(step_number=pl.int_ranges(0, pl.col("steps").list.len(), dtype=pl.Int64))
        .select("workspace_id", "enrolment_id", "journey", "customer_id", "steps", "step_number")
        .explode("steps", "step_number")
        .unnest("steps")
        .with_columns(transition_id=identifier("transition", *identity))
        .select(Transition.column_names())
    )


def advance_journeys(
    inputs: JourneyInputs,
    *,
    config: NightConfig,
    night: date,
    as_of: datetime,
    previous_night: date | None = None,
) -> JourneyNight:
    """State of all enrolments at the night, the steps that led there, and the messages asked for.

    People leave before anybody enters, and enter before anybody is asked for. A
    paused journey is held: what was planned is still told as sent and erased
    people still leave, but nobody enters, moves or is asked for. A late night
    catches up: every wait that is over is walked through, and messages whose
    validity has passed are given up instead of sent late.

    Args:
        inputs: Tables of tonight and of the latest earlier night.
        config: Settings of the night.
        night: Logical date.
        as_of: Its end.
        previous_night: The latest earlier night; the day before by default.
    """
    answers = read_answers(inputs.decisions, inputs.plan)
    facts = _Facts(
        walking=_walking(inputs.previous_enrolments, answers),
        erased=erased_people(inputs.erasures, inputs.customer_links, as_of),
        purchases=last_purchases(inputs.purchases, as_of),
        since=previous_night or night - timedelta(days=1),
        night=night,
    )
    walked = pl.concat(
        [
            *(
                _walk_journey(journey, inputs, facts, config=config, as_of=as_of)
                for _, journey in sorted(config.journeys.items())
            ),
            _close_orphans(facts.walking, sorted(config.journeys), as_of),
        ]
    )
    ended = inputs.previous_enrolments.filter(~IS_ACTIVE).select(Enrolment.column_names())
    enrolments = pl.concat([walked.drop("steps"), ended])
    return JourneyNight(
        enrolments=enrolments,
        transitions=_transitions(walked, night),
        candidates=ask_for_messages(enrolments, inputs.purchases, config=config, as_of=as_of),
    )
