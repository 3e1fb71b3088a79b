"""Next best action: the offers of each campaign that fit a person best, on every template."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.codes import LossPolicy, Product
from pipelines.contracts.objectives import ValueMethod
from pipelines.contracts.overrides import ActiveOverride
from pipelines.contracts.settings.night import NightConfig
from pipelines.expressions.digest import identifier
from pipelines.expressions.time import INSTANT, end_of_local_day
from pipelines.personalization.campaigns import CampaignTables, campaign_tables
from pipelines.personalization.eligibility import EligibilityFacts, bought_lines, eligible_offers
from pipelines.personalization.forcing import forced_audience, forced_offers, only_what_is_forced
from pipelines.personalization.learning.contexts import (
    Contacts,
    channel_contexts,
    offer_contexts,
    past_contacts,
    person_contexts,
)
from pipelines.personalization.learning.knowledge import knowledge_of
from pipelines.personalization.learning.policy import CampaignPolicy
from pipelines.personalization.population import Population
from pipelines.personalization.scoring import (
    response_score,
    score_uncertainty,
    shrunk_share,
    taste_lift,
    value_of_response,
)
from pipelines.personalization.valuing import most_promising, value_actions

#: A campaign has one decision a night and person.
NODE = "next_best_action"
#: A campaign that nothing was learnt of yet, not even that there is nothing to learn from.
UNTRAINED = CampaignPolicy(method=ValueMethod.DECLARED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalInputs:
    """What the stage reads; none of it holds names or addresses.

    Attributes:
        plan: Messages of past nights, of as many as rules and models look back on.
        population: Over everyone, also where the other inputs are of one bucket of people.
        policies: Campaign → what was learnt of it.
        overrides: What people forced, `ActiveOverride`s of the night.
    """

    features: pl.LazyFrame
    value: pl.LazyFrame
    affinity: pl.LazyFrame
    memberships: pl.LazyFrame
    fatigue: pl.LazyFrame
    plan: pl.LazyFrame
    activities: pl.LazyFrame
    lines: pl.LazyFrame
    products: pl.LazyFrame
    population: Population
    policies: Mapping[str, CampaignPolicy]
    overrides: pl.LazyFrame = field(default_factory=lambda: ActiveOverride.create_empty(lazy=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Candidates, and what was known of the people whom they are for."""

    candidates: pl.DataFrame
    people: pl.DataFrame
    channels: pl.DataFrame
    offers: pl.DataFrame


def _audience(inputs: ProposalInputs, audiences: pl.LazyFrame) -> pl.LazyFrame:
    """Campaign × person, by open membership or everyone."""
    members = inputs.memberships.filter(pl.col("left_on").is_null()).select("segment", "customer_id")
    chosen = audiences.join(members, on="segment", how="inner").select("campaign", "customer_id")
    everyone = audiences.filter(pl.col("segment").is_null()).select("campaign")
    people = inputs.features.select("customer_id")
    return pl.concat([chosen, everyone.join(people, how="cross")])


def _scored_offers(inputs: ProposalInputs, offered: pl.LazyFrame) -> pl.LazyFrame:
    """Campaign × person × offer with declared score and worth of a response."""
    orders = inputs.features.select("customer_id", "order_count", "mean_order_amount")
    activity = inputs.value.select("customer_id", "active_28d_probability")
    taste = inputs.affinity.select("customer_id", "category", "affinity_score")
    return (
        offered.join(activity, on="customer_id", how="inner")
        .join(orders, on="customer_id", how="inner")
        .join(inputs.population.table(), on="category", how="left")
        .join(taste, on=["customer_id", "category"], how="left")
        .with_columns(
            pl.col("population_share").fill_null(0.0), population_mean_order=inputs.population.mean_order
        )
        .with_columns(share=shrunk_share())
        .with_columns(score=response_score(), worth=value_of_response(), taste=taste_lift().log())
        .with_columns(uncertainty=score_uncertainty())
        .select(
            "campaign", "customer_id", "offer_id", "kept_rate", "offers_per_person",
            "score", "uncertainty", "worth", "taste",
        )
        .sort("campaign", "customer_id", "offer_id")
    )  # fmt: skip


