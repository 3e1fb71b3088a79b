"""Loads: Parquet and COPY, or INSERT; what interrupts them; and that everything is cleaned up."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from resources.warehouses.base import Load, SourceError, WriteMode
from resources.warehouses.redshift import session as session_module
from resources.warehouses.redshift.session import RedshiftSession, copy_statement
from resources.warehouses.redshift.warehouse import RedshiftWarehouse

NIGHT = date(2017, 6, 1)
AT = datetime(2017, 6, 1, 12, 30, tzinfo=UTC)
COLUMNS = {
    "id": pl.Int64(),
    "name": pl.String(),
    "amount": pl.Decimal(18, 2),
    "score": pl.Float64(),
    "is_new": pl.Boolean(),
    "night": pl.Date(),
    "at": pl.Datetime("us", "UTC"),
}
FIRST = (1, "it's a \\ back", Decimal("1.50"), 0.1, True, NIGHT, AT)
SECOND = (2, None, None, None, None, NIGHT, None)
THIRD = (3, "", Decimal("-2.00"), -1e300, False, NIGHT, datetime(1, 1, 1, tzinfo=UTC))


def load_of(schema, *rows, mode=WriteMode.APPEND, load_id="a", **changes):
    frame = pl.LazyFrame(list(rows), schema=COLUMNS, orient="row")
    return Load(
        table="plan", schema_name=schema, columns=COLUMNS, rows=frame, mode=mode, load_id=load_id, **changes
    )


@pytest.fixture(params=["copied", "inserted"])
def target(request, settings_of):
    settings = settings_of()
    if request.param == "inserted":
        settings = settings.model_copy(update={"staging": None})
    with RedshiftWarehouse(settings, name="main") as warehouse:
        yield warehouse


@pytest.fixture
def stored(run, schema):
    return lambda: run(f"SELECT * FROM {schema}.plan ORDER BY id")


@pytest.fixture
def leftovers(run, schema, objects):
    """Staging tables and files that are still there."""
    staged = (
        "SELECT table_name FROM information_schema.tables "
        f"WHERE table_schema = '{schema}_internal' AND table_name <> 'loads'"
    )
    return lambda: [name for (name,) in run(staged)] + objects()


def test_every_type_is_stored_as_it_is(target, schema, stored, leftovers):
    (receipt,) = target.write([load_of(schema, FIRST, SECOND, THIRD)])
    assert (receipt.row_count, receipt.table_row_count, receipt.is_repeated) == (3, 3, False)
    assert stored() == [FIRST, SECOND, THIRD]
    assert leftovers() == []


def test_a_merge_twice_is_there_once(target, schema, stored, leftovers):
    merge = {"mode": WriteMode.MERGE, "keys": ("id",)}
    target.write([load_of(schema, FIRST, SECOND, **merge)])
    changed = (2, "new", *SECOND[2:])
    for is_repeated in (False, True):
        (receipt,) = target.write([load_of(schema, changed, THIRD, load_id="b", **merge)])
        assert (receipt.is_repeated, receipt.table_row_count) == (is_repeated, 3)
    assert stored() == [FIRST, changed, THIRD]
    assert leftovers() == []


def test_a_crash_between_staging_and_merge_is_repaired_by_a_rerun(
    target, schema, stored, leftovers, monkeypatch
):
    merge = load_of(schema, FIRST, SECOND, mode=WriteMode.MERGE, keys=("id",))

    def crash(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(RedshiftSession, "run_atomically", crash)
        patch.setattr(RedshiftSession, "unstage", lambda *_: None)
        with pytest.raises(MemoryError):
            target.write([merge])
    assert len(leftovers()) == 1
    assert stored() == []
    target.write([merge])
    assert stored() == [FIRST, SECOND]
    assert leftovers() == []


def test_a_key_twice_is_refused_before_anything_is_written(target, schema, server):
    server.heal()
    with pytest.raises(SourceError, match="duplicate_keys"):
        target.write([load_of(schema, FIRST, FIRST, mode=WriteMode.MERGE, keys=("id",))])
    assert [text for text in server.statements() if "plan" in text] == []


def test_a_transaction_that_is_turned_away_is_begun_anew(target, schema, stored, server):
    server.spoil("statement", contains="INSERT INTO", skip=_inserts(target), state="40001", message="locks")
    target.write([load_of(schema, FIRST)])
    assert stored() == [FIRST]


def _inserts(target):
    """Statements with these words that come before the transaction: none by way of S3."""
    return 0 if target._storage else 1


def test_a_lost_answer_to_a_commit_is_in_doubt_and_a_rerun_decides(target, schema, stored, server):
    server.spoil("statement", contains="COMMIT", drop_after=0)
    with pytest.raises(SourceError, match=r"write_failed.*commit") as lost:
        target.write([load_of(schema, FIRST)])
    assert not lost.value.is_transient
    target.write([load_of(schema, FIRST)])
    assert stored() == [FIRST]


def test_a_text_beyond_65535_bytes_is_refused_by_name(target, schema, leftovers):
    # 21846 times three bytes.
    longest, too_long = "x" * 65_535, "€" * 21_846
    target.write([load_of(schema, (1, longest, *SECOND[2:]))])
    with pytest.raises(SourceError, match=r"text_too_long.*a text of name has 65,538 bytes") as refused:
        target.write([load_of(schema, (2, too_long, *SECOND[2:]), load_id="b")])
    assert "€" not in str(refused.value)
    assert leftovers() == []


def test_many_rows_need_a_staging_folder(settings_of, schema, monkeypatch):
    monkeypatch.setattr(session_module, "_MOST_INSERTED_ROWS", 1)
    settings = settings_of().model_copy(update={"staging": None})
    with (
        RedshiftWarehouse(settings, name="main") as warehouse,
        pytest.raises(SourceError, match=r"no_staging.*2 rows are too many"),
    ):
        warehouse.write([load_of(schema, FIRST, SECOND)])


def test_inserts_and_files_are_cut_into_pieces(target, schema, stored, server, monkeypatch):
    monkeypatch.setattr(session_module, "_ROWS_PER_INSERT", 2)
    monkeypatch.setattr(session_module, "_ROWS_PER_FILE", 2)
    monkeypatch.setattr(session_module, "_ROWS_PER_BATCH", 2)
    rows = [(number, "x", *SECOND[2:]) for number in range(5)]
    target.write([load_of(schema, *rows)])
    assert stored() == rows


def test_a_load_without_rows_replaces_with_nothing(target, schema, stored):
    target.write([load_of(schema, FIRST)])
    (receipt,) = target.write([load_of(schema, mode=WriteMode.REPLACE, load_id="b")])
    assert (receipt.row_count, receipt.table_row_count) == (0, 0)
    assert stored() == []


def test_a_store_that_fails_leaves_nothing_behind(connect, schema, server, leftovers):
    warehouse = connect()
    server.spoil("storage", status=403, code="AccessDenied", method="PUT", times=-1)
    with pytest.raises(SourceError, match="not_allowed"):
        warehouse.write([load_of(schema, FIRST)])
    server.heal()
    assert leftovers() == []


def test_files_are_sealed_with_the_key_that_is_named(connect, schema, stored):
    connect(staging={"kms_key": "key-1"}).write([load_of(schema, FIRST)])
    assert stored() == [FIRST]


def test_the_statement_is_what_the_manual_says():
    assert copy_statement('"a"."b"', "s3://b/manifest", "default") == (
        'COPY "a"."b" FROM \'s3://b/manifest\' IAM_ROLE default FORMAT AS PARQUET MANIFEST'
    )
    assert "IAM_ROLE 'arn:x'" in copy_statement("t", "s3://b/m", "arn:x")


def test_rows_of_a_table_that_is_not_there_are_none(target, schema):
    assert target.count_rows("plan", schema_name=schema) == 0
