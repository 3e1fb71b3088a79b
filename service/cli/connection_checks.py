"""What can be said of a connection before it is opened, and after: one finding a line, never a secret."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import requires, version
from time import monotonic

from packaging.requirements import Requirement

from pipelines.contracts.settings.connections import Budget, Connection, DuckDBConnection, RedshiftConnection
from pipelines.contracts.texts import bytes_in_words, counted
from resources.control.workspace.secrets import REFERENCE
from resources.warehouses.base import SourceError, Warehouse
from resources.warehouses.probing import read_wall_clock
from service.cli.diagnoses import Finding, Status, is_asked_for, version_problem
from service.cli.failures import problem_in_words
from service.cli.session import Session
from service.cli.warehouses import Setup, read_setup

#: A larger difference moves orders to another day.
_CLOCK_TOLERANCE = timedelta(minutes=5)
_KEY_FILES = ("private_key_file", "keyfile")
_OPEN_TO_ALL = 0o077


def check_connections(session: Session) -> Iterator[Finding]:
    """Drivers, variables and key files of all connections; nothing is opened."""
    yield from _each(session, check_at_rest)


def open_connections(session: Session) -> Iterator[Finding]:
    """The same, and one round trip to each warehouse."""

    def check(setup: Setup, name: str) -> Iterator[Finding]:
        at_rest = list(check_at_rest(setup, name))
        yield from at_rest
        if all(finding.status is not Status.FAIL for finding in at_rest):
            yield _round_trip(setup, name)

    yield from _each(session, check)


def _each(session: Session, check: Callable[[Setup, str], Iterator[Finding]]) -> Iterator[Finding]:
    setup = read_setup(session)
    for name in setup.connector.connections:
        for finding in check(setup, name):
            yield Finding(finding.status, f"{name}: {finding.what}", finding.remedy)


def check_at_rest(setup: Setup, name: str) -> Iterator[Finding]:
    """Driver, variables and key files."""
    connection = setup.written(name)
    yield check_driver(connection)
    yield from check_variables(setup, name)
    yield from check_key_files(setup, connection)


def check_driver(connection: Connection) -> Finding:
    """The client libraries of a kind, in the versions of this release."""
    kind = connection.kind
    listed = [Requirement(text) for text in requires("onward") or ()]
    needed = [one for one in listed if is_asked_for(one, kind) and not is_asked_for(one, "")]
    problems = [problem for one in needed if (problem := version_problem(one)) is not None]
    if problems:
        return Finding(Status.FAIL, "; ".join(problems), f"pip install 'onward[{kind}]'")
    found = ", ".join(f"{one.name} {version(one.name)}" for one in needed)
    return Finding(Status.OK, f"{kind}: {found or 'part of Onward'}")


def check_variables(setup: Setup, name: str) -> Iterator[Finding]:
    variables = setup.session.environment.variables
    references = setup.references(name)
    missing = [reference for reference in references if not variables.get(reference)]
    for reference in missing:
        remedy = f"set {reference} where Onward runs"
        yield Finding(Status.FAIL, f"the environment variable {reference} is not set", remedy)
    if references and not missing:
        yield Finding(Status.OK, f"{', '.join(references)} set")


def check_key_files(setup: Setup, connection: Connection) -> Iterator[Finding]:
    """Files with keys are there, and nobody else's to read."""
    for key in _KEY_FILES:
        written = getattr(connection, key, None)
        if written is None or written.startswith(REFERENCE):
            continue
        path = setup.session.folder / written
        if not path.is_file():
            yield Finding(Status.FAIL, f"{key}: there is no file {written}", "put the key there")
        elif path.stat().st_mode & _OPEN_TO_ALL:
            yield Finding(Status.WARN, f"{key}: others can read {written}", f"chmod 600 {written}")
        else:
            yield Finding(Status.OK, f"{key}: {written} is readable by its owner only")


def check_budget(connection: Connection) -> Finding:
    limits = list(_limits(connection.budget))
    times = f"a statement may take {_minutes(connection.timeout)}, {connection.concurrency} run side by side"
    if limits:
        return Finding(Status.OK, f"{', '.join(limits)} a night; {times}")
    if isinstance(connection, DuckDBConnection):
        return Finding(Status.OK, f"none is needed; {times}")
    return Finding(
        Status.WARN,
        f"a night may read any amount; {times}",
        "set budget, for example {bytes: 50GB, seconds: 3600}",
    )


def _limits(budget: Budget) -> Iterator[str]:
    if budget.bytes is not None:
        yield bytes_in_words(budget.bytes)
    if budget.seconds is not None:
        yield f"{budget.seconds:,.0f} s"
    if budget.credits is not None:
        yield f"{budget.credits:g} credits"


def _minutes(duration: timedelta) -> str:
    return counted(int(duration.total_seconds() // 60), "minute")


def check_staging(connection: Connection) -> Iterator[Finding]:
    if isinstance(connection, RedshiftConnection) and connection.staging is None:
        yield Finding(
            Status.WARN,
            "there is none, so every table comes over the wire, row by row",
            "set staging (a folder on S3 and a role) for tables of more than some 100,000 rows",
        )


def _round_trip(setup: Setup, name: str) -> Finding:
    started = monotonic()
    try:
        with setup.connections.open(name) as warehouse:
            answer = warehouse.check()
    except SourceError as error:
        what, remedy = problem_in_words(error.problems[0])
        return Finding(Status.FAIL, setup.conceal(what, name), remedy)
    milliseconds = (monotonic() - started) * 1000
    return Finding(Status.OK, setup.conceal(f"{answer}; answered in {milliseconds:,.0f} ms", name))


def check_clock(warehouse: Warehouse, name: str) -> Finding:
    """One row all the way, with what the session takes for the time in UTC."""
    shown = read_wall_clock(warehouse, name)
    difference = shown - datetime.now(UTC)
    if abs(difference) <= _CLOCK_TOLERANCE:
        return Finding(Status.OK, f"{shown:%Y-%m-%d %H:%M} UTC, as here")
    hours = difference.total_seconds() / 3600
    return Finding(
        Status.FAIL,
        f"the session is {hours:+.2f} hours off UTC ({shown:%Y-%m-%d %H:%M})",
        "correct the clock of this machine, or the time zone that the role's sessions are forced to",
    )
