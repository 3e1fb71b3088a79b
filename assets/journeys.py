"""Journeys: people move one night further through their graphs."""

from assets import plots
from assets.continuity import require_finished_plan
from assets.steps import Night, Step, StepOutput
from pipelines.contracts.source_tables import ERASURES
from pipelines.contracts.tables import (
    CUSTOMER_LINKS,
    DECISIONS,
    ENROLMENTS,
    JOURNEY_CANDIDATES,
    MEMBERSHIPS,
    PLAN,
    PURCHASES,
    SEGMENT_SIZES,
    TRANSITIONS,
)
from pipelines.journeys.advancing import JourneyInputs, advance_journeys


def walk_journeys(night: Night) -> StepOutput:
    previous_night = require_finished_plan(night, ENROLMENTS)
    advanced = advance_journeys(
        JourneyInputs(
            previous_enrolments=night.earlier(ENROLMENTS),
            decisions=night.earlier(DECISIONS),
            plan=night.earlier(PLAN),
            memberships=night.read(MEMBERSHIPS),
            previous_sizes=night.earlier(SEGMENT_SIZES),
            purchases=night.read(PURCHASES),
            customer_links=night.read(CUSTOMER_LINKS),
            erasures=night.read(ERASURES),
        ),
        config=night.config,
        night=night.on,
        as_of=night.as_of,
        previous_night=previous_night,
    )
    return StepOutput(
        frames={
            ENROLMENTS: advanced.enrolments,
            TRANSITIONS: advanced.transitions,
            JOURNEY_CANDIDATES: advanced.candidates,
        }
    )


STEPS = (
    Step(
        name="journeys",
        compute=walk_journeys,
        reads=(MEMBERSHIPS, PURCHASES, CUSTOMER_LINKS, ERASURES, SEGMENT_SIZES),
        continues=(ENROLMENTS,),
        publishes=(ENROLMENTS, TRANSITIONS, JOURNEY_CANDIDATES),
        plots={ENROLMENTS: plots.stations},
    ),
)
