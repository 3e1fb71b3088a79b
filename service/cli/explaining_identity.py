"""`onward explain-identity`: why records are one person, and how often that is right."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from pipelines.contracts.source_tables import CUSTOMERS
from pipelines.contracts.tables import CUSTOMER_LINKS, IDENTITY_EVENTS, LINK_EVIDENCE
from pipelines.evaluation.clustering import compare_clusterings
from pipelines.identity.explanation import (
    describe_accuracy,
    describe_events,
    describe_evidence,
    describe_records,
)
from resources.lake.view import LakeView
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.session import Session, WorkspaceOption, open_session

_RECORD = ["source", "customer_ref"]
_LABELS = [*_RECORD, "person"]
_PERSONAL = ["email", "phone", "first_name", "last_name", "birth_date", "street", "city", "postcode"]

RecordArgument = Annotated[
    list[str] | None,
    typer.Argument(help="REF, or SOURCE REF: the record of a source.", metavar="[SOURCE] REF"),
]
DateOption = Annotated[
    datetime | None,
    typer.Option("--date", "-d", formats=["%Y-%m-%d"], help="The night; the latest when not given."),
]
LabelsOption = Annotated[
    Path | None,
    typer.Option("--labels", help="CSV with source, customer_ref, person: measures precision and recall."),
]
ValuesOption = Annotated[
    bool, typer.Option("--show-values", help="Also print the personal data of the records.")
]


def explain_identity(
    record: RecordArgument = None,
    night: DateOption = None,
    labels: LabelsOption = None,
    workspace: WorkspaceOption = None,
    *,
    show_values: ValuesOption = False,
) -> None:
    """Say why the records of a person are one person, or measure it on labelled records.

    Shows no names and no addresses, unless asked to.
    """
    if (labels is None) == (not record):
        raise _usage("say which record, or give a file of labels")
    session = open_session(workspace)
    lake = session.home.lake(session.workspace_id).pinned()
    on = _night(lake, night)
    if labels is not None:
        _print(session, describe_accuracy(_measure(lake, on, labels), night=on))
    else:
        _explain(session, lake, on, record or [], show_values=show_values)


def _night(lake: LakeView, night: datetime | None) -> date:
    if night is not None:
        return night.date()
    latest = lake.find_latest(CUSTOMER_LINKS, before=date.max)
    if latest is None:
        raise _usage("no night has linked records yet")
    return latest.partition


def _usage(what: str) -> CommandError:
    return CommandError(
        "IDENTITY_NOT_EXPLAINED",
        what,
        "onward explain-identity [SOURCE] REF, or --labels FILE.csv",
        exit_code=ExitCode.USAGE,
    )


def _explain(session: Session, lake: LakeView, on: date, record: list[str], *, show_values: bool) -> None:
    customer_id = _find_person(lake.scan(CUSTOMER_LINKS, on), record)
    links = lake.scan(CUSTOMER_LINKS, on).filter(pl.col("customer_id") == customer_id).sort(_RECORD)
    found = links.collect()
    session.print(
        f"Person {customer_id} on the night {on}: {found['method'][0].replace('_', ' ')}", style="bold"
    )
    _print(session, describe_records(found.to_dicts()))
    session.print("What links them", style="bold")
    _print(session, describe_evidence(_evidence(lake, on, found)))
    session.print("How the id came about", style="bold")
    _print(session, describe_events(_events(lake, on, customer_id), customer_id=customer_id))
    if show_values:
        session.print("Personal data", style="bold")
        _print(session, _values(lake, on, found))


def _find_person(links: pl.LazyFrame, record: list[str]) -> int:
    *source, reference = record
    named = links.filter(pl.col("customer_ref") == reference)
    if source:
        named = named.filter(pl.col("source") == source[0])
    people = named.select("customer_id").unique().collect()["customer_id"].to_list()
    if len(people) != 1 or len(source) > 1:
        count = "no record" if not people else "more than one person"
        raise _usage(f"{count} goes by {' '.join(record)}")
    return int(people[0])


def _evidence(lake: LakeView, on: date, records: pl.DataFrame) -> list[dict[str, object]]:
    """Pairs with a record of the person on either side."""
    ends = records.lazy().select(_RECORD)
    other = [f"other_{name}" for name in _RECORD]
    evidence = lake.scan(LINK_EVIDENCE, on)
    sides = [evidence.join(ends, left_on=side, right_on=_RECORD, how="semi") for side in (_RECORD, other)]
    return pl.concat(sides).unique().sort([*_RECORD, *other, "kind"]).collect().to_dicts()


def _events(lake: LakeView, on: date, customer_id: int) -> list[dict[str, object]]:
    """What happened up to the night."""
    nights = [lake.scan_history(IDENTITY_EVENTS, since=date.min, until=on)]
    if lake.find(IDENTITY_EVENTS, on) is not None:
        nights.append(lake.scan(IDENTITY_EVENTS, on))
    is_theirs = (pl.col("customer_id") == customer_id) | (pl.col("from_customer_id") == customer_id)
    events = pl.concat(nights).filter(is_theirs)
    return events.sort("occurred_on", "event", "customer_id", "from_customer_id").collect().to_dicts()


def _values(lake: LakeView, on: date, records: pl.DataFrame) -> Iterator[str]:
    customers = lake.scan(CUSTOMERS, on).join(records.lazy().select(_RECORD), on=_RECORD, how="semi")
    for row in customers.sort(_RECORD).collect().iter_rows(named=True):
        known = ", ".join(f"{name} {row[name]}" for name in _PERSONAL if row[name] is not None)
        yield f"{row['customer_ref']} ({row['source']}): {known or 'nothing'}"


def _measure(lake: LakeView, on: date, labels: Path) -> dict[str, object]:
    try:
        labelled = pl.read_csv(labels, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise _usage(f"{labels} cannot be read: {type(problem).__name__}") from problem
    if missing := [name for name in _LABELS if name not in labelled.columns]:
        raise _usage(f"{labels} has no column {', '.join(missing)}")
    linked = labelled.lazy().select(_LABELS).drop_nulls().unique(_RECORD, keep="first", maintain_order=True)
    found = linked.join(lake.scan(CUSTOMER_LINKS, on), on=_RECORD)
    return compare_clusterings(found, predicted="customer_id", truth="person").collect().row(0, named=True)


def _print(session: Session, lines: Iterator[str]) -> None:
    for line in lines:
        session.print(f"  {line}")
