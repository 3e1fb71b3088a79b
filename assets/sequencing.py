"""Sequencing: people take the next step of their sequences."""

from assets.continuity import require_finished_plan
from assets.steps import Night, Step, StepOutput
from pipelines.contracts.source_tables import ERASURES, MESSAGES
from pipelines.contracts.tables import (
    CUSTOMER_LINKS,
    CUSTOMER_VALUE,
    DECISIONS,
    FATIGUE,
    MEMBERSHIPS,
    PLAN,
    PURCHASES,
    SEQUENCE_CANDIDATES,
    SEQUENCE_STATE,
)
from pipelines.sequencing.advancing import SequencingInputs, advance_sequences

#: Nights of own plans that fatigue looks back on: four half-lives of the default.
FATIGUE_NIGHTS = 56


def step_sequences(night: Night) -> StepOutput:
    previous_night = require_finished_plan(night, SEQUENCE_STATE)
    advanced = advance_sequences(
        SequencingInputs(
            previous_state=night.earlier(SEQUENCE_STATE),
            decisions=night.earlier(DECISIONS),
            plan=night.earlier(PLAN),
            memberships=night.read(MEMBERSHIPS),
            purchases=night.read(PURCHASES),
            customer_links=night.read(CUSTOMER_LINKS),
            messages=night.read(MESSAGES),
            past_messages=night.history(PLAN, nights=FATIGUE_NIGHTS),
            value=night.read(CUSTOMER_VALUE),
            erasures=night.read(ERASURES),
        ),
        config=night.config,
        night=night.on,
        as_of=night.as_of,
        previous_night=previous_night,
    )
    return StepOutput(
        frames={
            SEQUENCE_STATE: advanced.sequence_state,
            FATIGUE: advanced.fatigue,
            SEQUENCE_CANDIDATES: advanced.candidates,
        }
    )


STEPS = (
    Step(
        name="sequencing",
        compute=step_sequences,
        reads=(MEMBERSHIPS, PURCHASES, CUSTOMER_LINKS, MESSAGES, CUSTOMER_VALUE, ERASURES),
        continues=(SEQUENCE_STATE,),
        publishes=(SEQUENCE_STATE, FATIGUE, SEQUENCE_CANDIDATES),
    ),
)
