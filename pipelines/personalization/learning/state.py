"""What campaigns have learnt, as it is kept: when it is learnt again, from what, and how it reads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines.contracts.enrichment import TrainedModel
from pipelines.contracts.objectives import ValueMethod
from pipelines.contracts.personalization import PolicyCard
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.expressions.dispatching import unsent_decisions
from pipelines.personalization.campaigns import declared_value, kept_rate
from pipelines.personalization.learning.arrays import Action, Examples
from pipelines.personalization.learning.cards import policy_card
from pipelines.personalization.learning.declared import DeclaredPriors
from pipelines.personalization.learning.examples import (
    Past,
    Results,
    assemble_examples,
    choices_of,
    conversions,
    drawn_candidates,
    event_delays,
    sampled,
)
from pipelines.personalization.learning.fatigue import UNSUBSCRIBE
from pipelines.personalization.learning.policy import CampaignPolicy
from pipelines.personalization.learning.training import CampaignTerms, Trained, train_campaign
from pipelines.personalization.population import Population

MODEL_VERSION = "1"
#: Row of the state that holds what everyone has in common; no campaign can have the name.
POPULATION = "*"
#: Settings of a campaign that make another model.
_MODELLED = ("objective", "reward_window_days", "event_value", "base_response_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningState:
    """Tonight's models and cards, one row a campaign."""

    models: pl.DataFrame
    cards: pl.DataFrame


def campaign_terms(settings: PersonalizationSettings, name: str) -> CampaignTerms:
    """What a campaign declares of its actions: every template with every offer that the catalogue has."""
    campaign, catalogue = settings.campaigns[name], settings.catalogue
    actions = tuple(
        sorted(
            Action(template, offer, catalogue.templates[template].channel.value)
            for template in set(campaign.templates) & set(catalogue.templates)
            for offer in set(campaign.offers) & set(catalogue.offers)
        )
    )
    costs = [float(catalogue.channels[catalogue.templates[one.template_id].channel].cost) for one in actions]
    return CampaignTerms(
        actions=actions,
        kept_rate=np.array([kept_rate(campaign, catalogue.offers[action.offer_id]) for action in actions]),
        cost=np.array(costs),
        campaign=campaign,
        learning=settings.learning,
        fatigue=settings.fatigue,
    )


def declared_priors(settings: PersonalizationSettings, name: str, population: Population) -> DeclaredPriors:
    """What a campaign declares of responses, for the actions of its terms in their order."""
    campaign, terms = settings.campaigns[name], campaign_terms(settings, name)
    categories = [settings.catalogue.offers[action.offer_id].category for action in terms.actions]
    return DeclaredPriors(
        base_rate=campaign.base_response_rate,
        response_value=declared_value(campaign),
        kept_rate=terms.kept_rate,
        shares=np.array([1.0 if one is None else population.shares.get(one, 0.0) for one in categories]),
        mean_order=population.mean_order,
    )


def due_campaigns(models: pl.DataFrame, config: NightConfig, night: date) -> list[str]:
    """Campaigns without a model, with one that is old or was made by other settings, or still on priors."""
    settings, found = config.personalization, {row["model"]: row for row in models.to_dicts()}
    due = []
    for name in sorted(set(settings.campaigns) - config.paused):
        row = found.get(name)
        is_current = (
            row is not None
            and row["method"] != ValueMethod.DECLARED.value
            and (night - row["trained_on"]).days < settings.learning.retrain_after_days
            and json.loads(row["payload"])["declared"] == _declared(settings, name)
        )
        if not is_current:
            due.append(name)
    return due


def continue_learning(
    models: pl.DataFrame,
    cards: pl.DataFrame,
    past: Past,
    population: Population,
    *,
    config: NightConfig,
    night: date,
) -> LearningState:
    """The state of tonight: what is young is carried on, what is due is learnt again.

    Args:
        models: The state of the night before.
        cards: Cards of the night before.
        past: Looked at only where something is due.
        population: Of tonight.
        config: Of tonight.
        night: Tonight.
    """
    due, workspace_id = due_campaigns(models, config, night), config.workspace.workspace
    trained = _train(past, population, due, config, night) if due else {}
    kept = set(config.personalization.campaigns) - set(due)
    rows = [row for row in models.to_dicts() if row["model"] in kept]
    rows += [_model_row(name, one, config, night) for name, one in trained.items()]
    rows.append(_population_row(population, workspace_id, night))
    card_rows = [row for row in cards.to_dicts() if row["programme"] in kept]
    for name, one in trained.items():
        terms = campaign_terms(config.personalization, name)
        card_rows.append(policy_card(name, one, terms, workspace_id=workspace_id, night=night))
    return LearningState(
        models=_frame(TrainedModel, rows, "model"), cards=_frame(PolicyCard, card_rows, "programme")
    )