def propose_actions(inputs: ProposalInputs, *, config: NightConfig, night: date, as_of: datetime) -> Proposal:
    """One row per active campaign, person in its audience, template, and offer among the most promising.

    Whom an override brings in is proposed for too, what the override is about alone.
    Held-out people are proposed for like everyone: planning holds them back and
    records it. So are actions of negative value. An offer is not proposed to people
    whom its rules keep from it.

    Raises:
        CampaignReferenceError: A campaign names an offer, template or segment that does not exist.
    """
    workspace, settings = config.workspace, config.personalization
    campaigns = campaign_tables(config, sending_day=as_of.astimezone(workspace.zone).date())
    contacts = past_contacts(
        inputs.plan,
        inputs.activities,
        response_events=settings.learning.response_events,
        as_of=as_of,
        workspace=workspace,
    )
    facts = EligibilityFacts(
        memberships=inputs.memberships,
        sends=contacts.sends,
        lines=bought_lines(inputs.lines, inputs.products),
        night=night,
        as_of=as_of,
        workspace=workspace,
    )
    audience = _audience(inputs, campaigns.audiences)
    brought_in = forced_audience(campaigns.audiences, inputs.overrides).join(
        audience, on=["campaign", "customer_id"], how="anti"
    )
    offered = pl.concat([audience, brought_in]).join(campaigns.offers, on="campaign", how="inner")
    allowed = eligible_offers(offered, settings.catalogue.offers, facts)
    # Collected here: people and actions become matrices.
    scored = _scored_offers(inputs, allowed).collect()
    people, channels, offers = pl.collect_all(_contexts(scored, inputs, contacts, config, night))
    forced = forced_offers(scored.lazy().select("campaign", "customer_id", "offer_id"), inputs.overrides)
    known = _Known(people.sort("customer_id"), channels, offers, forced.collect())
    valued = _valued(scored, known, campaigns, inputs.policies, config)
    proposed = _candidates(valued, config, night=night, as_of=as_of)
    candidates = only_what_is_forced(proposed.lazy(), brought_in, inputs.overrides).collect()
    return Proposal(candidates=candidates, people=people, channels=channels, offers=offers)


@dataclass(frozen=True, slots=True)
class _Known:
    people: pl.DataFrame
    channels: pl.DataFrame
    offers: pl.DataFrame
    forced: pl.DataFrame


def _contexts(
    scored: pl.DataFrame, inputs: ProposalInputs, contacts: Contacts, config: NightConfig, night: date
) -> list[pl.LazyFrame]:
    rows, workspace = scored.lazy(), config.workspace
    people = rows.select("customer_id").unique()
    # Taste does not depend on the campaign.
    tastes = rows.select("customer_id", "offer_id", "taste").unique(["customer_id", "offer_id"])
    return [
        person_contexts(people, inputs.features, inputs.value, workspace=workspace, night=night),
        channel_contexts(people, inputs.fatigue, contacts, workspace=workspace, night=night),
        offer_contexts(tastes, contacts, workspace=workspace, night=night),
    ]


def _valued(
    scored: pl.DataFrame,
    known: _Known,
    campaigns: CampaignTables,
    policies: Mapping[str, CampaignPolicy],
    config: NightConfig,
) -> pl.DataFrame:
    """Campaign by campaign: every template of the offers that could bring most."""
    templates = campaigns.templates.collect()
    parts = []
    for name in sorted(config.personalization.campaigns):
        rows = scored.filter(pl.col("campaign") == name).join(
            templates, on="campaign", how="inner", maintain_order="left"
        )
        policy = policies.get(name, UNTRAINED)
        people = known.people.join(rows, on="customer_id", how="semi", maintain_order="left")
        names = () if policy.learnt is None else policy.learnt.response.layout.offers
        knowledge = knowledge_of(people, people, known.channels, known.offers, names)
        valued = value_actions(rows, knowledge, policy, config.personalization.fatigue)
        parts.append(most_promising(valued, known.forced.filter(pl.col("campaign") == name)))
    return (
        pl.concat(parts)
        if parts
        else scored.join(templates, on="campaign").with_columns(value="score", value_uncertainty="score")
    )


def _candidates(valued: pl.DataFrame, config: NightConfig, *, night: date, as_of: datetime) -> pl.DataFrame:
    workspace = config.workspace
    sending_day = as_of.astimezone(workspace.zone).date()
    decision = ("workspace_id", "product", "programme", "customer_id", "night")
    action = ("decision_id", "channel", "template_id", "offer_id")
    return (
        valued.with_columns(
            workspace_id=pl.lit(workspace.workspace),
            product=pl.lit(Product.PERSONALIZATION.value),
            programme="campaign",
            programme_version=pl.lit(config.version_of("personalization")),
            node_id=pl.lit(NODE),
            waiting_nights=pl.lit(0),
            valid_until=pl.lit(end_of_local_day(sending_day, workspace.zone), INSTANT),
            on_loss=pl.lit(LossPolicy.SKIP.value),
            is_adaptive=pl.lit(value=True),
            night=pl.lit(night),
        )
        .with_columns(decision_id=identifier("decision", *(pl.col(name) for name in decision)))
        .with_columns(candidate_id=identifier("candidate", *(pl.col(name) for name in action)))
        .pipe(Candidate.cast)
    )
