"""From raw source rows to contract rows: casts, defaults, and rows that are set aside with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass

import dataframely as dy
import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import UNLABELLED, SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import RejectedRow
from pipelines.ingestion.casting import cast_column, is_finer_than_cent
from pipelines.ingestion.documents import count_unreadable
from pipelines.ingestion.row_keys import row_key
from pipelines.ingestion.rules import DOCUMENTS, may_be_shown, row_rules
from pipelines.ingestion.sentinels import CLEARED, count_sentinels, settle_sentinels

#: Stands in where a source does not bring the column, or leaves it empty.
_DEFAULTS = {"source": UNLABELLED}
_DEFAULTS_BY_TABLE = {"costs": {"campaign_id": ""}}
_SAMPLE_LENGTH = 100
_BAD = "broken rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRows:
    """The outcome of mapping one batch.

    Attributes:
        accepted: Rows that keep the contract, apart from repeated keys.
        rejected: One line per rejected row and rule.
        read_count: Rows before mapping.
        rejected_count: Rejected rows, each counted once however many rules it broke.
        rounded_count: Amounts that were finer than a cent.
        kept_sentinel_count: Dates that stand for none, and were kept.
        cleared_sentinel_count: Dates that stood for none, and are null.
        deep_document_count: Accepted documents from which no value can be taken.
    """

    accepted: pl.DataFrame
    rejected: dy.DataFrame[RejectedRow]
    read_count: int
    rejected_count: int
    rounded_count: int
    kept_sentinel_count: int
    cleared_sentinel_count: int
    deep_document_count: int


#: Numbers of slices that add up.
_COUNTS = (
    "read_count",
    "rejected_count",
    "rounded_count",
    "kept_sentinel_count",
    "cleared_sentinel_count",
    "deep_document_count",
)


def _defaults(table: Table) -> dict[str, str]:
    return _DEFAULTS | _DEFAULTS_BY_TABLE.get(table.name, {})


def _cast_rows(raw: pl.DataFrame, table: Table, time_zone: str) -> pl.DataFrame:
    """All contract columns in contract types, next to the raw ones under `raw …`."""
    kept = raw.select(pl.all().name.prefix("raw "))
    targets = {name: column.dtype for name, column in table.schema.columns().items()}
    return kept.with_columns(
        cast_column(f"raw {name}", raw.schema[name], target, time_zone).alias(name)
        if name in raw.columns
        else pl.lit(None, target).alias(name)
        for name, target in targets.items()
    )


def map_columns(
    known: pl.DataFrame, *, table: Table, source: SourceSettings, workspace: WorkspaceSettings
) -> pl.DataFrame:
    """All contract columns, cast and with defaults, next to the raw ones; nothing is judged.

    A labelled feed says what the `source` of its rows is, and may put a prefix before its ids.
    """
    rows = _cast_rows(known, table, source.time_zone)
    filled = [
        pl.col(name).fill_null(value) for name, value in _defaults(table).items() if name in rows.columns
    ]
    prefixed = [
        # An empty id stays empty, so that its rule rejects it.
        pl.when(pl.col(name) == "").then(pl.col(name)).otherwise(pl.lit(prefix) + pl.col(name)).alias(name)
        for name, prefix in source.prefixes.items()
    ]
    label = [] if source.source is None else [pl.lit(source.source).alias("source")]
    own = pl.lit(workspace.workspace).alias("workspace_id")
    named = rows.with_columns(own, *filled).with_columns(*prefixed, *label)
    return settle_sentinels(named, table=table, source=source)


def _broken_rules(
    raw: pl.DataFrame, rows: pl.DataFrame, table: Table, workspace: WorkspaceSettings
) -> dict[str, pl.Expr]:
    """`column|rule` and where a row breaks it.

    A value that could not be cast breaks `type` only: what else it would break is
    not known.
    """
    failed = {
        name: pl.col(f"raw {name}").is_not_null() & pl.col(name).is_null() & ~_is_cleared(name, rows)
        for name in table.schema.columns()
        if name in raw.columns
    }
    broken = {f"{name}|type": is_bad for name, is_bad in failed.items()}
    for rule, condition in row_rules(table, workspace):
        is_bad = ~condition.fill_null(value=True)
        name = rule.partition("|")[0]
        broken[rule] = is_bad & ~failed[name] if name in failed else is_bad
    return broken


def _is_cleared(name: str, rows: pl.DataFrame) -> pl.Expr:
    mark = f"{CLEARED}{name}"
    return pl.col(mark) if mark in rows.columns else pl.lit(value=False)


def map_rows(
    raw: pl.DataFrame, *, table: Table, source: SourceSettings, workspace: WorkspaceSettings
) -> MappedRows:
    """Rows under contract names (the reader renames) as contract rows; those that break a rule are set aside.

    Takes rows, not a plan of rows: the casts that judge a row are the casts that are kept.
    """
    known = raw.select(name for name in raw.columns if name in table.schema.columns())
    rows = map_columns(known, table=table, source=source, workspace=workspace)
    broken = _broken_rules(known, rows, table, workspace)
    is_bad = rows.select(pl.any_horizontal(broken.values())).to_series()
    names = [pl.when(condition).then(pl.lit(rule)) for rule, condition in broken.items()]
    bad = rows.filter(is_bad).with_columns(pl.concat_list(names).list.drop_nulls().alias(_BAD))
    accepted = rows.filter(~is_bad).select(table.schema.column_names())
    kept_count, cleared_count = count_sentinels(rows, table=table)
    return MappedRows(
        accepted=accepted,
        rejected=_describe_rejected(bad, table, source, workspace),
        read_count=raw.height,
        rejected_count=bad.height,
        rounded_count=_count_rounded(known, table),
        kept_sentinel_count=kept_count,
        cleared_sentinel_count=cleared_count,
        deep_document_count=_count_deep(accepted, table),
    )


def combine_mapped(slices: Sequence[MappedRows]) -> MappedRows:
    """Slices of one source, at least one, as if they had been mapped together."""
    return MappedRows(
        accepted=pl.concat([one.accepted for one in slices]),
        rejected=one_line_each(pl.concat([one.rejected for one in slices])),
        **{name: sum(getattr(one, name) for one in slices) for name in _COUNTS},
    )


def _count_deep(accepted: pl.DataFrame, table: Table) -> int:
    name = DOCUMENTS.get(table.name)
    return 0 if name is None else count_unreadable(accepted.get_column(name))


def _count_rounded(known: pl.DataFrame, table: Table) -> int:
    amounts = [
        name for name, column in table.schema.columns().items() if column.dtype.is_decimal() and name in known
    ]
    finer = [is_finer_than_cent(pl.col(name), known.schema[name]).sum().alias(name) for name in amounts]
    return sum(known.select(finer).row(0)) if finer else 0


def _describe_rejected(
    bad: pl.DataFrame, table: Table, source: SourceSettings, workspace: WorkspaceSettings
) -> dy.DataFrame[RejectedRow]:
    """One line per row and rule; a row that is broken the same way twice is one line."""
    lines = (
        bad.with_columns(row_key(bad, table, label=source.source).alias("row_key"))
        .explode(_BAD)
        .rename({_BAD: "rule"})
        .with_columns(_sample_value(bad, table).alias("sample_value"))
        .select(
            pl.lit(workspace.workspace).alias("workspace_id"),
            pl.lit(table.name).alias("table"),
            "row_key",
            "rule",
            "sample_value",
        )
    )
    return one_line_each(lines)


def one_line_each(lines: pl.DataFrame) -> dy.DataFrame[RejectedRow]:
    """Lines of one table without repetitions; which sample value stays does not depend on their order."""
    one_each = lines.sort(lines.columns, nulls_last=True).unique(
        ["row_key", "rule"], keep="first", maintain_order=True
    )
    return RejectedRow.validate(one_each, cast=True)


def _sample_value(bad: pl.DataFrame, table: Table) -> pl.Expr:
    """The raw value of the column that a rule names; null for columns about people and for documents."""
    column = pl.col("rule").str.split("|").list.first()
    shown = pl.lit(None, pl.String)
    for name in table.schema.columns():
        raw = f"raw {name}"
        if raw in bad.columns and may_be_shown(table, name):
            value = pl.col(raw).cast(pl.String).str.slice(0, _SAMPLE_LENGTH)
            shown = pl.when(column == name).then(value).otherwise(shown)
    return shown
