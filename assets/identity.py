"""Identity: source records become people."""

from math import log2

import polars as pl

from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput, row_count
from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.contracts.source_tables import CUSTOMERS
from pipelines.contracts.tables import (
    CONTACT_POINTS,
    CUSTOMER_LINKS,
    HOUSEHOLDS,
    IDENTITY_EVENTS,
    LINK_EVIDENCE,
    LINKAGE_MODEL,
    PROFILE_SOURCES,
    PROFILES,
)
from pipelines.identity.likely_links import add_likely_pairs
from pipelines.identity.likeness import representatives
from pipelines.identity.linking import Matches, match_records
from pipelines.identity.resolution import resolve_identities
from resources.record_linkage.scoring import PairLimits, score_pairs

NO_RECORD_LOST = Expectation(
    name="no_record_lost",
    table=CUSTOMER_LINKS,
    description="Every source record is linked to exactly one person.",
)


def carry_model(night: Night) -> StepOutput:
    """The model that was trained for this very night, or else that of the night before: it is frozen."""
    if night.lake.find(LINKAGE_MODEL, night.on) is not None:
        trained_tonight = night.read(LINKAGE_MODEL).filter(pl.col("trained_on") == night.on)
        if row_count(trained_tonight):
            return StepOutput(frames={LINKAGE_MODEL: trained_tonight})
    return StepOutput(frames={LINKAGE_MODEL: night.earlier(LINKAGE_MODEL)})


def link_people(night: Night) -> StepOutput:
    customers, settings = night.read(CUSTOMERS), night.config.enrichment.enrichment.identity
    matches = match_records(customers, settings)
    model = night.read(LINKAGE_MODEL).collect() if settings.probabilistic else None
    if model is not None and model.height:
        matches = join_alike(matches, settings, parameters=model["parameters"][0])
    tables = resolve_identities(
        customers,
        matches,
        night.earlier(CUSTOMER_LINKS),
        night=night.on,
        workspace=night.workspace,
        settings=settings,
    )
    record_count, link_count = row_count(customers), row_count(tables.customer_links)
    return StepOutput(
        frames={
            CUSTOMER_LINKS: tables.customer_links,
            LINK_EVIDENCE: tables.link_evidence,
            IDENTITY_EVENTS: tables.identity_events,
            PROFILES: tables.profiles,
            CONTACT_POINTS: tables.contact_points,
            PROFILE_SOURCES: tables.profile_sources,
            HOUSEHOLDS: tables.households,
        },
        verdicts={
            NO_RECORD_LOST.name: CheckOutcome(
                is_held=record_count == link_count, facts={"records": record_count, "links": link_count}
            )
        },
    )


def join_alike(matches: Matches, settings: IdentitySettings, *, parameters: str) -> Matches:
    """One representative of each group is compared by the frozen model, in memory."""
    likelihood = settings.minimum_link_probability
    pairs = score_pairs(
        representatives(matches),
        parameters,
        limits=PairLimits(
            minimum_weight=log2(likelihood / (1 - likelihood)),
            tells_households_apart=settings.tells_households_apart,
            generation_years=settings.generation_years,
        ),
    )
    return add_likely_pairs(matches, pairs, settings)


STEPS = (
    Step(
        name="linkage_model",
        compute=carry_model,
        # Not for its rows: a night whose sources could not be read publishes nothing, no model either.
        reads=(CUSTOMERS,),
        continues=(LINKAGE_MODEL,),
        publishes=(LINKAGE_MODEL,),
    ),
    Step(
        name="identity",
        compute=link_people,
        reads=(CUSTOMERS, LINKAGE_MODEL),
        continues=(CUSTOMER_LINKS,),
        publishes=(
            CUSTOMER_LINKS,
            LINK_EVIDENCE,
            IDENTITY_EVENTS,
            PROFILES,
            CONTACT_POINTS,
            PROFILE_SOURCES,
            HOUSEHOLDS,
        ),
        expectations=(NO_RECORD_LOST,),
        code_version="3",
    ),
)
