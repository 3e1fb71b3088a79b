from datetime import UTC, date, datetime
from decimal import Decimal

import dataframely as dy
import polars as pl
import pytest

from pipelines.contracts.columns import Privacy, Table
from resources.lake import auditing
from resources.lake.errors import ContractBrokenError


class Order(dy.Schema):
    workspace_id = dy.String(primary_key=True, min_length=1)
    order_id = dy.Int64(primary_key=True)
    paid_amount = dy.Decimal(18, 2, nullable=True, min=Decimal(0))
    score = dy.Float64(nullable=True)
    ordered_at = dy.Datetime(nullable=True, time_unit="us", time_zone="UTC")
    ordered_on = dy.Date(nullable=True)
    note = dy.String(nullable=True)


ORDERS = Table(
    stage="s", name="orders", schema=Order, grain="One row per order.", privacy=Privacy.PSEUDONYMOUS
)


def order_rows(*ids: int, workspace: str = "shop") -> pl.DataFrame:
    empty = Order.create_empty()
    rows = pl.DataFrame(
        {"workspace_id": [workspace] * len(ids), "order_id": ids}, schema_overrides={"order_id": pl.Int64}
    )
    return pl.concat([empty, rows], how="diagonal").select(Order.column_names())


def audit(rows: pl.DataFrame) -> auditing.Audit:
    return auditing.audit(rows.lazy(), ORDERS, workspace_id="shop")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("order_id", pl.Series([1], dtype=pl.Int8)),
        ("order_id", pl.Series([1], dtype=pl.UInt32)),
        ("paid_amount", pl.Series([Decimal("1.5")], dtype=pl.Decimal(10, 1))),
        ("score", pl.Series([7], dtype=pl.UInt32)),
        ("score", pl.Series([0.5], dtype=pl.Float32)),
        ("ordered_at", pl.Series([datetime(2025, 1, 1, tzinfo=UTC)], dtype=pl.Datetime("ms", "UTC"))),
        ("note", pl.Series(["a"], dtype=pl.Categorical)),
        ("note", pl.Series(["a"], dtype=pl.Enum(["a", "b"]))),
        ("note", pl.Series([None], dtype=pl.Null)),
        ("ordered_on", pl.Series([None], dtype=pl.Null)),
    ],
)
def test_lossless_types_are_cast(column: str, values: pl.Series) -> None:
    rows = order_rows(1).with_columns(values.alias(column))
    conformed = auditing.conform(rows.lazy(), ORDERS).collect()
    assert conformed.schema == Order.create_empty().schema
    assert conformed[column].to_list() == values.to_list()


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("order_id", pl.Series([1], dtype=pl.UInt64)),
        ("order_id", pl.Series([1.0], dtype=pl.Float64)),
        ("order_id", pl.Series(["1"], dtype=pl.String)),
        ("paid_amount", pl.Series([Decimal(1)], dtype=pl.Decimal(38, 2))),
        ("paid_amount", pl.Series([Decimal(1)], dtype=pl.Decimal(18, 3))),
        ("paid_amount", pl.Series([1], dtype=pl.Int64)),
        ("score", pl.Series([1], dtype=pl.Int64)),
        ("score", pl.Series([Decimal(1)], dtype=pl.Decimal(18, 2))),
        ("ordered_at", pl.Series([datetime(2025, 1, 1)], dtype=pl.Datetime("us"))),  # noqa: DTZ001
        ("ordered_at", pl.Series([datetime(2025, 1, 1, tzinfo=UTC)], dtype=pl.Datetime("ns", "UTC"))),
        (
            "ordered_at",
            pl.Series([datetime(2025, 1, 1, tzinfo=UTC)], dtype=pl.Datetime("us", "Europe/Paris")),
        ),
        ("ordered_at", pl.Series([date(2025, 1, 1)], dtype=pl.Date)),
        ("ordered_on", pl.Series([datetime(2025, 1, 1, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC"))),
        ("note", pl.Series([1], dtype=pl.Int64)),
    ],
)
def test_types_that_could_lose_something_are_refused(column: str, values: pl.Series) -> None:
    rows = order_rows(1).with_columns(values.alias(column))
    with pytest.raises(
        ContractBrokenError, match=f"s/orders .*column {column} is .*the contract says"
    ) as refusal:
        auditing.conform(rows.lazy(), ORDERS)
    assert refusal.value.counts == {f"{column}|type": 1}
    assert refusal.value.table is ORDERS


def test_all_missing_columns_are_named_at_once() -> None:
    rows = order_rows(1).drop("note", "score")
    with pytest.raises(ContractBrokenError, match="column score is missing; column note is missing"):
        auditing.conform(rows.lazy(), ORDERS)


def test_columns_that_the_contract_does_not_name_are_left_out() -> None:
    rows = order_rows(1).with_columns(secret=pl.lit("x"))
    assert auditing.conform(rows.lazy(), ORDERS).collect_schema().names() == Order.column_names()


def test_good_rows_pass() -> None:
    assert audit(order_rows(1, 2, 3)) == auditing.Audit(3, 0, {})


def test_empty_table_passes() -> None:
    assert audit(order_rows()) == auditing.Audit(0, 0, {})


def test_broken_rows_are_counted_once_and_rules_each() -> None:
    rows = order_rows(1, 2, 3).with_columns(
        paid_amount=pl.Series([Decimal(-1), Decimal(1), Decimal(-2)], dtype=pl.Decimal(18, 2)),
        workspace_id=pl.Series(["", "shop", "shop"]),
    )
    found = audit(rows)
    assert (found.row_count, found.broken_row_count) == (3, 2)
    assert found.broken_rules == {
        "paid_amount|min": 2,
        "workspace_id|min_length": 1,
        "workspace_id|this_workspace": 1,
    }


def test_rows_of_another_workspace_break_the_contract() -> None:
    found = audit(pl.concat([order_rows(1, workspace="other"), order_rows(2)]))
    assert (found.broken_row_count, found.broken_rules) == (1, {"workspace_id|this_workspace": 1})


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 4, 100])
def test_repeated_keys_are_found_wherever_batches_end(
    batch_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "_BATCH_ROWS", batch_rows)
    found = audit(order_rows(1, 2, 2, 3, 4, 4, 4, 5))
    # 2 + 3 rows share their key with another row.
    assert found == auditing.Audit(8, 5, {"primary_key": 5})


