"""The state folder of a machine, composed: control database, keys, lake and the places of everything else."""

from pathlib import Path

import sqlalchemy as sa

from resources.control.approvals import Approvals
from resources.control.configs import ConfigStore
from resources.control.database import open_control, reading
from resources.control.leases import Leases
from resources.control.overrides import Overrides
from resources.control.pointers import Pointers
from resources.control.switches import KillSwitches
from resources.control.tables import CONFIGS
from resources.keys import EnvironmentKeys, FileKeys, KeyProvider
from resources.lake.store import Lake
from resources.settings import Environment

#: One engine a process and database: opening one compares and migrates the schema.
_engines: dict[str, sa.Engine] = {}


class Home:
    """Everything below `ONWARD_HOME`; cheap to make, opens what is asked for."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.root = environment.home

    @property
    def control(self) -> sa.Engine:
        self._make_private()
        url = self.environment.control_url
        if url not in _engines:
            _engines[url] = open_control(url)
        return _engines[url]

    @property
    def keys(self) -> KeyProvider:
        if self.environment.is_production or self.environment.master_key is not None:
            return EnvironmentKeys(self.environment.master_key, variable="ONWARD_MASTER_KEY")
        return FileKeys(self.key_file)

    @property
    def key_file(self) -> Path:
        return self.root / "keys" / "master.key"

    @property
    def control_file(self) -> Path | None:
        """The file of a SQLite control database; None on a server."""
        url = sa.make_url(self.environment.control_url)
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

    def lake(self, workspace_id: str) -> Lake:
        return Lake(
            self.root / "lake",
            workspace_id,
            pointers=Pointers(self.control, workspace_id),
            leases=Leases(self.control),
            keys=self.keys,
        )

    def workspaces(self) -> list[str]:
        """Ids of the workspaces that were ever applied here."""
        with reading(self.control) as connection:
            found = connection.execute(sa.select(CONFIGS.c.workspace_id).distinct())
            return sorted(row.workspace_id for row in found)

    def configs(self, workspace_id: str) -> ConfigStore:
        return ConfigStore(self.control, workspace_id)

    def switches(self, workspace_id: str) -> KillSwitches:
        return KillSwitches(self.control, workspace_id)

    def approvals(self, workspace_id: str) -> Approvals:
        return Approvals(self.control, workspace_id)

    def overrides(self, workspace_id: str) -> Overrides:
        return Overrides(self.control, workspace_id)

    @property
    def warehouse_path(self) -> Path:
        """The embedded warehouse, when a workspace names no other as target."""
        return self.root / "warehouse.duckdb"

    @property
    def snapshot_path(self) -> Path:
        """The copy of the warehouse that people and the service read."""
        return self.root / "onward.duckdb"

    @property
    def dagster_home(self) -> Path:
        return self.root / "dagster"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def outgoing(self) -> Path:
        """Where file destinations put their batches unless they say otherwise."""
        return self.root / "outgoing"

    @property
    def spool(self) -> Path:
        """Where rows of a source pass through, encrypted with keys that exist in memory only."""
        return self.root / "spool"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def daemon_lock(self) -> Path:
        return self.root / "daemon.lock"

    def close(self) -> None:
        """Closes the control database for the whole process; the next use opens it again."""
        engine = _engines.pop(self.environment.control_url, None)
        if engine is not None:
            engine.dispose()

    def _make_private(self) -> None:
        """The folder holds personal data, so only its owner may look inside."""
        if not self.root.exists():
            self.root.mkdir(parents=True, mode=0o700)
