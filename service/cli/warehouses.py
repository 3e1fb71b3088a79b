"""What the commands about warehouses start from: the connections of a workspace, as far as it is written."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from pipelines.contracts.settings.connections import Connection, DuckDBConnection, parse_size
from pipelines.contracts.settings.connector import ConnectorSettings, SourceSettings, table_of
from resources.control.workspace.identity import read_connections, read_sources
from resources.control.workspace.problems import suggestion
from resources.control.workspace.reading import WorkspaceProblemsError
from resources.control.workspace.secrets import REFERENCE
from resources.warehouses.open import EMBEDDED, Connections
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.session import Session

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A connection of connections.yml.")]
#: A shorter value says nothing, and would tear up every word that holds it.
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Setup:
    """The connections of a workspace whose other files may still be wrong, or missing.

    Attributes:
        sources_problem: Why `sources.yml` cannot be read; None when it can.
    """

    session: Session
    connector: ConnectorSettings
    sources_problem: str | None

    @property
    def connections(self) -> Connections:
        return Connections(
            connector=self.connector,
            workspace_folder=self.session.folder,
            embedded_path=self.session.home.warehouse_path,
            variables=self.session.environment.variables,
        )

    def written(self, name: str) -> Connection:
        """Settings of a connection as they stand in the file, references unresolved."""
        if name == EMBEDDED and name not in self.connector.connections:
            return DuckDBConnection(kind="duckdb", path=str(self.session.home.warehouse_path))
        return self.connector.connections[name]

    def is_target(self, name: str) -> bool:
        return name == self.connections.target_name

    def sources(self, name: str) -> Mapping[str, SourceSettings]:
        """Feeds that read from a connection, by name."""
        return {
            feed: settings for feed, settings in self.connector.feeds.items() if settings.connection == name
        }

    def references(self, name: str) -> list[str]:
        """Environment variables that a connection refers to."""
        texts = _texts(self.written(name).model_dump(mode="json", by_alias=True))
        return sorted({text.removeprefix(REFERENCE) for text in texts if text.startswith(REFERENCE)})

    def conceal(self, text: str, name: str) -> str:
        """A text in which values of referenced variables are the references again."""
        variables = self.session.environment.variables
        for reference in self.references(name):
            value = variables.get(reference, "")
            if len(value) >= _SHORTEST_SECRET:
                text = text.replace(value, f"{REFERENCE}{reference}")
        return text


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for child in value.values():
            yield from _texts(child)


def read_setup(session: Session) -> Setup:
    """Reads `connections.yml`, which must be right, and `sources.yml`, which need not be there yet."""
    found = read_connections(session.folder)
    sources, problem = {}, None
    try:
        sources = dict(read_sources(session.folder).sources)
    except WorkspaceProblemsError as error:
        first, *others = error.reading.problems
        problem = f"sources.yml has {len(others) + 1} problems" if others else f"{first.file}: {first.what}"
    connector = ConnectorSettings(connections=found.connections, target=found.target, sources=sources)
    return Setup(session, connector, problem)


def require_connection(setup: Setup, name: str) -> None:
    """Ends the command when there is no such connection; the embedded warehouse is one by default."""
    known = [*setup.connector.connections, *([EMBEDDED] if setup.connector.target is None else [])]
    if name not in known:
        raise CommandError(
            "UNKNOWN_NAME",
            f"there is no connection {name}",
            suggestion(name, known),
            exit_code=ExitCode.USAGE,
        )


def require_feed(setup: Setup, name: str, source: str) -> str:
    """The feed that is meant: by its name, or the only one of a table that the connection has."""
    feeds = setup.connector.feeds
    own = [feed for feed in setup.sources(name) if table_of(feed).name == source]
    if len(own) == 1:
        return own[0]
    if source in feeds:
        return source
    if setup.sources_problem is not None:
        what, remedy = setup.sources_problem, "run onward validate"
    elif own:
        what, remedy = f"{source} has several feeds in {name}", f"name one of {', '.join(own)}"
    else:
        what, remedy = f"there is no source {source}", suggestion(source, feeds)
    raise CommandError("UNKNOWN_NAME", what, remedy, exit_code=ExitCode.USAGE)


def name_pattern(text: str) -> re.Pattern[str]:
    """`order%` or `crm.*`, in any case; without a point it is matched with the table's own name alone."""
    body = "".join(".*" if part in {"*", "%"} else re.escape(part) for part in re.split(r"([*%])", text))
    return re.compile(body if "." in text else rf"(?:.*\.)?{body}", re.IGNORECASE)


def size_option(text: str | None) -> int | None:
    """`--limit-bytes`, as sizes are written in the workspace, or `none`."""
    if text is None or text == "none":
        return None
    try:
        return parse_size(int(text) if text.isdigit() else text)
    except ValueError as error:
        raise CommandError("WRONG_SIZE", f"{text} is no size", str(error), exit_code=ExitCode.USAGE) from None