def test_null_in_the_key_is_found() -> None:
    rows = order_rows(1, 2).with_columns(order_id=pl.Series([None, 2], dtype=pl.Int64))
    assert audit(rows).broken_rules == {"order_id|nullability": 1}


def test_refusal_counts_rules_and_shows_no_value() -> None:
    found = auditing.Audit(9, 2, {"note|min_length": 1, "cost|min": 2})
    with pytest.raises(ContractBrokenError) as refusal:
        auditing.refuse_broken(found, ORDERS)
    assert str(refusal.value) == "2 rows break s/orders: cost|min: 2, note|min_length: 1"
    assert refusal.value.counts == {"cost|min": 2, "note|min_length": 1}


def test_refusal_of_one_row_is_singular() -> None:
    with pytest.raises(ContractBrokenError, match=r"^1 row breaks s/orders: primary_key: 1$"):
        auditing.refuse_repeated(1, ORDERS)


def test_nothing_broken_is_no_refusal() -> None:
    auditing.refuse_broken(auditing.Audit(3, 0, {}), ORDERS)
    auditing.refuse_repeated(0, ORDERS)


def test_shared_keys_are_counted_between_frames() -> None:
    known, added = order_rows(1, 2, 3).lazy(), order_rows(3, 4).lazy()
    assert auditing.count_shared_keys(known, added, ORDERS) == 1
    assert auditing.count_shared_keys(known, order_rows(9).lazy(), ORDERS) == 0


def test_repeated_keys_are_counted_in_any_order() -> None:
    assert auditing.count_repeated_keys(order_rows(5, 1, 5, 2).lazy(), ORDERS) == 2
    assert auditing.count_repeated_keys(order_rows(1, 2).lazy(), ORDERS) == 0
