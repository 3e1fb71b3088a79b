from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import dataframely as dy
import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.contracts.columns import Privacy, Table, amount, customer_id, instant, workspace_id
from pipelines.contracts.delivery import WrittenTable
from pipelines.contracts.tables import CONTACT_POINTS, HELD_BACK, JOURNEY_CANDIDATES, SEGMENT_SIZES, TABLES
from resources.warehouses.base import SourceError, WriteReceipt
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse
from resources.write_back.writing import (
    IncompleteWriteError,
    PublishedTable,
    RefusedTableError,
    write_back,
    written_columns,
)

NIGHT = date(2024, 3, 1)
LATER = date(2024, 3, 2)
WRITTEN_BACK = [table for table in TABLES if table.is_written_back]


class Purse(dy.Schema):
    workspace_id = workspace_id()
    customer_id = customer_id()
    held_amount = amount("Money.")


class FullerPurse(Purse):
    counted_at = instant("When.", nullable=True)


PURSES = Table(
    stage="enrichment",
    name="purses",
    schema=Purse,
    grain="One row per person.",
    privacy=Privacy.PSEUDONYMOUS,
    is_written_back=True,
)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "folder" / "warehouse.duckdb"


def purses(*amounts: str, workspace: str = "acme") -> pl.DataFrame:
    rows = [(workspace, number, Decimal(held)) for number, held in enumerate(amounts)]
    return pl.DataFrame(rows, schema=Purse.create_empty().schema, orient="row")


def write_all(target, published, *, night=NIGHT, workspace="acme"):
    with DuckDBWarehouse(target, is_read_only=False) as warehouse:
        return write_back(
            published, warehouse=warehouse, target_name="embedded", workspace_id=workspace, night=night
        )


def write(target, frame, *, table=PURSES, version="v1", **scope):
    return write_all(target, [PublishedTable(table, frame, version)], **scope)


def read(target, query="SELECT * FROM onward.purses ORDER BY ALL"):
    with closing(duckdb.connect(target, read_only=True)) as connection:
        return connection.execute(query).fetchall()


def test_rows_carry_workspace_and_night(target):
    written = write(target, purses("1.10", "2.00").lazy())
    WrittenTable.validate(written)
    assert written.rows() == [("acme", "enrichment/purses", "embedded", 2, 2, "v1")]
    assert read(target) == [("acme", NIGHT, 0, Decimal("1.10")), ("acme", NIGHT, 1, Decimal("2.00"))]


def test_a_night_written_again_replaces_its_own_rows_only(target):
    write(target, purses("1.00", "2.00"))
    write(target, purses("7.00", workspace="beta"), workspace="beta")
    write(target, purses("3.00"), night=LATER)
    write(target, purses("4.00"), version="v2")
    assert read(target) == [
        ("acme", NIGHT, 0, Decimal("4.00")),
        ("acme", LATER, 0, Decimal("3.00")),
        ("beta", NIGHT, 0, Decimal("7.00")),
    ]


def test_an_empty_table_is_made_and_empties_its_night(target):
    assert write(target, purses())["written_count"].to_list() == [0]
    write(target, purses("1.00"), version="v2")
    write(target, purses(), version="v1")
    assert read(target) == []


def test_a_night_written_twice_is_there_once(target):
    once = write(target, purses("1.00", "2.00"))
    assert_frame_equal(write(target, purses("1.00", "2.00")), once)
    assert len(read(target)) == 2


def test_a_night_that_somebody_deleted_is_written_again(target):
    for statement in ("DELETE FROM onward.purses WHERE customer_id = 1", "DROP TABLE onward.purses"):
        write(target, purses("1.00", "2.00"))
        with closing(duckdb.connect(target)) as connection:
            connection.execute(statement)
        assert write(target, purses("1.00", "2.00"))["written_count"].to_list() == [2]
        assert len(read(target)) == 2


def test_rows_that_somebody_else_writes_meanwhile_are_noticed():
    class Warehouse:
        def write(self, loads):
            return tuple(WriteReceipt(row_count=1, table_row_count=3, is_repeated=False) for _ in loads)

    with pytest.raises(IncompleteWriteError, match="holds 3 rows of the night and should hold 1"):
        write_back(
            [PublishedTable(PURSES, purses("1.00"), "v1")],
            warehouse=Warehouse(), target_name="crm", workspace_id="acme", night=NIGHT,
        )  # fmt: skip


@pytest.mark.parametrize("table", WRITTEN_BACK, ids=lambda table: table.identifier)
def test_a_copy_carries_workspace_and_night_before_everything_else(table):
    columns = written_columns(table)
    assert list(columns)[:2] == ["workspace_id", "as_of"]
    assert set(columns) == {*table.schema.column_names(), "as_of"}


