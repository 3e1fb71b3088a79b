"""What must be true of the rows of a load before anything is written."""

from collections.abc import Sequence

import polars as pl

from resources.warehouses.base import Load, SourceError, SourceProblem, WriteMode


def refuse(load: Load, code: str, what: str, remedy: str) -> SourceError:
    """An error about the rows or the table of a load."""
    return SourceError(SourceProblem(code, "target", f"{load.schema_name}.{load.table}", None, what, remedy))


def check_loads(loads: Sequence[Load]) -> None:
    """Everything that can be known without the warehouse."""
    for load in loads:
        _check_columns(load)
        _check_rows(load)
    _check_identities(loads)


def _check_identities(loads: Sequence[Load]) -> None:
    """One load twice in one write would be two loads: the ledger learns of the first too late."""
    seen = set()
    for load in loads:
        identity = (load.schema_name, load.table, tuple(sorted(load.partition.items())), load.load_id)
        if identity in seen:
            what = "the same load is given twice in one write."
            raise refuse(load, "repeated_load", what, "Give each load once.")
        seen.add(identity)


def _check_columns(load: Load) -> None:
    """Rows as declared: an engine that casts by itself would round, or quote a value when it cannot."""
    arriving = dict(load.rows.collect_schema())
    declared = dict(load.columns)
    differing = [
        f"{name} is {arriving.get(name, 'missing')} and should be {declared.get(name, 'absent')}"
        for name in dict.fromkeys((*declared, *arriving))
        if arriving.get(name) != declared.get(name)
    ]
    if differing:
        what = f"the rows are not as declared: {'; '.join(differing)}."
        raise refuse(load, "wrong_columns", what, "Cast and select the columns before writing.")
    absent = [name for name in (*load.keys, *load.partition) if name not in declared]
    if absent:
        what = f"keys or partition name columns that the load does not have: {', '.join(absent)}."
        raise refuse(load, "wrong_columns", what, "Name columns of the load.")


def _check_rows(load: Load) -> None:
    if load.mode is WriteMode.MERGE:
        _check_keys(load)
    if load.mode is WriteMode.REPLACE_PARTITION:
        _check_partition(load)


def _check_keys(load: Load) -> None:
    if not load.keys:
        raise refuse(load, "no_keys", "a merge needs key columns.", "Give keys.")
    keys = load.rows.select(load.keys)
    counts = pl.collect_all(
        [
            keys.filter(pl.any_horizontal(pl.all().is_null())).select(pl.len()),
            keys.group_by(load.keys).len().filter(pl.col("len") > 1).select(pl.len()),
        ]
    )
    null_count, repeated_count = (counted.item() for counted in counts)
    names = ", ".join(load.keys)
    if null_count:
        what = f"{null_count} rows have no value in a key column ({names})."
        raise refuse(load, "null_keys", what, "Fill the key before writing.")
    if repeated_count:
        what = f"the load holds {repeated_count} keys ({names}) more than once."
        raise refuse(load, "duplicate_keys", what, "Deduplicate before writing.")


def _check_partition(load: Load) -> None:
    if not load.partition:
        raise refuse(load, "no_partition", "there is no partition to replace.", "Give partition.")
    is_foreign = pl.any_horizontal(
        pl.col(name).ne_missing(pl.lit(value)) for name, value in load.partition.items()
    )
    foreign_count = load.rows.filter(is_foreign).select(pl.len()).collect().item()
    if foreign_count:
        what = f"{foreign_count} rows of other partitions than {_partition_text(load)} are in the load."
        raise refuse(load, "wrong_partition", what, "Write each partition on its own.")


def _partition_text(load: Load) -> str:
    return ", ".join(f"{name} = {value}" for name, value in load.partition.items())
