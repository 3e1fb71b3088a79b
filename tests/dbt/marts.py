"""What dbt built, read back through the same interface from any warehouse."""

from pathlib import Path

import polars as pl

from pipelines.contracts.settings.connections import Connection
from resources.dbt import PROJECT_FOLDER
from resources.warehouses.base import ReadRequest, Relation, Warehouse
from resources.warehouses.open import open_warehouse

MARTS = sorted(path.stem for path in (PROJECT_FOLDER / "models" / "marts").glob("*.sql"))


def read_rows(warehouse: Warehouse, relation: Relation) -> pl.DataFrame:
    """All rows, names in lower case and whole numbers as such: an engine's catalogue may differ in both."""
    columns = {column.name.lower(): column for column in warehouse.describe("mart", relation)}
    with warehouse.read(ReadRequest(source="mart", relation=relation, columns=columns)) as stream:
        rows = pl.DataFrame(stream.read_all())
    whole = [name for name, kind in rows.schema.items() if isinstance(kind, pl.Decimal) and kind.scale == 0]
    return rows.cast(dict.fromkeys(whole, pl.Int64)).sort(pl.all())


def read_marts(target: Connection) -> dict[str, pl.DataFrame]:
    with open_warehouse(target, name="crm", workspace_folder=Path()) as warehouse:
        return {mart: read_rows(warehouse, Relation(table=f"onward.{mart}")) for mart in MARTS}
