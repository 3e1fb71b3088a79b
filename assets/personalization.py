"""Personalization: what campaigns learn from what was sent, and the offers that fit a person best."""

import dagster as dg

from assets.overrides import overrides_in_force
from assets.presentation import as_markdown
from assets.steps import Night, Step, StepOutput
from pipelines.contracts.personalization_tables import (
    CHANNEL_CONTEXTS,
    DECISION_CONTEXTS,
    OFFER_CONTEXTS,
    POLICY_CARDS,
    RESPONSE_MODELS,
)
from pipelines.contracts.source_tables import PRODUCTS
from pipelines.contracts.tables import (
    ACTION_CANDIDATES,
    ACTIVITIES,
    CUSTOMER_FEATURES,
    CUSTOMER_VALUE,
    DECISION_CANDIDATES,
    DECISIONS,
    DISPATCH_LOG,
    FATIGUE,
    IDENTITY_EVENTS,
    MEMBERSHIPS,
    PLAN,
    PRODUCT_AFFINITY,
    PURCHASE_LINES,
    PURCHASES,
)
from pipelines.expressions.dispatching import without_unsent
from pipelines.personalization.learning.examples import Past
from pipelines.personalization.learning.state import continue_learning, policies_of
from pipelines.personalization.population import Population, category_shares, mean_order
from pipelines.personalization.proposing import ProposalInputs, propose_actions

#: Columns of a card that say in the UI whether a campaign chooses for each person, and why.
VERDICT = ("programme", "method", "reward", "best_single_action", "gain", "gain_low", "gain_high", "note")


def learn_from_the_past(night: Night) -> StepOutput:
    """Population numbers every night; policies of campaigns when they are due."""
    features, nights = night.read(CUSTOMER_FEATURES), night.config.personalization.learning.history_days
    shares = category_shares(features, night.read(PRODUCT_AFFINITY))
    state = continue_learning(
        night.earlier(RESPONSE_MODELS).collect(),
        night.earlier(POLICY_CARDS).collect(),
        Past(
            decisions=night.history(DECISIONS, nights=nights),
            candidates=night.history(DECISION_CANDIDATES, nights=nights),
            plan=night.history(PLAN, nights=nights),
            dispatch_log=night.history(DISPATCH_LOG, nights=nights),
            people=night.history(DECISION_CONTEXTS, nights=nights),
            channels=night.history(CHANNEL_CONTEXTS, nights=nights),
            offers=night.history(OFFER_CONTEXTS, nights=nights),
            activities=night.read(ACTIVITIES),
            purchases=night.read(PURCHASES),
        ),
        Population.of_numbers(mean_order(features).collect(), shares.collect()),
        config=night.config,
        night=night.on,
    )
    return StepOutput(
        frames={RESPONSE_MODELS: state.models, POLICY_CARDS: state.cards},
        facts={POLICY_CARDS: {"verdicts": dg.MetadataValue.md(as_markdown(state.cards.select(VERDICT)))}},
    )


def propose_offers(night: Night) -> StepOutput:
    """Of one bucket of people."""
    population, policies = policies_of(night.read(RESPONSE_MODELS).collect())
    nights = _remembered_nights(night)
    proposal = propose_actions(
        ProposalInputs(
            features=night.read(CUSTOMER_FEATURES),
            value=night.read(CUSTOMER_VALUE),
            affinity=night.read(PRODUCT_AFFINITY),
            memberships=night.read(MEMBERSHIPS),
            fatigue=night.read(FATIGUE),
            plan=without_unsent(
                night.history(PLAN, nights=nights), night.history(DISPATCH_LOG, nights=nights)
            ),
            activities=night.read(ACTIVITIES),
            lines=night.read(PURCHASE_LINES),
            products=night.read(PRODUCTS),
            population=population,
            policies=policies,
            overrides=overrides_in_force(night).lazy(),
        ),
        config=night.config,
        night=night.on,
        as_of=night.as_of,
    )
    return StepOutput(
        frames={
            ACTION_CANDIDATES: proposal.candidates,
            DECISION_CONTEXTS: proposal.people,
            CHANNEL_CONTEXTS: proposal.channels,
            OFFER_CONTEXTS: proposal.offers,
        }
    )


def _remembered_nights(night: Night) -> int:
    """As many as models and the rules of offers look back on."""
    personalization = night.config.personalization
    rules = [offer.eligibility for offer in personalization.catalogue.offers.values()]
    asked = [rule.minimum_days_since_same_offer or 0 for rule in rules]
    return max(personalization.learning.history_days, *asked, 0)


STEPS = (
    Step(
        name="response_models",
        compute=learn_from_the_past,
        reads=(CUSTOMER_FEATURES, PRODUCT_AFFINITY, ACTIVITIES, PURCHASES),
        continues=(RESPONSE_MODELS, POLICY_CARDS),
        publishes=(RESPONSE_MODELS, POLICY_CARDS),
    ),
    Step(
        name="personalization",
        compute=propose_offers,
        is_bucketed=True,
        reads=(
            CUSTOMER_FEATURES,
            CUSTOMER_VALUE,
            PRODUCT_AFFINITY,
            MEMBERSHIPS,
            FATIGUE,
            ACTIVITIES,
            PURCHASE_LINES,
            PRODUCTS,
            RESPONSE_MODELS,
            IDENTITY_EVENTS,
        ),
        publishes=(ACTION_CANDIDATES, DECISION_CONTEXTS, CHANNEL_CONTEXTS, OFFER_CONTEXTS),
    ),
)
