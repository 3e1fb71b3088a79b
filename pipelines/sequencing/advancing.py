"""One night of all sequences."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.codes import EnrolmentStatus
from pipelines.contracts.sequencing import SequenceState
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.sequences import SequenceSettings
from pipelines.contracts.sources import Erasure
from pipelines.expressions.answers import read_answers
from pipelines.expressions.holdout import is_ghost
from pipelines.expressions.people import erased_people, last_purchases, members_of
from pipelines.sequencing.candidates import ask_for_steps
from pipelines.sequencing.fatigue import measure_fatigue
from pipelines.sequencing.stepping import IS_ACTIVE, Course, step_course, valid_until


def _nobody_erased() -> pl.LazyFrame:
    return Erasure.create_empty(lazy=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencingInputs:
    """What sequences look at; previous state, decisions and plan are those of the latest earlier night.

    Attributes:
        past_messages: Planned messages of the last 56 nights.
        erasures: People to be forgotten; contactability stops messages to them in any case.
    """

    previous_state: pl.LazyFrame
    decisions: pl.LazyFrame
    plan: pl.LazyFrame
    memberships: pl.LazyFrame
    purchases: pl.LazyFrame
    customer_links: pl.LazyFrame
    messages: pl.LazyFrame
    past_messages: pl.LazyFrame
    value: pl.LazyFrame
    erasures: pl.LazyFrame = field(default_factory=_nobody_erased)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencingNight:
    sequence_state: pl.LazyFrame
    fatigue: pl.LazyFrame
    candidates: pl.LazyFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What is the same for all sequences of the night."""

    walking: pl.LazyFrame
    erased: pl.LazyFrame
    purchases: pl.LazyFrame


def _close_orphans(walking: pl.LazyFrame, known: list[str], night: date) -> pl.LazyFrame:
    """Stays in sequences that are no longer defined."""
    return (
        walking.filter(~pl.col("sequence").is_in(known))
        .with_columns(
            status=pl.lit(EnrolmentStatus.EXITED.value),
            exit_reason=pl.lit("sequence_removed"),
            ended_on=pl.lit(night),
            pending_decision_id=pl.lit(None, pl.String),
        )
        .select(SequenceState.column_names())
    )


def _ghost(sequence: SequenceSettings, config: NightConfig) -> pl.Expr:
    return is_ghost(
        pl.col("customer_id"),
        workspace=config.workspace.workspace,
        programme=sequence.name,
        priority_class=sequence.priority_class,
        holdout=config.guardrails.holdout,
    )


def _courses(config: NightConfig, night: date, as_of: datetime, previous_night: date) -> list[Course]:
    return [
        Course(
            sequence=sequence,
            night=night,
            as_of=as_of,
            previous_night=previous_night,
            time_zone=config.workspace.time_zone,
            version=config.version_of(f"sequences/{name}"),
            is_held=name in config.paused,
        )
        for name, sequence in sorted(config.sequences.items())
    ]


def _step(course: Course, inputs: SequencingInputs, facts: _Facts, config: NightConfig) -> pl.LazyFrame:
    of_sequence = pl.col("sequence") == course.sequence.name
    return step_course(
        facts.walking.filter(of_sequence),
        course,
        members=members_of(inputs.memberships, course.sequence.segment, course.night),
        erased=facts.erased,
        purchases=facts.purchases,
        earlier=inputs.previous_state.filter(of_sequence),
        ghost=_ghost(course.sequence, config),
    )


def _candidates(
    courses: list[Course], states: list[pl.LazyFrame], value: pl.LazyFrame, config: NightConfig
) -> pl.LazyFrame:
    asked = [
        ask_for_steps(
            state,
            value,
            course.sequence,
            config=config,
            valid_until=valid_until(course),
            as_of=course.as_of,
        )
        for course, state in zip(courses, states, strict=True)
        if not course.is_held
    ]
    return pl.concat([pl.LazyFrame(schema=Candidate.create_empty().schema), *asked])


def advance_sequences(
    inputs: SequencingInputs,
    *,
    config: NightConfig,
    night: date,
    as_of: datetime,
    previous_night: date | None = None,
) -> SequencingNight:
    """State of all stays at the night, fatigue, and the messages asked for.

    Args:
        inputs: Tables of tonight and of the latest earlier night.
        config: Settings of the night.
        night: Logical date.
        as_of: Its end.
        previous_night: The latest earlier night; the day before by default.
    """
    answers = read_answers(inputs.decisions, inputs.plan)
    walking = inputs.previous_state.filter(IS_ACTIVE).join(
        answers, on="pending_decision_id", how="left", validate="1:1"
    )
    facts = _Facts(
        walking=walking,
        erased=erased_people(inputs.erasures, inputs.customer_links, as_of),
        purchases=last_purchases(inputs.purchases, as_of),
    )
    courses = _courses(config, night, as_of, previous_night or night - timedelta(days=1))
    states = [_step(course, inputs, facts, config) for course in courses]
    return SequencingNight(
        sequence_state=pl.concat(
            [
                *states,
                _close_orphans(walking, sorted(config.sequences), night),
                inputs.previous_state.filter(~IS_ACTIVE).select(SequenceState.column_names()),
            ]
        ),
        fatigue=measure_fatigue(
            inputs.messages,
            inputs.past_messages,
            inputs.customer_links,
            settings=config.enrichment.enrichment,
            as_of=as_of,
        ),
        candidates=_candidates(courses, states, inputs.value, config),
    )
