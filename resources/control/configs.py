"""Configs: every setting of a workspace, versioned, each version in force from a logical date.

Nothing is overwritten: a change, a pause and a removal are new versions. Of the
versions in force on a date the highest number counts, so a night that is run
again reads what it read the first time, unless somebody since changed the past
on purpose.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from pipelines.contracts.control_codes import Automation
from resources.control.activities import lock_chain
from resources.control.codes import ConfigStatus
from resources.control.columns import Clock, utc_now
from resources.control.config_versions import Change, ConfigVersion, next_version, version_of, write_version
from resources.control.database import reading, writing
from resources.control.tables import CONFIG_VERSIONS

#: Status → the states that it can be reached from by hand.
_SOURCES = {
    ConfigStatus.ACTIVE: {ConfigStatus.PAUSED, ConfigStatus.DRAFT},
    ConfigStatus.PAUSED: {ConfigStatus.ACTIVE},
    ConfigStatus.STOPPED: {ConfigStatus.ACTIVE, ConfigStatus.PAUSED, ConfigStatus.DRAFT},
}


class UnknownConfigError(Exception):
    """There is no config of that name."""


class ConfigStateError(Exception):
    """The config is in a state that does not allow the change."""


@dataclass(frozen=True, slots=True)
class AppliedConfig:
    """What applying a folder did to one config.

    Attributes:
        change: `created`, `changed`, `restored` or `archived`.
    """

    name: str
    version: int
    change: str


class ConfigStore:
    """The configs of one workspace.

    A date that is not given is today's in UTC; pass the night where the
    workspace's own calendar matters.
    """

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now

    def apply(
        self,
        settings_by_name: Mapping[str, tuple[str, Mapping[str, Any]]],
        *,
        author: str,
        reason: str,
        effective_on: date | None = None,
        levels: Mapping[str, Automation] | None = None,
    ) -> list[AppliedConfig]:
        """Make the given configs, each a product and its settings as JSON, the ones in force.

        What is unchanged makes no version; a paused config stays paused, and one
        that `levels` does not name keeps its level of automation. The first
        version of a name is in force since ever, later ones from `effective_on`.
        Names that are not given any more are archived.

        Returns:
            The configs that changed, by name.
        """
        since = effective_on or self._now().date()
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            newest = self._in_force(connection, None)
            then = self._in_force(connection, since)
            applied = []
            for name in sorted(settings_by_name.keys() | newest.keys()):
                known = (newest[name], then[name]) if name in newest else ()
                level = (levels or {}).get(name)
                wanted = next_version(name, settings_by_name.get(name), known, level=level)
                if wanted is not None:
                    verb, version = wanted
                    change = Change(verb, author, reason, since if known else None)
                    write_version(connection, self._workspace_id, version, change, at=self._now())
                    applied.append(AppliedConfig(name, version.version, verb))
        return applied

    def as_of(self, night: date) -> dict[str, ConfigVersion]:
        """What is in force for a night, by name; archived configs are not."""
        with reading(self._engine) as connection:
            versions = self._in_force(connection, night)
        return {
            name: version for name, version in versions.items() if version.status is not ConfigStatus.ARCHIVED
        }

    def versions(self, name: str) -> list[ConfigVersion]:
        """All versions of a config, oldest first."""
        wanted = (
            sa.select(CONFIG_VERSIONS)
            .where(CONFIG_VERSIONS.c.workspace_id == self._workspace_id, CONFIG_VERSIONS.c.name == name)
            .order_by(CONFIG_VERSIONS.c.version)
        )
        with reading(self._engine) as connection:
            return [version_of(row) for row in connection.execute(wanted).mappings()]

    def pause(self, name: str, *, author: str, reason: str, effective_on: date | None = None) -> None:
        self._set_status(name, ConfigStatus.PAUSED, Change("paused", author, reason, effective_on))

    def resume(self, name: str, *, author: str, reason: str, effective_on: date | None = None) -> None:
        self._set_status(name, ConfigStatus.ACTIVE, Change("resumed", author, reason, effective_on))

    def stop(self, name: str, *, author: str, reason: str, effective_on: date | None = None) -> None:
        """Stop for good; unlike a pause it cannot be resumed."""
        self._set_status(name, ConfigStatus.STOPPED, Change("stopped", author, reason, effective_on))

    def automate(
        self, name: str, level: Automation, *, author: str, reason: str, effective_on: date | None = None
    ) -> None:
        """Say how far a config may go by itself; applying a folder that names no level leaves it so."""
        change = Change("automated", author, reason, effective_on)

        def automated(current: ConfigVersion) -> dict[str, Any]:
            if current.status is ConfigStatus.ARCHIVED:
                raise ConfigStateError(f"{name} is {current.status}, so it cannot be {change.verb}")
            return {} if current.automation is level else {"automation": level}

        self._alter(name, change, automated)

    def last_author(self, night: date) -> str | None:
        """Who made the youngest of the versions in force for a night; null when there is none."""
        with reading(self._engine) as connection:
            numbers = [
                (version.name, version.version) for version in self._in_force(connection, night).values()
            ]
            youngest = (
                sa.select(CONFIG_VERSIONS.c.author)
                .where(
                    CONFIG_VERSIONS.c.workspace_id == self._workspace_id,
                    sa.tuple_(CONFIG_VERSIONS.c.name, CONFIG_VERSIONS.c.version).in_(numbers),
                )
                .order_by(CONFIG_VERSIONS.c.created_at.desc(), CONFIG_VERSIONS.c.name)
                .limit(1)
            )
            author: str | None = connection.execute(youngest).scalar_one_or_none()
        return author

    def _set_status(self, name: str, status: ConfigStatus, change: Change) -> None:
        def moved(current: ConfigVersion) -> dict[str, Any]:
            if current.status is status:
                return {}
            if current.status not in _SOURCES[status]:
                raise ConfigStateError(f"{name} is {current.status}, so it cannot be {change.verb}")
            return {"status": status}

        self._alter(name, change, moved)

    def _alter(self, name: str, change: Change, alter: Callable[[ConfigVersion], dict[str, Any]]) -> None:
        """New versions of what is in force on a date and begins later; nothing when nothing would differ.

        Args:
            name: Name of the config.
            change: Who, why, and from when on.
            alter: What to set, from the version in force on the date.
        """
        since = change.effective_on or self._now().date()
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            current = self._in_force(connection, since).get(name)
            if current is None:
                raise UnknownConfigError(f"the workspace {self._workspace_id} has no config {name}")
            altered = alter(current)
            if not altered:
                return
            number = self._in_force(connection, None)[name].version
            # A version that begins later keeps its content and its day, with what is altered.
            for day, version in self._timeline(connection, name, since):
                number += 1
                is_archived = version.status is ConfigStatus.ARCHIVED
                write_version(
                    connection,
                    self._workspace_id,
                    replace(version, version=number, **({} if is_archived else altered)),
                    replace(change, effective_on=day),
                    at=self._now(),
                )

    def _timeline(
        self, connection: sa.Connection, name: str, since: date
    ) -> list[tuple[date, ConfigVersion]]:
        """What is in force on a date, and on each later date on which something begins."""
        later: sa.ScalarResult[date] = connection.execute(
            sa.select(CONFIG_VERSIONS.c.effective_on)
            .where(
                CONFIG_VERSIONS.c.workspace_id == self._workspace_id,
                CONFIG_VERSIONS.c.name == name,
                CONFIG_VERSIONS.c.effective_on > since,
            )
            .distinct()
        ).scalars()
        days = [(day, self._in_force(connection, day)[name]) for day in (since, *sorted(later))]
        return [
            (day, version)
            for (day, version), before in zip(days, (None, *days), strict=False)
            if before is None or version.version != before[1].version
        ]

    def _in_force(self, connection: sa.Connection, night: date | None) -> dict[str, ConfigVersion]:
        """Highest version of each name that is in force for a night, or of all when it is null."""
        is_ours = CONFIG_VERSIONS.c.workspace_id == self._workspace_id
        since = CONFIG_VERSIONS.c.effective_on
        is_in_force = sa.true() if night is None else since.is_(None) | (since <= night)
        highest = (
            sa.select(CONFIG_VERSIONS.c.name, sa.func.max(CONFIG_VERSIONS.c.version).label("version"))
            .where(is_ours, is_in_force)
            .group_by(CONFIG_VERSIONS.c.name)
            .subquery()
        )
        wanted = (
            sa.select(CONFIG_VERSIONS)
            .join(
                highest,
                (CONFIG_VERSIONS.c.name == highest.c.name) & (CONFIG_VERSIONS.c.version == highest.c.version),
            )
            .where(is_ours)
            .order_by(CONFIG_VERSIONS.c.name)
        )
        return {row["name"]: version_of(row) for row in connection.execute(wanted).mappings()}
