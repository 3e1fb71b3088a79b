"""Source records become people: links and why they hold, golden records, contact points, changes of ids."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.identity.golden_records import (
    build_contact_points,
    build_profile_sources,
    build_profiles,
    choose_survivors,
)
from pipelines.identity.households import find_households
from pipelines.identity.linking import Matches, link_records


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityTables:
    """What the stage publishes."""

    customer_links: pl.LazyFrame
    link_evidence: pl.LazyFrame
    identity_events: pl.LazyFrame
    profiles: pl.LazyFrame
    contact_points: pl.LazyFrame
    profile_sources: pl.LazyFrame
    households: pl.LazyFrame


def resolve_identities(
    customers: pl.LazyFrame,
    matches: Matches,
    previous_links: pl.LazyFrame,
    *,
    night: date,
    workspace: WorkspaceSettings,
    settings: IdentitySettings,
) -> IdentityTables:
    """Links tonight's records to people; ids go on from the links of the latest earlier night.

    Survivors are collected once: four tables are made of them.
    """
    found = link_records(matches, previous_links, night=night, workspace=workspace)
    links = found.customer_links.lazy()
    verified = settings.survivorship.verified_sources
    survivors = choose_survivors(customers, links, verified).collect().lazy()
    return IdentityTables(
        customer_links=links,
        link_evidence=found.link_evidence.lazy(),
        identity_events=found.identity_events.lazy(),
        profiles=build_profiles(survivors),
        contact_points=build_contact_points(survivors),
        profile_sources=build_profile_sources(survivors, customers, links),
        households=find_households(survivors, workspace=workspace),
    )
