"""What a version of a config is, when there has to be a next one, and how it is written."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from pipelines.contracts.control_codes import Automation
from resources.control.activities import Activity, record_activity
from resources.control.codes import ConfigOwner, ConfigStatus
from resources.control.columns import canonical_json
from resources.control.tables import CONFIG_VERSIONS, CONFIGS


@dataclass(frozen=True, slots=True)
class ConfigVersion:
    """A config as it is, or was, in force.

    Attributes:
        effective_on: First night that it is in force for; null means since ever.
    """

    name: str
    product: ConfigOwner
    version: int
    settings: dict[str, Any]
    status: ConfigStatus
    automation: Automation
    content_hash: str
    config_id: UUID
    effective_on: date | None


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes what from when; goes into the version and into the activity."""

    verb: str
    author: str
    reason: str
    effective_on: date | None


def next_version(
    name: str,
    given: tuple[str, Mapping[str, Any]] | None,
    known: tuple[ConfigVersion, ...],
    *,
    level: Automation | None = None,
) -> tuple[str, ConfigVersion] | None:
    """Verb and next version of a config, or null when it is as it should be.

    Both the newest version and the one in force on the date must be as
    wanted: the newest may begin later, and another one be in force until then.
    A level of automation that is not given stays as it was set.
    """
    newest = known[0] if known else None
    is_archived = [version.status is ConfigStatus.ARCHIVED for version in known]
    if given is None:
        if newest is None or all(is_archived):
            return None
        return "archived", replace(newest, version=newest.version + 1, status=ConfigStatus.ARCHIVED)
    product, settings = ConfigOwner(given[0]), dict(given[1])
    content_hash = _content_hash_of(product, settings)
    if newest is None:
        first = _first(name, product, settings, content_hash)
        return "created", replace(first, automation=level or first.automation)
    is_same = [
        version.content_hash == content_hash and level in {None, version.automation} for version in known
    ]
    if not any(is_archived) and all(is_same):
        return None
    was_archived = newest.status is ConfigStatus.ARCHIVED
    return "restored" if was_archived else "changed", replace(
        newest,
        product=product,
        version=newest.version + 1,
        settings=settings,
        status=ConfigStatus.ACTIVE if was_archived else newest.status,
        automation=level or newest.automation,
        content_hash=content_hash,
    )


def write_version(
    connection: sa.Connection, workspace_id: str, version: ConfigVersion, change: Change, *, at: datetime
) -> None:
    """A new version, the config that mirrors the newest one, and the activity."""
    content: dict[str, Any] = {
        "product": version.product,
        "settings": version.settings,
        "status": version.status,
        "automation": version.automation,
        "version": version.version,
        "content_hash": version.content_hash,
    }
    if version.version == 1:
        described = {"user_id": change.author, "name": version.name, "description": ""}
        keys = {"workspace_id": workspace_id, "id": version.config_id}
        connection.execute(
            sa.insert(CONFIGS).values(content | described | keys | {"created_at": at, "updated_at": at})
        )
    else:
        is_this = CONFIGS.c.id == version.config_id
        connection.execute(sa.update(CONFIGS).where(is_this).values(content | {"updated_at": at}))
    changed = {
        "workspace_id": workspace_id,
        "config_id": version.config_id,
        "name": version.name,
        "effective_on": change.effective_on,
        "author": change.author,
        "reason": change.reason,
        "created_at": at,
    }
    connection.execute(sa.insert(CONFIG_VERSIONS).values(content | changed))
    details = {
        "name": version.name,
        "version": version.version,
        "effective_on": None if change.effective_on is None else change.effective_on.isoformat(),
        "content_hash": version.content_hash,
        "automation": version.automation,
        "reason": change.reason,
    }
    activity = Activity(f"config.{change.verb}", change.author, version.config_id, details)
    record_activity(connection, workspace_id, activity, at=at)


def _first(name: str, product: ConfigOwner, settings: dict[str, Any], content_hash: str) -> ConfigVersion:
    return ConfigVersion(
        name=name,
        product=product,
        version=1,
        settings=settings,
        status=ConfigStatus.ACTIVE,
        automation=Automation.AUTO,
        content_hash=content_hash,
        config_id=uuid4(),
        effective_on=None,
    )


def _content_hash_of(product: ConfigOwner, settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json({"product": product, "settings": settings}).encode()).hexdigest()


def version_of(row: sa.RowMapping) -> ConfigVersion:
    return ConfigVersion(
        name=row["name"],
        product=ConfigOwner(row["product"]),
        version=row["version"],
        settings=row["settings"],
        status=ConfigStatus(row["status"]),
        automation=Automation(row["automation"]),
        content_hash=row["content_hash"],
        config_id=row["config_id"],
        effective_on=row["effective_on"],
    )