def policies_of(models: pl.DataFrame) -> tuple[Population, dict[str, CampaignPolicy]]:
    """What tonight's proposals go by."""
    payloads = {row["model"]: json.loads(row["payload"]) for row in models.to_dicts()}
    population = Population.of_record(payloads.pop(POPULATION))
    return population, {
        name: CampaignPolicy.of_record(payload["policy"]) for name, payload in payloads.items()
    }


def _train(
    past: Past, population: Population, names: Sequence[str], config: NightConfig, night: date
) -> dict[str, Trained]:
    learning = config.personalization.learning
    own = past.decisions.filter(pl.col("programme").is_in(list(names)))
    # Collected here: how many decisions there are decides what is looked at, and fits go over all rows.
    count = own.select(pl.len()).collect().item()
    past = sampled(past, learning.maximum_examples * len(names) / max(count, 1))
    unsent = unsent_decisions(past.plan, past.dispatch_log, time_zone=config.workspace.time_zone)
    drawn = drawn_candidates(past.decisions, past.candidates, unsent).collect()
    settings = config.personalization
    return {
        name: train_campaign(
            _examples_of(
                past, drawn, name, config, declared=declared_priors(settings, name, population), night=night
            ),
            campaign_terms(settings, name),
        )
        for name in names
    }


def _examples_of(
    past: Past, drawn: pl.DataFrame, name: str, config: NightConfig, *, declared: DeclaredPriors, night: date
) -> Examples:
    settings, workspace = config.personalization, config.workspace
    terms = campaign_terms(settings, name)
    kinds: dict[str, Sequence[str]] = {event: [event] for event in settings.learning.response_events}
    kinds[UNSUBSCRIBE] = settings.fatigue.unsubscribe_events
    choices = choices_of(drawn, name, terms.actions)
    window = terms.campaign.reward_window_days
    asked = choices.lazy().select("customer_id", "decided_on").unique()
    people, channels, offers, delays, bought = pl.collect_all([
        *(
            contexts.join(asked, on=["customer_id", "decided_on"], how="semi")
            for contexts in (past.people, past.channels, past.offers)
        ),
        event_delays(choices.lazy(), past.plan, past.activities, kinds, workspace=workspace),
        conversions(choices.lazy(), past.purchases, window_days=window, workspace=workspace),
    ])  # fmt: skip
    results = Results(delays=delays, conversions=bought, people=people, channels=channels, offers=offers)
    return assemble_examples(choices, results, terms.actions, list(kinds), declared=declared, night=night)


def _declared(settings: PersonalizationSettings, name: str) -> dict[str, Any]:
    """Settings that make another model; compared with those that a model was made by."""
    campaign = settings.campaigns[name].model_dump(mode="json")
    return {key: campaign[key] for key in _MODELLED} | {
        "response_events": list(settings.learning.response_events)
    }


def _model_row(name: str, trained: Trained, config: NightConfig, night: date) -> dict[str, Any]:
    settings = config.personalization
    first = int(trained.examples.ages.max(initial=0))
    terms = campaign_terms(settings, name)
    card = policy_card(name, trained, terms, workspace_id=config.workspace.workspace, night=night)
    return {
        "workspace_id": config.workspace.workspace,
        "model": name,
        "model_version": MODEL_VERSION,
        "method": trained.policy.method.value,
        "trained_on": night,
        "window_start_on": card["window_start_on"],
        "window_end_on": card["window_end_on"],
        "row_count": len(trained.examples) if first else 0,
        "is_used": trained.policy.method is not ValueMethod.DECLARED,
        "features": card["features"],
        "metrics": card["fit"],
        "payload": json.dumps({"declared": _declared(settings, name), "policy": trained.policy.record()}),
        "note": trained.note,
    }


def _population_row(population: Population, workspace_id: str, night: date) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "model": POPULATION,
        "model_version": MODEL_VERSION,
        "method": "means",
        "trained_on": night,
        "window_start_on": None,
        "window_end_on": None,
        "row_count": len(population.shares),
        "is_used": True,
        "features": json.dumps([]),
        "metrics": json.dumps({}),
        "payload": json.dumps(population.record()),
        "note": "what everyone has in common",
    }


def _frame(contract: Any, rows: Sequence[Mapping[str, Any]], key: str) -> pl.DataFrame:
    types = {name: column.dtype for name, column in contract.columns().items()}
    return pl.DataFrame(list(rows), schema=types, orient="row").sort(key)
