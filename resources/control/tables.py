"""Every table of the control database.

A change here needs a revision under `migrations/versions`; a test compares the
two. Rows carry `workspace_id` first, except leases: a lease guards whatever its
name says.
"""

import sqlalchemy as sa

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.control_codes import Automation, OverrideKind
from resources.control.codes import ApprovalStatus, ConfigOwner, ConfigStatus, Role, Scope
from resources.control.columns import code, instant, json_value, key, text, whole, workspace

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

CONFIGS = sa.Table(
    "configs",
    METADATA,
    workspace(),
    key(),
    code("product", ConfigOwner),
    text("user_id"),
    text("campaign_id", nullable=True),
    text("name"),
    text("description"),
    json_value("settings"),
    code("status", ConfigStatus),
    code("automation", Automation),
    whole("version"),
    text("content_hash"),
    instant("created_at"),
    instant("updated_at"),
    sa.UniqueConstraint("workspace_id", "name"),
)

#: `effective_on` null means since ever; that is what the first version of a name has.
CONFIG_VERSIONS = sa.Table(
    "config_versions",
    METADATA,
    workspace(),
    key(),
    sa.Column("config_id", sa.Uuid, sa.ForeignKey("configs.id"), nullable=False),
    code("product", ConfigOwner),
    text("name"),
    whole("version"),
    json_value("settings"),
    code("status", ConfigStatus),
    code("automation", Automation),
    text("content_hash"),
    sa.Column("effective_on", sa.Date, nullable=True),
    text("author"),
    text("reason"),
    instant("created_at"),
    sa.UniqueConstraint("workspace_id", "name", "version"),
)

ACTIVITIES = sa.Table(
    "activities",
    METADATA,
    workspace(),
    key(),
    whole("position"),
    sa.Column("config_id", sa.Uuid, sa.ForeignKey("configs.id"), nullable=True),
    text("user_id"),
    text("activity_type"),
    json_value("details"),
    json_value("metrics"),
    instant("created_at"),
    text("previous_hash"),
    text("hash"),
    sa.UniqueConstraint("workspace_id", "position"),
    sa.Index(None, "config_id", "position"),
)

#: Length and last hash of each chain: without it the loss of the newest activities would not show.
ACTIVITY_HEADS = sa.Table(
    "activity_heads", METADATA, workspace(primary_key=True), whole("activity_count"), text("hash")
)

METRICS = sa.Table(
    "metrics",
    METADATA,
    workspace(),
    key(),
    sa.Column("config_id", sa.Uuid, sa.ForeignKey("configs.id"), nullable=False),
    sa.Column("date", sa.Date, nullable=False),
    json_value("metrics"),
    sa.UniqueConstraint("config_id", "date"),
)

OUTCOMES = sa.Table(
    "outcomes",
    METADATA,
    workspace(),
    key(),
    sa.Column("config_id", sa.Uuid, sa.ForeignKey("configs.id"), nullable=False),
    json_value("predicted"),
    json_value("actual"),
    sa.Column("accuracy", sa.Double, nullable=True),
    instant("created_at"),
    sa.Index(None, "config_id", "created_at"),
)

APPROVALS = sa.Table(
    "approvals",
    METADATA,
    workspace(),
    key(),
    sa.Column("night", sa.Date, nullable=False),
    text("plan_hash"),
    text("config_hash"),
    code("status", ApprovalStatus),
    json_value("thresholds"),
    text("requested_by"),
    instant("requested_at"),
    text("decided_by", nullable=True),
    instant("decided_at", nullable=True),
    text("reason", nullable=True),
    sa.UniqueConstraint("workspace_id", "night", "plan_hash", "config_hash"),
)

OVERRIDES = sa.Table(
    "overrides",
    METADATA,
    workspace(),
    key(),
    whole("customer_id"),
    code("kind", OverrideKind),
    code("scope", Scope),
    text("value", nullable=True),
    json_value("action", nullable=True),
    text("author"),
    text("reason"),
    instant("created_at"),
    instant("expires_at"),
    text("revoked_by", nullable=True),
    instant("revoked_at", nullable=True),
    sa.CheckConstraint("expires_at > created_at", name="expiry"),
    sa.Index(None, "workspace_id", "expires_at"),
)

KILL_SWITCHES = sa.Table(
    "kill_switches",
    METADATA,
    workspace(),
    key(),
    code("scope", Scope),
    text("value", nullable=True),
    text("author"),
    text("reason"),
    instant("set_at"),
    text("cleared_by", nullable=True),
    text("cleared_reason", nullable=True),
    instant("cleared_at", nullable=True),
    sa.CheckConstraint("(scope = 'all') = (value IS NULL)", name="value"),
    sa.Index(None, "workspace_id", "cleared_at"),
)

API_KEYS = sa.Table(
    "api_keys",
    METADATA,
    workspace(),
    key(),
    text("name"),
    code("role", Role),
    text("prefix"),
    text("key_hash"),
    text("created_by"),
    instant("created_at"),
    instant("expires_at", nullable=True),
    instant("revoked_at", nullable=True),
    sa.UniqueConstraint("prefix"),
)

#: `owner` null means free; the epoch stays, so that it only ever rises.
LEASES = sa.Table(
    "leases",
    METADATA,
    text("name", primary_key=True),
    whole("epoch"),
    text("owner", nullable=True),
    text("machine", nullable=True),
    whole("pid", nullable=True),
    text("process_started", nullable=True),
    instant("acquired_at", nullable=True),
    instant("expires_at", nullable=True),
)

POINTERS = sa.Table(
    "pointers",
    METADATA,
    workspace(primary_key=True),
    text("dataset", primary_key=True),
    sa.Column("partition", sa.Date, primary_key=True),
    text("version"),
    text("lease"),
    whole("epoch"),
    instant("updated_at"),
)

#: `lease` and `epoch` say who claimed the row; `plan_mark` which plan named it last.
OUTBOX = sa.Table(
    "outbox",
    METADATA,
    workspace(primary_key=True),
    text("send_id", primary_key=True),
    sa.Column("night", sa.Date, nullable=False),
    whole("customer_id"),
    text("channel"),
    text("destination"),
    instant("not_before"),
    instant("not_after"),
    code("status", DispatchStatus),
    text("reason", nullable=True),
    text("batch", nullable=True),
    text("request_id", nullable=True),
    whole("attempt_count"),
    text("lease", nullable=True),
    whole("epoch", nullable=True),
    text("plan_mark"),
    instant("created_at"),
    instant("updated_at"),
    sa.Index(None, "workspace_id", "night", "destination", "status", "send_id"),
)

RECEIPTS = sa.Table(
    "receipts",
    METADATA,
    workspace(primary_key=True),
    text("receipt_id", primary_key=True),
    text("send_id"),
    whole("customer_id"),
    text("channel"),
    text("status"),
    instant("received_at"),
    instant("created_at"),
    sa.Index(None, "workspace_id", "send_id"),
    sa.Index(None, "workspace_id", "received_at"),
)
