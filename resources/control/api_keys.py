"""API keys: 256 random bits, of which only the hash is kept."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from resources.control.activities import Activity, lock_chain, record_activity
from resources.control.codes import Role
from resources.control.columns import Clock, utc_now
from resources.control.database import reading, writing
from resources.control.tables import API_KEYS

_SECRET_BYTES = 32
_PREFIX_BYTES = 6
_BRAND = "onw"
#: Compared with when a prefix is unknown, so that both answers take the same time.
_NO_HASH = hashlib.sha256(b"").hexdigest()


class UnknownKeyError(Exception):
    """There is no such key, or it is over."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; the key itself is not."""

    id: UUID
    name: str
    role: Role
    prefix: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key on the one occasion on which it can be read."""

    text: str
    key: ApiKey

    def __repr__(self) -> str:
        return f"IssuedKey({self.key.prefix}…)"


class ApiKeys:
    """The API keys of one workspace."""

    def __init__(self, engine: sa.Engine, workspace_id: str, *, now: Clock = utc_now) -> None:
        self._engine = engine
        self._workspace_id = workspace_id
        self._now = now

    def issue(self, name: str, role: Role, *, author: str, expires_at: datetime | None = None) -> IssuedKey:
        """Make a key."""
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            issued = self._insert(connection, name, role, author=author, expires_at=expires_at)
            self._record(connection, "issued", author, issued.key)
        return issued

    def rotate(self, key_id: UUID, *, author: str, overlap: timedelta = timedelta(0)) -> IssuedKey:
        """Make a key in place of another one, which goes on working for `overlap`.

        Raises:
            UnknownKeyError: The old key does not exist or is over.
        """
        now = self._now()
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            old = self._find(connection, API_KEYS.c.id == key_id)
            if old is None:
                raise UnknownKeyError(f"there is no valid API key {key_id} to rotate")
            issued = self._insert(
                connection, old["name"], Role(old["role"]), author=author, expires_at=old["expires_at"]
            )
            ends = [end for end in (now + overlap, old["expires_at"]) if end is not None]
            connection.execute(
                sa.update(API_KEYS).where(API_KEYS.c.id == key_id).values(expires_at=min(ends))
            )
            self._record(connection, "rotated", author, issued.key)
        return issued

    def revoke(self, key_id: UUID, *, author: str) -> None:
        """End a key at once.

        Raises:
            UnknownKeyError: The key does not exist or is over.
        """
        with writing(self._engine) as connection:
            lock_chain(connection, self._workspace_id)
            old = self._find(connection, API_KEYS.c.id == key_id)
            if old is None:
                raise UnknownKeyError(f"there is no valid API key {key_id} to revoke")
            connection.execute(
                sa.update(API_KEYS).where(API_KEYS.c.id == key_id).values(revoked_at=self._now())
            )
            self._record(connection, "revoked", author, _key(old))

    def verify(self, text: str) -> ApiKey | None:
        """The key that a caller shows, if it is one of this workspace and not over."""
        prefix = text.rsplit(".", 1)[0]
        with reading(self._engine) as connection:
            row = self._find(connection, API_KEYS.c.prefix == prefix)
        known_hash = _NO_HASH if row is None else row["key_hash"]
        is_right = hmac.compare_digest(_hash_of(text), known_hash)
        return _key(row) if row is not None and is_right else None

    def _insert(
        self,
        connection: sa.Connection,
        name: str,
        role: Role,
        *,
        author: str,
        expires_at: datetime | None,
    ) -> IssuedKey:
        prefix = f"{_BRAND}_{secrets.token_hex(_PREFIX_BYTES)}"
        text = f"{prefix}.{secrets.token_urlsafe(_SECRET_BYTES)}"
        key = ApiKey(uuid4(), name, role, prefix, expires_at)
        connection.execute(
            sa.insert(API_KEYS).values(
                workspace_id=self._workspace_id,
                id=key.id,
                name=name,
                role=role,
                prefix=prefix,
                key_hash=_hash_of(text),
                created_by=author,
                created_at=self._now(),
                expires_at=expires_at,
            )
        )
        return IssuedKey(text, key)

    def _find(self, connection: sa.Connection, condition: sa.ColumnElement[bool]) -> sa.RowMapping | None:
        """A key that is not over."""
        now = self._now()
        wanted = sa.select(API_KEYS).where(
            API_KEYS.c.workspace_id == self._workspace_id,
            API_KEYS.c.revoked_at.is_(None),
            API_KEYS.c.expires_at.is_(None) | (API_KEYS.c.expires_at > now),
            condition,
        )
        return connection.execute(wanted).mappings().one_or_none()

    def _record(self, connection: sa.Connection, verb: str, author: str, key: ApiKey) -> None:
        details = {"key_id": str(key.id), "prefix": key.prefix, "role": key.role}
        activity = Activity(f"api_key.{verb}", author, details=details)
        record_activity(connection, self._workspace_id, activity, at=self._now())


def _hash_of(text: str) -> str:
    # Plain sha256: a key is 256 random bits, so there is nothing to guess slowly.
    return hashlib.sha256(text.encode()).hexdigest()


def _key(row: sa.RowMapping) -> ApiKey:
    return ApiKey(row["id"], row["name"], Role(row["role"]), row["prefix"], row["expires_at"])