def test_every_written_back_table_of_the_register_can_be_written(target):
    published = [PublishedTable(table, table.schema.sample(3), "v1") for table in WRITTEN_BACK]
    published = [replace(one, frame=one.frame.with_columns(workspace_id=pl.lit("acme"))) for one in published]
    written = write_all(target, published)
    assert written["written_count"].to_list() == [3] * len(WRITTEN_BACK)


def test_instants_stay_instants(target):
    frame = purses("1.00").with_columns(counted_at=pl.lit(datetime(2024, 3, 1, 5, 6, 7, 8, tzinfo=UTC)))
    write(
        target,
        frame.cast({"counted_at": pl.Datetime("us", "UTC")}),
        table=replace(PURSES, schema=FullerPurse),
    )
    assert read(target, "SELECT epoch_us(counted_at) FROM onward.purses") == [
        (int(datetime(2024, 3, 1, 5, 6, 7, tzinfo=UTC).timestamp()) * 1_000_000 + 8,)
    ]


def test_a_new_column_is_added_and_is_null_for_earlier_nights(target):
    write(target, purses("1.00"))
    fuller = purses("2.00").with_columns(counted_at=pl.lit(None, pl.Datetime("us", "UTC")))
    write(target, fuller, table=replace(PURSES, schema=FullerPurse), night=LATER)
    assert read(target, "SELECT as_of, counted_at FROM onward.purses ORDER BY as_of") == [
        (NIGHT, None),
        (LATER, None),
    ]


def test_a_column_of_another_type_is_refused_by_name(target):
    write(target, purses("1.00"))
    with closing(duckdb.connect(target)) as connection:
        connection.execute("ALTER TABLE onward.purses ALTER held_amount TYPE VARCHAR")
    with pytest.raises(SourceError, match=r"held_amount is VARCHAR there and DECIMAL\(18,2\) here"):
        write(target, purses("2.00"))
    assert read(target)[0][3] == "1.00"


def test_a_column_that_the_contract_lost_is_refused(target):
    write(target, purses("1.00").with_columns(counted_at=pl.lit(None, pl.Datetime("us", "UTC"))),
          table=replace(PURSES, schema=FullerPurse))  # fmt: skip
    with pytest.raises(SourceError, match="counted_at is TIMESTAMP WITH TIME ZONE there and not in"):
        write(target, purses("1.00"))


def test_all_tables_of_a_night_become_visible_together(target):
    write(target, purses("1.00"))
    with closing(duckdb.connect(target)) as connection:
        connection.execute(
            "CREATE TABLE onward.segment_sizes (workspace_id VARCHAR, as_of DATE, odd VARCHAR)"
        )
    published = [
        PublishedTable(PURSES, purses("9.00"), "v2"),
        PublishedTable(HELD_BACK, HELD_BACK.schema.create_empty(), "v2"),
        PublishedTable(SEGMENT_SIZES, SEGMENT_SIZES.schema.create_empty(), "v2"),
    ]
    with pytest.raises(SourceError, match="odd is VARCHAR there"):
        write_all(target, published)
    assert read(target) == [("acme", NIGHT, 0, Decimal("1.00"))]
    assert read(target, "SELECT count(*) FROM onward_internal.loads") == [(1,)]


def test_rows_of_another_workspace_are_not_kept(target):
    write(target, purses("1.00"))
    with pytest.raises(SourceError, match="1 rows of other partitions than workspace_id = acme"):
        write(target, purses("2.00", workspace="beta"))
    assert read(target) == [("acme", NIGHT, 0, Decimal("1.00"))]


class Named(Purse):
    first_name = dy.String(nullable=True, metadata={"personal": True})


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (CONTACT_POINTS, "holds personal data"),
        (replace(CONTACT_POINTS, is_written_back=True), "holds personal data"),
        (replace(PURSES, privacy=Privacy.PERSONAL), "holds personal data"),
        (replace(PURSES, schema=Named), "first_name"),
        (JOURNEY_CANDIDATES, "not declared as written back"),
    ],
)
def test_a_table_that_must_not_leave_the_lake_is_refused_before_anything_is_written(target, table, reason):
    published = [
        PublishedTable(PURSES, purses("1.00"), "v1"),
        PublishedTable(table, table.schema.create_empty(), "v1"),
    ]
    with pytest.raises(RefusedTableError, match=reason):
        write_all(target, published)
    assert read(target, "SELECT table_name FROM information_schema.tables") == []


def test_no_personal_table_of_the_register_is_declared_as_written_back():
    assert [table.identifier for table in TABLES if table.is_written_back and table.is_personal] == []
