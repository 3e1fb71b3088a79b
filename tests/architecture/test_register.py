"""The register of tables: everything that is derived from it depends on these properties."""

import re

import polars as pl
import pytest

from pipelines.contracts.columns import Privacy, Table
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.contracts.tables import STAGES, TABLES

PERSONAL_NAMES = {
    "email", "phone", "address", "first_name", "last_name", "street", "birth_date", "device_id",
}  # fmt: skip
ALL = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.identifier)


def test_identifiers_are_unique_and_in_the_order_of_the_stages() -> None:
    assert len({table.identifier for table in TABLES}) == len(TABLES)
    positions = [STAGES.index(table.stage) for table in TABLES]
    assert positions == sorted(positions)
    assert {table.stage for table in TABLES} == set(STAGES)


@ALL
def test_a_workspace_comes_first_and_is_part_of_the_key(table: Table) -> None:
    assert next(iter(table.schema.columns())) == "workspace_id"
    assert table.schema.primary_key()[0] == "workspace_id"
    assert len(table.schema.primary_key()) > 1


@ALL
def test_grain_and_columns_are_described(table: Table) -> None:
    assert re.fullmatch(r"One row per [^.]+\.", table.grain)
    assert [name for name, column in table.schema.columns().items() if not column.description] == []


@ALL
def test_personal_columns_stand_only_in_personal_tables(table: Table) -> None:
    personal = {
        name for name, column in table.schema.columns().items() if (column.metadata or {}).get("personal")
    }
    looks_personal = {
        name
        for name in table.schema.columns()
        if name
        in {"email", "phone", "address", "first_name", "last_name", "street", "birth_date", "device_id"}
    }
    assert looks_personal <= personal
    assert bool(personal) == (table.privacy is Privacy.PERSONAL)
    assert not (table.is_personal and table.is_written_back)


#: Ending or beginning of a column's name → the types that it promises; the first match counts.
UNITS = {
    r"^mean_": {pl.Float64(), pl.Decimal(18, 2)},
    r"_at$": {pl.Datetime("us", "UTC")},
    r"_on$": {pl.Date()},
    r"_amount$": {pl.Decimal(18, 2)},
    r"^rfm_.*_score$": {pl.Int64()},
    r"(_count|_days|_number)$": {pl.Int64()},
    r"(_rate|_score|_probability)$": {pl.Float64()},
    r"^(is|has)_": {pl.Boolean()},
    r"^customer_id$": {pl.Int64()},
}


@ALL
def test_columns_carry_units(table: Table) -> None:
    for name, column in table.schema.columns().items():
        promised = next((types for unit, types in UNITS.items() if re.search(unit, name)), {column.dtype})
        assert column.dtype in promised, name


@ALL
def test_a_generated_sample_keeps_the_contract(table: Table) -> None:
    sample = table.schema.sample(num_rows=50)
    assert table.schema.is_valid(sample)


def test_sources_are_the_tables_of_the_public_interface() -> None:
    assert list(SOURCE_TABLES) == [
        "customers", "orders", "order_lines", "products", "events", "messages", "campaigns",
        "campaign_members", "consents", "suppressions", "erasures", "costs",
    ]  # fmt: skip
