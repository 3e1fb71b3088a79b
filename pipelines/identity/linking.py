"""Which source records are one person, and that person's id from night to night."""

from datetime import date

import numpy as np
import polars as pl

from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.identity.components import connected_components
from pipelines.identity.matching import list_identifiers, star_edges
from pipelines.identity.surrogates import inherit_ids, mint_ids

RECORD = ["source", "customer_ref"]
#: Declared, not measured: how often one identifier in two records is one person. Families share
#: phones more than mailboxes.
_CONFIDENCE = {"email": 0.95, "phone": 0.9}
_ALONE = "single_record"


def link_records(
    customers: pl.LazyFrame, previous_links: pl.LazyFrame, *, night: date, workspace: WorkspaceSettings
) -> pl.DataFrame:
    """One row per record with its person.

    Works on rows in hand: components and ids are properties of the whole graph.
    """
    records = customers.sort(RECORD).with_row_index("record").with_columns(pl.col("record").cast(pl.Int64))
    edges, keys, previous = pl.collect_all(
        [star_edges(list_identifiers(records)), records.select("record", *RECORD), previous_links]
    )
    labels = connected_components(
        keys.height, *(edges.get_column(name).to_numpy().astype(np.int64) for name in ("record", "smallest"))
    )
    clustered = keys.with_columns(cluster=pl.Series(labels)).join(
        previous.select(*RECORD, earlier_id="customer_id", earlier_on="linked_on"), on=RECORD, how="left"
    )
    ids = _assign_ids(clustered, previous, workspace.workspace)
    return (
        clustered.join(ids, on="cluster")
        .join(_methods(clustered, edges), on="cluster", how="left")
        .select(
            pl.lit(workspace.workspace).alias("workspace_id"),
            *RECORD,
            "customer_id",
            pl.col("method").fill_null(_ALONE),
            pl.col("confidence").fill_null(1.0),
            linked_on=pl.when(pl.col("earlier_id") == pl.col("customer_id"))
            .then(pl.col("earlier_on"))
            .otherwise(pl.lit(night)),
        )
    )


def _assign_ids(clustered: pl.DataFrame, previous: pl.DataFrame, workspace: str) -> pl.DataFrame:
    votes = (
        clustered.drop_nulls("earlier_id")
        .group_by("cluster", customer_id="earlier_id")
        .agg(record_count=pl.len(), linked_on=pl.col("earlier_on").min())
    )
    kept = inherit_ids(votes)
    # A cluster is named after its smallest record, so that record's row has its key.
    unnamed = clustered.filter(
        (pl.col("record") == pl.col("cluster")) & ~pl.col("cluster").is_in(list(kept))
    ).sort("cluster")
    taken = previous.get_column("customer_id").unique().to_list()
    named = kept | mint_ids(unnamed.select("cluster", *RECORD).iter_rows(), taken, workspace=workspace)
    return pl.DataFrame(
        {"cluster": list(named), "customer_id": list(named.values())},
        schema={"cluster": pl.Int64, "customer_id": pl.Int64},
    )


def _methods(clustered: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """How the records of a cluster were found to be one: kinds of identifier and the weakest of them."""
    return (
        edges.join(clustered.select("record", "cluster"), on="record")
        .group_by("cluster")
        .agg(
            method=pl.lit("shared_") + pl.col("kind").unique().sort().str.join("_"),
            confidence=pl.col("kind").replace_strict(_CONFIDENCE, return_dtype=pl.Float64).min(),
        )
    )
