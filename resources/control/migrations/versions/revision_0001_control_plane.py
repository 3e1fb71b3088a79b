"""The control plane: configs, guards, leases, pointers, outbox.

A revision is frozen: it repeats the columns of its day instead of importing
today's, so that an old database migrates the same way for ever.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


_OWNERS = (
    "data-warehouse-connector",
    "032-first-party-data-enrichment",
    "033-omnichannel-journey-orchestrator",
    "035-sequential-messaging-engine",
    "041-hyper-personalization-engine",
    "workspace",
)
_CONFIG_STATES = ("DRAFT", "ACTIVE", "PAUSED", "STOPPED", "ARCHIVED")
_AUTOMATIONS = ("manual", "approval", "auto")
_APPROVAL_STATES = ("REQUESTED", "APPROVED", "REJECTED", "VOID")
_OVERRIDE_KINDS = ("force_in", "force_out", "force_action")
_SCOPES = ("all", "channel", "product", "campaign")
_ROLES = ("viewer", "analyst", "author", "approver", "operator", "privacy_officer", "admin")
_DISPATCH_STATES = (
    "PLANNED",
    "CLAIMED",
    "SENT",
    "ACKED",
    "REJECTED",
    "UNKNOWN",
    "RECONCILED",
    "CANCELLED",
    "EXPIRED",
    "DEAD",
)


def upgrade() -> None:
    _create_configs()
    _create_config_versions()
    _create_activities()
    _create_results()
    _create_approvals()
    _create_overrides()
    _create_kill_switches()
    _create_api_keys()
    _create_leases()
    _create_pointers()
    _create_outbox()
    _create_receipts()


def _keys() -> tuple[sa.Column[Any], sa.Column[Any]]:
    workspace_id = sa.Column("workspace_id", sa.String(63), nullable=False)
    return workspace_id, sa.Column("id", sa.Uuid, primary_key=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _code(table: str, name: str, codes: tuple[str, ...]) -> sa.Column[Any]:
    allowed = ", ".join(f"'{value}'" for value in codes)
    check = sa.CheckConstraint(f"{name} IN ({allowed})", name=op.f(f"ck_{table}_{name}"))
    return sa.Column(name, sa.String(63), check, nullable=False)


def _create_configs() -> None:
    op.create_table(
        "configs",
        *_keys(),
        _code("configs", "product", _OWNERS),
        _text("user_id"),
        _text("campaign_id", nullable=True),
        _text("name"),
        _text("description"),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        _code("configs", "status", _CONFIG_STATES),
        _code("configs", "automation", _AUTOMATIONS),
        sa.Column("version", sa.BigInteger, nullable=False),
        _text("content_hash"),
        _instant("created_at"),
        _instant("updated_at"),
        sa.UniqueConstraint("workspace_id", "name"),
    )


def _create_config_versions() -> None:
    op.create_table(
        "config_versions",
        *_keys(),
        sa.Column("config_id", sa.Uuid, sa.ForeignKey("configs.id"), nullable=False),
        _code("config_versions", "product", _OWNERS),
        _text("name"),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        _code("config_versions", "status", _CONFIG_STATES),
        _code("config_versions", "automation", _AUTOMATIONS),
        _text("content_hash"),
        sa.Column("effective_on", sa.Date, nullable=True),
        _text("author"),
        _text("reason"),
        _instant("created_at"),
        sa.UniqueConstraint("workspace_id", "name", "version"),
    )


def _create_activities() -> None:
    op.create_table(
        "activities",
        *_keys(),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("config_id", sa.Uuid, sa.ForeignKey("configs.id"), nullable=True),
        _text("user_id"),
        _text("activity_type"),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("metrics", sa.JSON(none_as_null=True), nullable=False),
        _instant("created_at"),
        _text("previous_hash"),
        _text("hash"),
        sa.UniqueConstraint("workspace_id", "position"),
    )
    op.create_index(None, "activities", ["config_id", "position"])
    op.create_table(
        "activity_heads",
        sa.Column("workspace_id", sa.String(63), primary_key=True),
        sa.Column("activity_count", sa.BigInteger, nullable=False),
        _text("hash"),
    )


def _create_results() -> None:
    op.create_table(
        "metrics",
        *_keys(),
        sa.Column("config_id", sa.Uuid, sa.ForeignKey("configs.id"), nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("metrics", sa.JSON(none_as_null=True), nullable=False),
        sa.UniqueConstraint("config_id", "date"),
    )
    op.create_table(
        "outcomes",
        *_keys(),
        sa.Column("config_id", sa.Uuid, sa.ForeignKey("configs.id"), nullable=False),
        sa.Column("predicted", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("actual", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("accuracy", sa.Double, nullable=True),
        _instant("created_at"),
    )
    op.create_index(None, "outcomes", ["config_id", "created_at"])


def _create_approvals() -> None:
    op.create_table(
        "approvals",
        *_keys(),
        sa.Column("night", sa.Date, nullable=False),
        _text("plan_hash"),
        _text("config_hash"),
        _code("approvals", "status", _APPROVAL_STATES),
        sa.Column("thresholds", sa.JSON(none_as_null=True), nullable=False),
        _text("requested_by"),
        _instant("requested_at"),
        _text("decided_by", nullable=True),
        _instant("decided_at", nullable=True),
        _text("reason", nullable=True),
        sa.UniqueConstraint("workspace_id", "night", "plan_hash", "config_hash"),
    )


def _create_overrides() -> None:
    op.create_table(
        "overrides",
        *_keys(),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        _code("overrides", "kind", _OVERRIDE_KINDS),
        _code("overrides", "scope", _SCOPES),
        _text("value", nullable=True),
        sa.Column("action", sa.JSON(none_as_null=True), nullable=True),
        _text("author"),
        _text("reason"),
        _instant("created_at"),
        _instant("expires_at"),
        _text("revoked_by", nullable=True),
        _instant("revoked_at", nullable=True),
        sa.CheckConstraint("expires_at > created_at", name="expiry"),
    )
    op.create_index(None, "overrides", ["workspace_id", "expires_at"])


def _create_kill_switches() -> None:
    op.create_table(
        "kill_switches",
        *_keys(),
        _code("kill_switches", "scope", _SCOPES),
        _text("value", nullable=True),
        _text("author"),
        _text("reason"),
        _instant("set_at"),
        _text("cleared_by", nullable=True),
        _text("cleared_reason", nullable=True),
        _instant("cleared_at", nullable=True),
        sa.CheckConstraint("(scope = 'all') = (value IS NULL)", name="value"),
    )
    op.create_index(None, "kill_switches", ["workspace_id", "cleared_at"])


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        *_keys(),
        _text("name"),
        _code("api_keys", "role", _ROLES),
        _text("prefix"),
        _text("key_hash"),
        _text("created_by"),
        _instant("created_at"),
        _instant("expires_at", nullable=True),
        _instant("revoked_at", nullable=True),
        sa.UniqueConstraint("prefix"),
    )


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        _text("owner", nullable=True),
        _text("machine", nullable=True),
        sa.Column("pid", sa.BigInteger, nullable=True),
        _text("process_started", nullable=True),
        _instant("acquired_at", nullable=True),
        _instant("expires_at", nullable=True),
    )


def _create_pointers() -> None:
    op.create_table(
        "pointers",
        sa.Column("workspace_id", sa.String(63), primary_key=True),
        sa.Column("dataset", sa.Text, primary_key=True),
        sa.Column("partition", sa.Date, primary_key=True),
        _text("version"),
        _text("lease"),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        _instant("updated_at"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("workspace_id", sa.String(63), primary_key=True),
        sa.Column("send_id", sa.Text, primary_key=True),
        sa.Column("night", sa.Date, nullable=False),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        _text("channel"),
        _text("destination"),
        _instant("not_before"),
        _instant("not_after"),
        _code("outbox", "status", _DISPATCH_STATES),
        _text("reason", nullable=True),
        _text("batch", nullable=True),
        _text("request_id", nullable=True),
        sa.Column("attempt_count", sa.BigInteger, nullable=False),
        _text("lease", nullable=True),
        sa.Column("epoch", sa.BigInteger, nullable=True),
        _text("plan_mark"),
        _instant("created_at"),
        _instant("updated_at"),
    )
    op.create_index(None, "outbox", ["workspace_id", "night", "destination", "status", "send_id"])


def _create_receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("workspace_id", sa.String(63), primary_key=True),
        sa.Column("receipt_id", sa.Text, primary_key=True),
        _text("send_id"),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        _text("channel"),
        _text("status"),
        _instant("received_at"),
        _instant("created_at"),
    )
    op.create_index(None, "receipts", ["workspace_id", "received_at"])
    op.create_index(None, "receipts", ["workspace_id", "send_id"])
