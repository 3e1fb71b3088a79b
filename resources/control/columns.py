"""Column types and small column builders of the control database, and the clock that fills them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

#: What a store asks for the time. Tests and re-runs bring their own.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def canonical_json(value: object) -> str:
    """The one text of a JSON value: keys sorted, no spaces, no NaN; hashes are taken over it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Instant(TypeDecorator[datetime]):
    """An instant. SQLite keeps no zone, so UTC goes in and UTC comes out on every engine."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def key() -> sa.Column[Any]:
    return sa.Column("id", sa.Uuid, primary_key=True, default=uuid4)


def workspace(*, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column("workspace_id", sa.String(63), primary_key=primary_key, nullable=False)


def text(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=primary_key, nullable=nullable)


def whole(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, Instant, nullable=nullable)


def json_value(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    # Plain JSON, not JSONB: PostgreSQL would rewrite numbers, and the hash chain is taken over them.
    return sa.Column(name, sa.JSON(none_as_null=True), nullable=nullable)


def code(name: str, codes: type[StrEnum]) -> sa.Column[str]:
    """Text from a closed list; the database refuses anything else."""
    allowed = ", ".join(f"'{member.value}'" for member in codes)
    check = sa.CheckConstraint(f"{name} IN ({allowed})", name=name)
    return sa.Column(name, sa.String(63), check, nullable=False)
