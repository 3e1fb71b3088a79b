"""Personalization: the offers that fit a person best."""

from assets.steps import Night, Step, StepOutput
from pipelines.contracts.tables import (
    ACTION_CANDIDATES,
    CUSTOMER_FEATURES,
    CUSTOMER_VALUE,
    MEMBERSHIPS,
    PRODUCT_AFFINITY,
)
from pipelines.personalization.proposing import ProposalInputs, propose_actions


def propose_offers(night: Night) -> StepOutput:
    candidates = propose_actions(
        ProposalInputs(
            features=night.read(CUSTOMER_FEATURES),
            value=night.read(CUSTOMER_VALUE),
            affinity=night.read(PRODUCT_AFFINITY),
            memberships=night.read(MEMBERSHIPS),
        ),
        config=night.config,
        night=night.on,
        as_of=night.as_of,
    )
    return StepOutput(frames={ACTION_CANDIDATES: candidates})


STEPS = (
    Step(
        name="personalization",
        compute=propose_offers,
        reads=(CUSTOMER_FEATURES, CUSTOMER_VALUE, PRODUCT_AFFINITY, MEMBERSHIPS),
        publishes=(ACTION_CANDIDATES,),
    ),
)
