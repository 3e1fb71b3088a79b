"""Which source records are one person, and that person's id from night to night."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.identity.events import describe_changes
from pipelines.identity.limits import Grouping, group_records
from pipelines.identity.matching import list_identifiers, star_edges
from pipelines.identity.normalisation import RECORD, normalise_records
from pipelines.identity.surrogates import inherit_ids, mint_ids

_ALONE = "single_record"


@dataclass(frozen=True, slots=True)
class Matches:
    """Records in groups, before a group has an id.

    Attributes:
        stated: One row per record, in the order of its number, as `normalise_records` gives them.
    """

    stated: pl.DataFrame
    grouping: Grouping


@dataclass(frozen=True, slots=True)
class Links:
    """People, how their ids changed tonight, and the pairs of records that say so."""

    customer_links: pl.DataFrame
    identity_events: pl.DataFrame
    link_evidence: pl.DataFrame


def match_records(customers: pl.LazyFrame, settings: IdentitySettings) -> Matches:
    """Groups of records that have an identifier in common, directly or by way of others.

    Works on rows in hand: components are properties of the whole graph.
    """
    stated = normalise_records(customers, settings).collect().sort("record")
    edges = star_edges(list_identifiers(stated.lazy(), settings), settings).collect()
    return Matches(stated, group_records(stated, edges, maximum_birth_dates=settings.maximum_birth_dates))


def link_records(
    matches: Matches, previous_links: pl.LazyFrame, *, night: date, workspace: WorkspaceSettings
) -> Links:
    """One row per record with its person; ids go on from the links of an earlier night."""
    previous = previous_links.select(*RECORD, earlier_id="customer_id", earlier_on="linked_on").collect()
    keys = matches.stated.select("record", *RECORD)
    clustered = keys.with_columns(cluster=pl.Series(matches.grouping.labels, dtype=pl.Int64)).join(
        previous, on=RECORD, how="left"
    )
    votes = (
        clustered.drop_nulls("earlier_id")
        .group_by("cluster", customer_id="earlier_id")
        .agg(record_count=pl.len().cast(pl.Int64), linked_on=pl.col("earlier_on").min())
    )
    ids = _assign_ids(clustered, votes, previous, workspace.workspace)
    named = clustered.join(ids, on="cluster")
    links = named.join(_methods(named, matches.grouping.edges), on="cluster", how="left").select(
        pl.lit(workspace.workspace).alias("workspace_id"),
        *RECORD,
        "customer_id",
        pl.col("method").fill_null(_ALONE),
        pl.col("confidence").fill_null(1.0),
        linked_on=pl.when(pl.col("earlier_id") == pl.col("customer_id"))
        .then(pl.col("earlier_on"))
        .otherwise(pl.lit(night)),
    )
    return Links(
        links,
        describe_changes(named, votes, previous, night=night, workspace=workspace.workspace),
        _evidence(matches.grouping.edges, keys, workspace.workspace),
    )


def _assign_ids(
    clustered: pl.DataFrame, votes: pl.DataFrame, previous: pl.DataFrame, workspace: str
) -> pl.DataFrame:
    kept = inherit_ids(votes)
    # A cluster is named after its smallest record, so that record's row has its key.
    leaders = clustered.filter(pl.col("record") == pl.col("cluster"))
    unnamed = leaders.join(kept, on="cluster", how="anti").sort("cluster")
    taken = previous.get_column("earlier_id").unique().to_list() if unnamed.height else []
    minted = mint_ids(unnamed.select("cluster", *RECORD).iter_rows(), taken, workspace=workspace)
    fresh = pl.DataFrame(
        {"cluster": list(minted), "customer_id": list(minted.values())},
        schema={"cluster": pl.Int64, "customer_id": pl.Int64},
    )
    return pl.concat([kept, fresh])


def _methods(named: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """How the records of a cluster were found to be one: what they share, and the weakest of it."""
    kinds = sorted(edges["kind"].unique())
    shared = [pl.when(pl.col(kind)).then(pl.lit(kind)) for kind in kinds]
    return (
        edges.filter(pl.col("broken_by").is_null())
        .join(named.select("record", "cluster"), on="record")
        .group_by("cluster")
        .agg(
            *((pl.col("kind") == kind).any().alias(kind) for kind in kinds),
            confidence=pl.col("confidence").min(),
        )
        .select(
            "cluster",
            "confidence",
            method=pl.concat_str(pl.lit("shared"), *shared, separator="_", ignore_nulls=True),
        )
    )


def _evidence(edges: pl.DataFrame, keys: pl.DataFrame, workspace: str) -> pl.DataFrame:
    ends = (keys.rename({name: f"{prefix}{name}" for name in keys.columns}) for prefix in ("", "other_"))
    record, other = ends
    return (
        edges.rename({"other": "other_record"})
        .join(record, on="record")
        .join(other, on="other_record")
        .select(
            pl.lit(workspace).alias("workspace_id"),
            *RECORD,
            *(f"other_{name}" for name in RECORD),
            "kind",
            "confidence",
            "broken_by",
        )
    )
