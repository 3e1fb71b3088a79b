"""`onward explain-identity`: why records are one person."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

import polars as pl
import typer

from pipelines.contracts.source_tables import CUSTOMERS
from pipelines.contracts.tables import CUSTOMER_LINKS, IDENTITY_EVENTS, LINK_EVIDENCE
from pipelines.identity.explanation import describe_events, describe_evidence, describe_records
from resources.lake.view import LakeView
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.session import Session, WorkspaceOption, open_session

_RECORD = ["source", "customer_ref"]
_PERSONAL = ["email", "phone", "first_name", "last_name", "birth_date", "street", "city", "postcode"]

RecordArgument = Annotated[
    list[str],
    typer.Argument(help="REF, or SOURCE REF: the record of a source.", metavar="[SOURCE] REF"),
]
DateOption = Annotated[
    datetime | None,
    typer.Option("--date", "-d", formats=["%Y-%m-%d"], help="The night; the latest when not given."),
]
ValuesOption = Annotated[
    bool, typer.Option("--show-values", help="Also print the personal data of the records.")
]


def explain_identity(
    record: RecordArgument,
    night: DateOption = None,
    workspace: WorkspaceOption = None,
    *,
    show_values: ValuesOption = False,
) -> None:
    """Say why the records of a person are one person.

    Shows no names and no addresses, unless asked to.
    """
    session = open_session(workspace)
    lake = session.home.lake(session.workspace_id).pinned()
    on = night_of_links(lake, night)
    _explain(session, lake, on, record, show_values=show_values)


def night_of_links(lake: LakeView, night: datetime | None) -> date:
    """The night that is asked for, or the latest; raises CommandError where nothing was linked."""
    latest = lake.find_latest(CUSTOMER_LINKS, before=date.max)
    if latest is None:
        raise not_linked("no night has linked records yet")
    if night is None:
        return latest.partition
    if lake.find(CUSTOMER_LINKS, night.date()) is None:
        raise not_linked(
            f"no records were linked on the night {night.date()}; the latest is {latest.partition}"
        )
    return night.date()


def not_linked(what: str) -> CommandError:
    return CommandError("NIGHT_NOT_LINKED", what, "onward run, or another --date", exit_code=ExitCode.USAGE)


def _usage(what: str, remedy: str) -> CommandError:
    return CommandError("IDENTITY_NOT_EXPLAINED", what, remedy, exit_code=ExitCode.USAGE)


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
    if len(source) > 1:
        raise _usage(f"{len(record)} words do not name a record", "onward explain-identity [SOURCE] REF")
    named = links.filter(pl.col("customer_ref") == reference).sort("source").collect()
    if source:
        _require_source(named["source"].to_list(), source[0], reference, links)
        named = named.filter(pl.col("source") == source[0])
    people = named["customer_id"].unique().to_list()
    if not people:
        raise _usage(
            f"no source has a record {reference}",
            f"take a customer_ref as the source writes it; sources: {', '.join(_sources(links))}",
        )
    if len(people) > 1:
        raise _usage(
            f"more than one person goes by {reference}",
            f"name the source too: {', '.join(named['source'])}",
        )
    return int(people[0])


def _require_source(having: list[str], source: str, reference: str, links: pl.LazyFrame) -> None:
    if source in having:
        return
    known = _sources(links)
    if source not in known:
        raise _usage(f"there is no source {source}", f"sources of the night: {', '.join(known)}")
    others = f"; {', '.join(having)} has one" if having else ""
    raise _usage(f"{source} has no record {reference}", f"take a customer_ref as {source} writes it{others}")


def _sources(links: pl.LazyFrame) -> list[str]:
    return links.select("source").unique().sort("source").collect()["source"].to_list()


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


def _print(session: Session, lines: Iterator[str]) -> None:
    for line in lines:
        session.print(f"  {line}")
