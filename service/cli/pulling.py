"""`onward pull`: rows of one table or source as a Parquet file, on the way that a night reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from pipelines.contracts.settings.connections import Budget
from pipelines.contracts.settings.connector import table_of
from pipelines.contracts.texts import bytes_in_words, counted
from pipelines.ingestion.personal_names import looks_personal
from pipelines.ingestion.rules import is_personal
from resources.control.workspace.problems import suggestion
from resources.warehouses.base import (
    Estimate,
    Family,
    ReadRequest,
    Relation,
    SourceColumn,
    Warehouse,
)
from resources.warehouses.landing import write_parquet_file
from resources.warehouses.requests import build_request, relation_of
from resources.warehouses.retrying import retry_transient
from resources.warehouses.streams import Usage
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.reading_progress import ReadingProgress
from service.cli.session import Session, WorkspaceOption, console, open_session
from service.cli.warehouses import (
    NameArgument,
    Setup,
    read_setup,
    require_connection,
    require_feed,
    size_option,
)

TableOption = Annotated[
    str | None,
    typer.Option("--table", "-t", help="A table or view of the warehouse, schema.table.", show_default=False),
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        "-s",
        help="A source of sources.yml, or a feed of it, mapped as there.",
        show_default=False,
    ),
]
ColumnsOption = Annotated[
    str | None, typer.Option("--columns", help="Only these, with commas between.", show_default=False)
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="File to write; the table's name when not given.", show_default=False
    ),
]
LimitOption = Annotated[
    str | None,
    typer.Option(
        "--limit-bytes", help="What may be scanned, such as 500MB; the budget holds too.", show_default=False
    ),
]
PersonalOption = Annotated[
    bool, typer.Option("--with-personal-data", help="Also names, addresses and the like: the file is plain.")
]
#: May hold anything, people included.
_UNKNOWN_CONTENT = frozenset({Family.NESTED, Family.BINARY})
_OWNER_ONLY = 0o600


def pull(
    name: NameArgument,
    workspace: WorkspaceOption = None,
    table: TableOption = None,
    source: SourceOption = None,
    columns: ColumnsOption = None,
    *,
    output: OutputOption = None,
    limit: LimitOption = None,
    with_personal_data: PersonalOption = False,
) -> None:
    """Write a table, or a configured source, to a Parquet file of the declared types.

    Shows first what it would cost, and stops at the budget of connection and source. Columns that look
    personal, and those that could hold anything (JSON, binary), are left out unless --with-personal-data.
    """
    setup = read_setup(open_session(workspace))
    require_connection(setup, name)
    label = _require_one(table, source)
    source = None if source is None else require_feed(setup, name, source)
    path = _require_free(output or Path(f"{label.replace('/', '_')}.parquet"))
    budget = _budget(setup, name, source)
    maximum_bytes = min((one for one in (size_option(limit), budget.bytes) if one is not None), default=None)
    with setup.connections.open(name) as warehouse:
        chosen = _choose(setup, warehouse, table=table, source=source, columns=columns)
        _say_left_out(setup.session, chosen, with_personal_data=with_personal_data)
        request = chosen.request(
            with_personal_data=with_personal_data, maximum_bytes=maximum_bytes, maximum_seconds=budget.seconds
        )
        estimate = warehouse.estimate(request)
        _say_estimate(setup.session, label, request, estimate)
        _require_within(estimate, maximum_bytes)
        started = monotonic()
        usage = _write(setup, name, warehouse, request, path=path, total=estimate.row_count)
    path.chmod(_OWNER_ONLY)
    _say_result(setup.session, path, usage, monotonic() - started)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Columns of a relation.

    Attributes:
        whole: The request with all of them.
        personal: Output names that are, or may be, about people.
    """

    whole: ReadRequest
    personal: frozenset[str]

    def request(
        self, *, with_personal_data: bool, maximum_bytes: int | None, maximum_seconds: float | None
    ) -> ReadRequest:
        kept = {
            name: column
            for name, column in self.whole.columns.items()
            if with_personal_data or name not in self.personal
        }
        if not kept:
            raise CommandError(
                "ONLY_PERSONAL_DATA",
                "every column that was asked for looks like personal data",
                "add --with-personal-data if a plain file of them is what you want",
                exit_code=ExitCode.USAGE,
            )
        return ReadRequest(
            source=self.whole.source,
            relation=self.whole.relation,
            columns=kept,
            time_zone=self.whole.time_zone,
            maximum_bytes=maximum_bytes,
            maximum_seconds=maximum_seconds,
        )


def _require_one(table: str | None, source: str | None) -> str:
    if (table is None) == (source is None):
        raise CommandError(
            "TABLE_OR_SOURCE",
            "pull takes either a table of the warehouse or a source of sources.yml",
            "give --table or --source",
            exit_code=ExitCode.USAGE,
        )
    return str(table or source)


def _require_free(path: Path) -> Path:
    if not path.absolute().parent.is_dir():
        what, remedy = f"there is no folder {path.absolute().parent}", "make it, or name another --output"
    elif path.is_dir():
        what, remedy = f"{path} is a folder", "name a file in it with --output"
    elif path.exists():
        what, remedy = f"{path} is there already", "remove it, or name another --output"
    else:
        return path
    raise CommandError("OUTPUT", what, remedy, exit_code=ExitCode.USAGE)


