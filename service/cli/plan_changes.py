"""The difference of two plans in words: counts by programme and channel, people, reasons, messages."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from pipelines.contracts.plan_changes import ChangedPart, ChangeKind
from pipelines.contracts.texts import counted, outcome_in_words
from pipelines.planning.comparison import summarise_changes, summarise_people, summarise_reasons
from service.cli.evidence import Row
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError

_MOST_REASONS = 8
_HEADER = ("programme", "channel", "before", "after", "gained", "lost", "moved in", "moved out", "changed")
_NO_DECISION = "there was no decision"


def describe_changes(changes: pl.DataFrame) -> Iterator[str]:
    """Counts, people and reasons; `changes` as `compare_plans` gives them."""
    by_channel, people, gained, lost = pl.collect_all(
        [
            summarise_changes(changes.lazy()),
            summarise_people(changes.lazy()),
            summarise_reasons(changes.lazy(), ChangeKind.GAINED),
            summarise_reasons(changes.lazy(), ChangeKind.LOST),
        ]
    )
    yield from _table(by_channel)
    row = people.row(0, named=True)
    yield (
        f"People with a message: {row['before_count']:,} before, {row['after_count']:,} after; "
        f"{row['gaining_count']:,} gain one, {row['losing_count']:,} lose theirs, "
        f"for {row['unchanged_count']:,} nothing changes"
    )
    yield from _reasons("Gained, since before:", gained)
    yield from _reasons("Lost, since now:", lost)
    yield from _changed_parts(changes)


def _table(by_channel: pl.DataFrame) -> Iterator[str]:
    if by_channel.is_empty():
        yield "Neither has a message"
        return
    counts = by_channel.columns[3:]
    rows = [
        _HEADER,
        *(
            (row["programme"], row["channel"], *(f"{row[name]:,}" for name in counts))
            for row in by_channel.iter_rows(named=True)
        ),
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEADER))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), row[1].ljust(widths[1]), *cells])


def _reasons(title: str, reasons: pl.DataFrame) -> Iterator[str]:
    if reasons.is_empty():
        return
    yield title
    for row in reasons.head(_MOST_REASONS).iter_rows(named=True):
        yield f"  {row['message_count']:,}: {_reason(row['outcome'], row['rule'])}"
    if reasons.height > _MOST_REASONS:
        rest = reasons.slice(_MOST_REASONS)["message_count"].sum()
        yield f"  {rest:,}: other reasons"


def _changed_parts(changes: pl.DataFrame) -> Iterator[str]:
    changed = changes.filter(pl.col("change") == ChangeKind.CHANGED.value)
    if changed.is_empty():
        return
    parts = changed["changed_parts"].str.split(",").explode(empty_as_null=False)
    counts = [
        f"{part.value} of {counted(count, 'message')}"
        for part in ChangedPart
        if (count := int((parts == part.value).sum()))
    ]
    yield f"Changed: {', '.join(counts)}"


def _reason(outcome: str | None, rule: str | None) -> str:
    return _NO_DECISION if outcome is None else outcome_in_words(outcome, rule)


def describe_messages(changes: pl.DataFrame) -> Iterator[str]:
    """Every message of one person, with what was decided on both sides."""
    for row in changes.iter_rows(named=True):
        yield f"{row['change']}: {row['programme']} at {row['node_id']}"
        yield f"  before: {_message(row, 'before')}"
        yield f"  after:  {_message(row, 'after')}"


def _message(row: Row, side: str) -> str:
    if row[f"{side}_channel"] is None:
        return f"nothing: {_reason(row[f'{side}_outcome'], row[f'{side}_rule'])}"
    offer = row[f"{side}_offer_id"]
    window = " to ".join(f"{row[f'{side}_{end}']:%Y-%m-%d %H:%M}" for end in ("not_before", "not_after"))
    return (
        f"{row[f'{side}_channel']} {row[f'{side}_template_id']}"
        f"{f' with offer {offer}' if offer else ''}, {window} UTC, worth {row[f'{side}_value']:,.2f}"
    )


def require_output(file: Path | None) -> None:
    """Refuses a file that rows could not be written to, before there are any."""
    if file is not None and file.suffix not in {".csv", ".parquet"}:
        raise _not_usable(
            f"{file} ends neither in .csv nor in .parquet", "give --output a file of one of these kinds"
        )


def write_changes(changes: pl.DataFrame, file: Path) -> None:
    """All rows as Parquet or CSV, by the file's ending."""
    try:
        if file.suffix == ".parquet":
            changes.write_parquet(file)
        else:
            changes.write_csv(file)
    except OSError as problem:
        raise _not_usable(
            f"{file} cannot be written: {problem.strerror or type(problem).__name__}",
            "give --output a file in a folder that exists and that you may write to",
        ) from problem


def _not_usable(what: str, remedy: str) -> CommandError:
    return CommandError("OUTPUT_NOT_USABLE", what, remedy, exit_code=ExitCode.USAGE)
