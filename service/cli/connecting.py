"""`onward connect`: opens one connection and says in words what works, what is missing and what to do."""

from collections.abc import Iterator

import typer

from pipelines.contracts.settings.connections import (
    BigQueryConnection,
    Connection,
    DuckDBConnection,
    RedshiftConnection,
    SnowflakeConnection,
)
from pipelines.contracts.texts import counted
from resources.warehouses.base import SourceError, Warehouse
from resources.warehouses.table_names import split_name
from service.cli.connection_checks import (
    check_budget,
    check_clock,
    check_driver,
    check_key_files,
    check_staging,
    check_variables,
)
from service.cli.diagnoses import Diagnosis, Finding, Status, print_counts, print_diagnosis
from service.cli.exit_codes import ExitCode
from service.cli.failures import problem_in_words
from service.cli.session import WorkspaceOption, open_session
from service.cli.source_rights import check_source_rights
from service.cli.warehouses import NameArgument, Setup, read_setup, require_connection

#: What an error of opening or asking is about, for the head of its line.
_SUBJECTS = {
    "bad_credentials": "credentials",
    "unreachable": "network",
    "timeout": "network",
    "throttled": "network",
    "insecure_endpoint": "network",
    "not_allowed": "rights",
    "missing_driver": "driver",
    "missing_secret": "variables",
    "invalid_connection": "variables",
    "missing_database": "database",
    "missing_warehouse": "warehouse",
    "missing_file": "file",
    "source_locked": "file",
    "not_a_database": "file",
    "cannot_open": "file",
}
_EXIT_CODES = {"variables": ExitCode.CONFIGURATION, "sources": ExitCode.SOURCE_DATA}
Lines = Iterator[Diagnosis]


def connect(name: NameArgument, workspace: WorkspaceOption = None) -> None:
    """Open a connection and check everything that a night needs of it.

    Driver, environment variables, credentials, network, clock, the right to read each configured source
    and, for the target of the workspace, the right to write: one row is written to its internal schema
    and removed again. Nothing secret is shown.
    """
    setup = read_setup(open_session(workspace))
    require_connection(setup, name)
    diagnoses = []
    for diagnosis in _examine(setup, name):
        diagnoses.append(diagnosis)
        print_diagnosis(setup.session, diagnosis)
    print_counts(setup.session, diagnoses)
    failed = [diagnosis.name for diagnosis in diagnoses if diagnosis.status is Status.FAIL]
    if failed:
        raise typer.Exit(_EXIT_CODES.get(failed[0], ExitCode.ENVIRONMENT))


def _examine(setup: Setup, name: str) -> Lines:
    at_rest = list(_at_rest(setup, name))
    yield from at_rest
    if any(diagnosis.status is Status.FAIL for diagnosis in at_rest):
        yield _line("connection", Finding(Status.WARN, "not opened", "correct the lines above first"))
        return
    is_target = setup.is_target(name)
    if not (is_target and _is_yet_to_be_made(setup, name)):
        try:
            with setup.connections.open(name) as warehouse:
                yield from _opened(setup, name, warehouse)
        except SourceError as error:
            yield from _failed(setup, name, error)
            return
    if is_target:
        yield from _target(setup, name)


def _at_rest(setup: Setup, name: str) -> Lines:
    connection = setup.written(name)
    role = ", takes the results" if setup.is_target(name) else ""
    yield _line("settings", Finding(Status.OK, f"{name} is {describe(connection)}{role}"))
    yield _line("driver", check_driver(connection))
    for finding in check_variables(setup, name):
        yield _line("variables", finding)
    for finding in check_key_files(setup, connection):
        yield _line("key", finding)
    yield _line("budget", check_budget(connection))
    for finding in check_staging(connection):
        yield _line("staging", finding)


def _opened(setup: Setup, name: str, warehouse: Warehouse) -> Lines:
    answer = setup.conceal(warehouse.check(), name)
    yield _line("connection", Finding(Status.OK, f"credentials and network are good: {answer}"))
    yield _line("clock", check_clock(warehouse, name))
    yield _line("tables", _check_tables(warehouse))
    for finding in check_source_rights(setup, name, warehouse):
        yield _line("sources", Finding(finding.status, setup.conceal(finding.what, name), finding.remedy))


def _check_tables(warehouse: Warehouse) -> Finding:
    found = warehouse.discover()
    schemas = sorted({split_name(table)[0] for table in found})
    if not found:
        remedy = "grant the right to see them, or correct database, schema, dataset or location"
        return Finding(Status.WARN, "no table can be seen", remedy)
    return Finding(Status.OK, f"{counted(len(found), 'table')} can be seen in {', '.join(schemas)}")


def _target(setup: Setup, name: str) -> Lines:
    try:
        with setup.connections.open_target() as warehouse:
            warehouse.probe_write()
    except SourceError as error:
        yield from _failed(setup, name, error, subject="target")
        return
    what = "a row was staged, written to onward_internal in a transaction, counted, and removed again"
    yield _line("target", Finding(Status.OK, what))


def _failed(setup: Setup, name: str, error: SourceError, *, subject: str | None = None) -> Lines:
    for problem in error.problems:
        what, remedy = problem_in_words(problem)
        head = subject or _SUBJECTS.get(problem.code, "connection")
        yield _line(head, Finding(Status.FAIL, setup.conceal(what, name), remedy))


def _is_yet_to_be_made(setup: Setup, name: str) -> bool:
    """A DuckDB file that only takes results is made by the first night."""
    connection = setup.written(name)
    if not isinstance(connection, DuckDBConnection) or setup.sources(name):
        return False
    target = setup.connections.target
    return isinstance(target, DuckDBConnection) and not (setup.session.folder / target.path).exists()


def _line(name: str, finding: Finding) -> Diagnosis:
    return Diagnosis(name, finding.status, finding.what, finding.remedy)


def describe(connection: Connection) -> str:
    """A connection in words, as it stands in the file: references stay references."""
    match connection:
        case DuckDBConnection():
            return f"a DuckDB file, {connection.path}"
        case SnowflakeConnection():
            parts = [f"database {connection.database}", f"schema {connection.schema_name}"]
            parts += [f"warehouse {connection.warehouse}"] if connection.warehouse else []
            parts += [f"role {connection.role}"] if connection.role else []
            place = f"Snowflake account {connection.account}, {', '.join(parts)}"
            return f"{place}; user {connection.user} by {_authentication(connection)}"
        case BigQueryConnection():
            dataset = f", dataset {connection.dataset}" if connection.dataset else ""
            place = f"BigQuery project {connection.project} in {connection.location}{dataset}"
            return f"{place}; by {_authentication(connection)}"
        case RedshiftConnection():
            place = (
                f"Redshift {connection.host}, database {connection.database}, schema {connection.schema_name}"
            )
            return f"{place}; user {connection.user} by {_authentication(connection)}"


_WAYS = {
    "private_key_file": "key pair",
    "private_key": "key pair",
    "oauth_token": "OAuth token",
    "access_token": "programmatic access token",
    "keyfile": "service account key",
    "token": "access token",
    "password": "password",
    "iam": "IAM",
}


def _authentication(connection: Connection) -> str:
    """The way to log in, by the setting that is given."""
    given = (way for key, way in _WAYS.items() if getattr(connection, key, None) is not None)
    return next(given, "application default credentials")
