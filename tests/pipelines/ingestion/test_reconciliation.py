"""Keys of the source against keys that were ingested."""

import polars as pl

from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import Customer
from pipelines.contracts.tables import CUSTOMERS
from pipelines.ingestion.reconciliation import compare_keys

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD")


def test_missed_and_deleted_keys_are_found_through_casts_and_defaults():
    ingested = Customer.sample(
        2, overrides={"workspace_id": "acme", "source": "main", "customer_ref": ["1", "2"]}
    )
    differences = compare_keys(
        pl.DataFrame({"customer_ref": [2, 3, 3]}),
        ingested.lazy(),
        table=CUSTOMERS,
        source=SourceSettings(connection="main", table="t"),
        workspace=WORKSPACE,
    )
    assert differences.missed.collect().rows() == [("acme", "main", "3")]
    assert differences.deleted.collect().rows() == [("acme", "main", "1")]
