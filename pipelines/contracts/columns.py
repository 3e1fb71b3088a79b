"""Column builders and table metadata that every contract shares.

What one row of a given table is stands in the contract of its subject.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import dataframely as dy

#: Largest absolute amount that a single money cell may hold; keeps sums of a
#: billion rows inside Decimal(38, 2).
LARGEST_AMOUNT = Decimal("9999999999999.99")


class Privacy(StrEnum):
    """Who may see a table, and where it may lie.

    PERSONAL holds names or addresses: encrypted in the lake, never written to
    the metrics warehouse. PSEUDONYMOUS is keyed by a surrogate id. AGGREGATE
    has no person in it.
    """

    PERSONAL = "personal"
    PSEUDONYMOUS = "pseudonymous"
    AGGREGATE = "aggregate"


class History(StrEnum):
    """What one partition holds: the whole state as of the day, or the day's new rows."""

    SNAPSHOT = "snapshot"
    INCREMENT = "increment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One published table: everything that is derived from its declaration.

    Attributes:
        stage: The stage that publishes it; group, asset key prefix, lake folder and dbt source.
        name: Table name; lake folder, warehouse table, last part of the asset key.
        schema: The contract; `schema.primary_key()` is the sort key of published files.
        grain: One sentence that starts with "One row per".
        privacy: Where the table may lie and whether its files are encrypted.
        history: What one daily partition holds.
        is_written_back: Whether delivery copies it to schema `onward` of the target warehouse.
    """

    stage: str
    name: str
    schema: type[dy.Schema]
    grain: str
    privacy: Privacy
    history: History = History.SNAPSHOT
    is_written_back: bool = False

    @property
    def identifier(self) -> str:
        return f"{self.stage}/{self.name}"

    @property
    def is_personal(self) -> bool:
        return self.privacy is Privacy.PERSONAL


def workspace_id() -> dy.String:
    return dy.String(primary_key=True, min_length=1, description="Workspace that the row belongs to.")


def customer_id(*, primary_key: bool = True) -> dy.Int64:
    return dy.Int64(primary_key=primary_key, description="Stable surrogate id of a person.")


def identifier(description: str, *, primary_key: bool = False, nullable: bool = False) -> dy.String:
    """A derived id: 32 hex digits from `expressions.digest`."""
    return dy.String(
        primary_key=primary_key, nullable=nullable, regex="^[0-9a-f]{32}$", description=description
    )


def amount(description: str, *, nullable: bool = False, minimum: Decimal | None = None) -> dy.Decimal:
    """Observed money in the workspace's currency."""
    return dy.Decimal(
        18,
        2,
        nullable=nullable,
        min=-LARGEST_AMOUNT if minimum is None else minimum,
        max=LARGEST_AMOUNT,
        description=description,
    )


def instant(description: str, *, nullable: bool = False, primary_key: bool = False) -> dy.Datetime:
    """A UTC instant with microseconds."""
    return dy.Datetime(
        nullable=nullable,
        primary_key=primary_key,
        time_unit="us",
        time_zone="UTC",
        description=description,
    )


def rate(description: str, *, nullable: bool = False) -> dy.Float64:
    return dy.Float64(
        nullable=nullable, min=0.0, max=1.0, allow_inf=False, allow_nan=False, description=description
    )


def estimate(description: str, *, nullable: bool = False, minimum: float | None = None) -> dy.Float64:
    """A modelled number: always finite."""
    return dy.Float64(
        nullable=nullable, min=minimum, allow_inf=False, allow_nan=False, description=description
    )


def code(
    values: type[StrEnum], description: str, *, nullable: bool = False, primary_key: bool = False
) -> dy.String:
    """A value of a closed, documented list.

    A regex rather than an enum type: warehouses have no common enum, and a
    custom check would forbid generated samples (dataframely 3.1).
    """
    allowed = [member.value for member in values]
    return dy.String(
        nullable=nullable,
        primary_key=primary_key,
        regex=f"^({'|'.join(allowed)})$",
        metadata={"values": allowed},
        description=description,
    )


def count(description: str, *, nullable: bool = False) -> dy.Int64:
    return dy.Int64(nullable=nullable, min=0, description=description)
