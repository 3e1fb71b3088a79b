"""Does a frame keep its contract? First its columns, before anything is computed; then its staged rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dataframely as dy
import polars as pl
from polars.datatypes import DataType

from pipelines.contracts.columns import Table
from resources.lake.errors import ContractBrokenError

#: Rows audited at a time: 200,000 need some 0.3 GB, whatever the size of the table.
_BATCH_ROWS = 200_000
_PRIMARY_KEY_RULE = "primary_key"
_WORKSPACE_RULE = "workspace_id|this_workspace"
#: Whole numbers of up to 32 bits are exact in a Float64.
_EXACT_IN_FLOAT = (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32, pl.Float32)
_WIDER_INTEGERS: Mapping[type[DataType], tuple[type[DataType], ...]] = {
    pl.Int8: (pl.Int16, pl.Int32, pl.Int64),
    pl.Int16: (pl.Int32, pl.Int64),
    pl.Int32: (pl.Int64,),
    pl.UInt8: (pl.Int16, pl.Int32, pl.Int64, pl.UInt16, pl.UInt32, pl.UInt64),
    pl.UInt16: (pl.Int32, pl.Int64, pl.UInt32, pl.UInt64),
    pl.UInt32: (pl.Int64, pl.UInt64),
}


@dataclass(frozen=True, slots=True)
class Audit:
    """How many rows were looked at, how many break the contract, and how many break each rule."""

    row_count: int
    broken_row_count: int
    broken_rules: Mapping[str, int]

    def with_repeated_keys(self, count: int) -> "Audit":
        """The same when `count` rows share their key with a row of any file; a file knows only its own."""
        known = self.broken_rules.get(_PRIMARY_KEY_RULE, 0)
        rules = {**self.broken_rules, _PRIMARY_KEY_RULE: count} if count else self.broken_rules
        return Audit(self.row_count, self.broken_row_count + count - known, rules)


def together(found: Sequence[Audit]) -> Audit:
    """The audit of several files as one."""
    rules: Counter[str] = Counter()
    for one in found:
        rules.update(one.broken_rules)
    return Audit(sum(one.row_count for one in found), sum(one.broken_row_count for one in found), dict(rules))


def conform(frame: pl.LazyFrame, table: Table) -> pl.LazyFrame:
    """The contract's columns in its order and types; columns that it does not name are left out.

    Only casts that cannot lose anything are made, so no value can fail here.
    """
    found = frame.collect_schema()
    wanted = table.schema.columns()
    problems = {f"{name}|missing": f"column {name} is missing" for name in wanted if name not in found}
    problems |= {
        f"{name}|type": f"column {name} is {found[name]}, the contract says {column.dtype}"
        for name, column in wanted.items()
        if name in found and not _is_lossless(found[name], column)
    }
    if problems:
        raise ContractBrokenError(
            f"{table.identifier} does not fit its contract: {'; '.join(problems.values())}",
            table=table,
            counts=dict.fromkeys(problems, 1),
        )
    return frame.select(
        pl.col(name) if column.validate_dtype(found[name]) else pl.col(name).cast(column.dtype)
        for name, column in wanted.items()
    )


def _is_lossless(found: DataType, column: dy.Column) -> bool:
    wanted = column.dtype
    if column.validate_dtype(found) or found == pl.Null:
        return True
    if isinstance(found, pl.Decimal) and isinstance(wanted, pl.Decimal):
        whole_digits = wanted.precision - wanted.scale
        return found.scale <= wanted.scale and found.precision - found.scale <= whole_digits
    if isinstance(found, pl.Datetime) and isinstance(wanted, pl.Datetime):
        return found.time_zone == wanted.time_zone and (found.time_unit, wanted.time_unit) == ("ms", "us")
    if isinstance(wanted, pl.String):
        return isinstance(found, pl.Categorical | pl.Enum)
    if isinstance(wanted, pl.Float64):
        return isinstance(found, _EXACT_IN_FLOAT)
    return isinstance(wanted, _WIDER_INTEGERS.get(type(found), ()))


def audit(rows: pl.LazyFrame, table: Table, *, workspace_id: str) -> Audit:
    """Counts the rows of a file sorted by primary key that break a rule, in bounded memory.

    The contract's own filter, batch by batch: on a whole table its check of
    the primary key alone needs as much memory as the table. A rule of a
    contract therefore looks at one row, or at rows of one primary key.
    """
    row_count = broken_count = 0
    rules: Counter[str] = Counter()
    batches = rows.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True)
    for batch in _whole_keys(batches, table.schema.primary_key()):
        kept, failure = table.schema.filter(batch)
        is_foreign = pl.col("workspace_id") != workspace_id
        rules.update(failure.counts())
        rules[_WORKSPACE_RULE] += batch.select(is_foreign.sum()).item()
        row_count += batch.height
        broken_count += len(failure) + kept.select(is_foreign.sum()).item()
    return Audit(row_count, broken_count, +rules)


def _whole_keys(batches: Iterable[pl.DataFrame], key: list[str]) -> Iterator[pl.DataFrame]:
    """Moves batch borders to where the key changes, so that no two rows of one key are ever parted."""
    held: pl.DataFrame | None = None
    for batch in batches:
        grown = batch if held is None else pl.concat([held, batch])
        is_last_key = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).last()) for name in key)
        yield grown.filter(~is_last_key)
        held = grown.filter(is_last_key)
    if held is not None:
        yield held


def count_shared_keys(earlier: pl.LazyFrame, added: pl.LazyFrame, table: Table) -> int:
    """Rows whose primary key stands in both frames; the smaller one is `added`."""
    key = table.schema.primary_key()
    shared = earlier.select(key).join(added.select(key), on=key, how="semi")
    return int(shared.select(pl.len()).collect().item())


def count_repeated_keys(rows: pl.LazyFrame, table: Table) -> int:
    """Rows whose primary key is not theirs alone, in files of any order."""
    groups = rows.group_by(table.schema.primary_key()).len().filter(pl.col("len") > 1)
    return int(groups.select(pl.col("len").sum()).collect().item())


def refuse_broken(found: Audit, table: Table) -> None:
    if found.broken_row_count == 0:
        return
    counts = ", ".join(f"{rule}: {count}" for rule, count in sorted(found.broken_rules.items()))
    noun, verb = ("row", "breaks") if found.broken_row_count == 1 else ("rows", "break")
    raise ContractBrokenError(
        f"{found.broken_row_count} {noun} {verb} {table.identifier}: {counts}",
        table=table,
        counts=dict(found.broken_rules),
    )


def refuse_repeated(count: int, table: Table) -> None:
    """For keys that repeat between files, which no audit of one file can see."""
    refuse_broken(Audit(count, 0, {}).with_repeated_keys(count), table)
