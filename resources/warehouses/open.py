"""From the settings of a connection to a connected warehouse."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipelines.contracts.settings.connections import (
    RESOLVED,
    BigQueryConnection,
    Connection,
    DuckDBConnection,
    RedshiftConnection,
    SnowflakeConnection,
)
from pipelines.contracts.settings.connector import ConnectorSettings
from resources.control.workspace.secrets import SecretMissingError, resolve_secrets
from resources.warehouses.base import SourceError, SourceProblem, Warehouse
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse

#: Name of the warehouse that results are written to when no connection is named as target.
EMBEDDED = "embedded"
#: Kind of warehouse → module of its driver; each is an extra of the installation.
_DRIVERS = {
    "snowflake": "snowflake.connector",
    "bigquery": "google.cloud.bigquery_storage",
    "redshift": "redshift_connector",
}
_ANY: TypeAdapter[Connection] = TypeAdapter(Connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """The warehouses of a workspace, opened by name.

    Attributes:
        workspace_folder: Where relative paths of files start.
        embedded_path: The DuckDB file that takes the results when no connection does.
        variables: Environment in which `env:` references are looked up.
    """

    connector: ConnectorSettings
    workspace_folder: Path
    embedded_path: Path
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def open(self, name: str) -> Warehouse:
        """A connected source, read-only where the engine knows such a thing."""
        return open_warehouse(self.resolved(name), name=name, workspace_folder=self.workspace_folder)

    def open_target(self) -> Warehouse:
        """The warehouse that results are written to."""
        return open_warehouse(
            self.target, name=self.target_name, workspace_folder=self.workspace_folder, is_read_only=False
        )

    @property
    def target_name(self) -> str:
        return self.connector.target or EMBEDDED

    @property
    def target_kind(self) -> str:
        """Kind of the target, which is known without any secret."""
        if self.connector.target is None:
            return "duckdb"
        return self.connector.connections[self.connector.target].kind

    @property
    def target(self) -> Connection:
        """Resolved settings of the target; paths of files are absolute, as dbt runs elsewhere."""
        if self.connector.target is None:
            return DuckDBConnection(kind="duckdb", path=str(self.embedded_path.absolute()))
        return self._with_absolute_files(self.resolved(self.connector.target))

    def resolved(self, name: str) -> Connection:
        """Settings of a connection with the values of its `env:` references."""
        written = self.connector.connections[name].model_dump(mode="json")
        try:
            values = resolve_secrets(written, self.variables)
        except SecretMissingError as error:
            raise SourceError(
                SourceProblem(
                    "missing_secret", "connection", name, None, f"{error}.", "Set them and try again."
                )
            ) from None
        try:
            return _ANY.validate_python(values, context=RESOLVED)
        except ValidationError as error:
            raise _invalid(name, error) from None

    def _with_absolute_files(self, connection: Connection) -> Connection:
        files = {
            name: str((self.workspace_folder / Path(value).expanduser()).absolute())
            for name in ("path", "private_key_file", "keyfile")
            if (value := getattr(connection, name, None)) is not None
        }
        return connection.model_copy(update=files)


def _invalid(name: str, error: ValidationError) -> SourceError:
    """What became wrong by the values of the environment; pydantic's own text quotes them."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    parts = [f"{'.'.join(str(step) for step in one['loc'][1:]) or 'it'}: {one['msg']}" for one in found]
    return SourceError(
        SourceProblem(
            "invalid_connection",
            "connection",
            name,
            None,
            f"its references resolve to something that does not fit: {'; '.join(parts)}.",
            "Correct the environment variables that it names.",
        )
    )


def open_warehouse(
    connection: Connection, *, name: str, workspace_folder: Path, is_read_only: bool = True
) -> Warehouse:
    """A connected warehouse from resolved settings.

    A DuckDB source is opened read-only, a DuckDB target for writing by one process
    at a time. The drivers of the others are loaded here and nowhere else, as an
    installation needs only those that it uses.
    """
    _require_driver(connection.kind, name)
    match connection:
        case DuckDBConnection():
            return DuckDBWarehouse(
                workspace_folder / connection.path,
                is_read_only=is_read_only,
                # Writing sorts and merges: that is not bounded by what a read needs.
                memory_bytes=connection.memory if is_read_only else None,
            )
        case SnowflakeConnection():
            from resources.warehouses.snowflake.warehouse import SnowflakeWarehouse  # noqa: PLC0415

            return SnowflakeWarehouse(connection, name=name, workspace_folder=workspace_folder)
        case BigQueryConnection():
            from resources.warehouses.bigquery.warehouse import BigQueryWarehouse  # noqa: PLC0415

            return BigQueryWarehouse(connection, name=name, workspace_folder=workspace_folder)
        case RedshiftConnection():
            from resources.warehouses.redshift.warehouse import RedshiftWarehouse  # noqa: PLC0415

            return RedshiftWarehouse(connection, name=name)


def _require_driver(kind: str, name: str) -> None:
    driver = _DRIVERS.get(kind)
    if driver is None or _is_installed(driver):
        return
    raise SourceError(
        SourceProblem(
            "missing_driver",
            "connection",
            name,
            None,
            f"the client library for {kind} is not installed.",
            f"Install it: pip install 'onward[{kind}]'.",
        )
    )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False