def _budget(setup: Setup, name: str, source: str | None) -> Budget:
    """The tighter of the connection's and the source's, of each kind."""
    budgets = [setup.written(name).budget]
    if source is not None and source in setup.connector.feeds:
        budgets.append(setup.connector.feeds[source].budget)
    sizes = [one.bytes for one in budgets if one.bytes is not None]
    times = [one.seconds for one in budgets if one.seconds is not None]
    return Budget(bytes=min(sizes, default=None), seconds=min(times, default=None))


def _choose(
    setup: Setup, warehouse: Warehouse, *, table: str | None, source: str | None, columns: str | None
) -> _Choice:
    wanted = None if columns is None else [column.strip() for column in columns.split(",") if column.strip()]
    if source is not None:
        return _choose_source(setup, warehouse, source, wanted)
    relation = Relation(table=table)
    declared = {column.name: column for column in warehouse.describe(str(table), relation)}
    kept = _selected(declared, wanted)
    readable = {name: column for name, column in kept.items() if column.family is not Family.OPAQUE}
    return _Choice(
        ReadRequest(source=str(table), relation=relation, columns=readable),
        frozenset(
            name
            for name, column in readable.items()
            if looks_personal(name, table=str(table)) or column.family in _UNKNOWN_CONTENT
        ),
    )


def _choose_source(setup: Setup, warehouse: Warehouse, source: str, wanted: Sequence[str] | None) -> _Choice:
    settings, contract = setup.connector.feeds[source], table_of(source)
    whole = build_request(contract, settings, warehouse.describe(source, relation_of(settings)))
    kept = _selected(whole.columns, wanted)
    request = ReadRequest(source=source, relation=whole.relation, columns=kept, time_zone=whole.time_zone)
    return _Choice(
        request,
        frozenset(
            name
            for name, column in kept.items()
            if is_personal(contract, name) or column.family in _UNKNOWN_CONTENT
        ),
    )


def _selected(
    declared: Mapping[str, SourceColumn], wanted: Sequence[str] | None
) -> Mapping[str, SourceColumn]:
    if wanted is None:
        return declared
    unknown = [name for name in wanted if name not in declared]
    if unknown:
        raise CommandError(
            "UNKNOWN_NAME",
            f"there is no column {', '.join(unknown)}",
            suggestion(unknown[0], declared),
            exit_code=ExitCode.USAGE,
        )
    return {name: declared[name] for name in wanted}


def _say_left_out(session: Session, chosen: _Choice, *, with_personal_data: bool) -> None:
    if chosen.personal and not with_personal_data:
        session.print(
            f"left out as personal, or as possibly so: {', '.join(sorted(chosen.personal))}", style="yellow"
        )


def _say_estimate(session: Session, label: str, request: ReadRequest, estimate: Estimate) -> None:
    parts = [counted(len(request.columns), "column")]
    if estimate.row_count is not None:
        parts.append(f"about {counted(estimate.row_count, 'row')}")
    if estimate.byte_count is not None:
        parts.append(f"scans {bytes_in_words(estimate.byte_count)}")
    limit = "" if request.maximum_bytes is None else f"; limit {bytes_in_words(request.maximum_bytes)}"
    session.print(f"{label}: {', '.join(parts)}{limit}")


def _require_within(estimate: Estimate, maximum_bytes: int | None) -> None:
    if maximum_bytes is None or estimate.byte_count is None or estimate.byte_count <= maximum_bytes:
        return
    raise CommandError(
        "OVER_BUDGET",
        f"it would scan {bytes_in_words(estimate.byte_count)}, more than {bytes_in_words(maximum_bytes)}",
        "take fewer --columns, or raise --limit-bytes or the budget",
        exit_code=ExitCode.CONFIGURATION,
    )


def _write(
    setup: Setup, name: str, warehouse: Warehouse, request: ReadRequest, *, path: Path, total: int | None
) -> Usage:
    """The whole read, again from its first row when it breaks for a passing reason."""

    def attempt() -> Usage:
        with (
            ReadingProgress(
                console(is_error=True), request, total, knows_bytes=_tells_bytes(warehouse)
            ) as progress,
            warehouse.read(request) as stream,
        ):
            return write_parquet_file(stream, path, progress=progress, request=request)

    return retry_transient(attempt, deadline=setup.written(name).timeout)


def _tells_bytes(warehouse: Warehouse) -> bool:
    """Whether the engine holds itself to a limit in bytes; where it does not, what arrives counts."""
    return warehouse.capabilities.estimates_bytes


def _say_result(session: Session, path: Path, usage: Usage, seconds: float) -> None:
    rate = usage.row_count / seconds if seconds > 0 else 0.0
    billed = "" if usage.billed_bytes is None else f", billed {bytes_in_words(usage.billed_bytes)}"
    session.print(
        f"wrote {path}: {counted(usage.row_count, 'row')}, {bytes_in_words(usage.byte_count)} of values, "
        f"{bytes_in_words(path.stat().st_size)} on disk, in {seconds:.1f} s ({rate:,.0f} rows/s){billed}",
        style="green",
    )
