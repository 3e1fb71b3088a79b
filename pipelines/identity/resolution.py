"""Source records become people: deterministic links, golden records, contact points."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.identity.golden_records import build_contact_points, build_profiles
from pipelines.identity.linking import link_records


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityTables:
    """What the stage publishes."""

    customer_links: pl.LazyFrame
    profiles: pl.LazyFrame
    contact_points: pl.LazyFrame


def resolve_identities(
    customers: pl.LazyFrame, previous_links: pl.LazyFrame, *, night: date, workspace: WorkspaceSettings
) -> IdentityTables:
    """Links tonight's records to people; ids go on from the links of the latest earlier night."""
    links = link_records(customers, previous_links, night=night, workspace=workspace).lazy()
    return IdentityTables(
        customer_links=links,
        profiles=build_profiles(customers, links),
        contact_points=build_contact_points(customers, links),
    )
