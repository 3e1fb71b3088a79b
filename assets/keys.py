"""Asset keys and specs, derived from the register of tables; nothing is named twice."""

from collections.abc import Iterable

import dagster as dg
import dataframely as dy

from pipelines.contracts.columns import Privacy, Table

#: Who answers for a stage; shown in the UI and used for alerts.
OWNERS = {
    "ingestion": "team:data-platform",
    "identity": "team:data-platform",
    "permission": "team:privacy",
    "enrichment": "team:customer-insight",
    "segmentation": "team:customer-insight",
    "journeys": "team:lifecycle-marketing",
    "sequencing": "team:lifecycle-marketing",
    "personalization": "team:lifecycle-marketing",
    "planning": "team:lifecycle-marketing",
    "delivery": "team:data-platform",
    "measurement": "team:customer-insight",
}


def key_of(table: Table) -> dg.AssetKey:
    return dg.AssetKey([table.stage, table.name])


def column_schema(schema: type[dy.Schema]) -> dg.TableSchema:
    """The contract as Dagster shows it."""
    key = set(schema.primary_key())
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=str(column.dtype),
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable,
                    unique=False,
                    other=["part of the key"] if name in key else [],
                ),
            )
            for name, column in schema.columns().items()
        ]
    )


def spec_of(
    table: Table,
    *,
    deps: Iterable[dg.AssetDep],
    code_version: str,
    freshness: dg.FreshnessPolicy | None = None,
) -> dg.AssetSpec:
    """How a published table appears in the graph."""
    kinds = {"polars", "parquet"} | ({"encrypted"} if table.privacy is Privacy.PERSONAL else set())
    return dg.AssetSpec(
        key=key_of(table),
        deps=list(deps),
        description=table.grain,
        group_name=table.stage,
        owners=[OWNERS[table.stage]],
        kinds=kinds,
        tags={"privacy": table.privacy.value, "history": table.history.value},
        metadata={"dagster/column_schema": column_schema(table.schema)},
        code_version=code_version,
        freshness_policy=freshness,
    )
