"""`connections.yml`: the warehouses of a workspace, and what a night may cost on each.

Any text may be a reference `env:NAME`; secrets must be. References are resolved
where a connection is opened, never before.
"""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from pipelines.contracts.settings.fields import Duration, Settings

#: Validation context under which secrets carry their values: where a connection is opened.
RESOLVED = {"references": "resolved"}
_REFERENCE = r"^env:[A-Za-z_][A-Za-z0-9_]*$"
_SIZE = re.compile(r"^(\d{1,6})(KB|MB|GB|TB)$")
_SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def _require_reference(value: str, info: ValidationInfo) -> str:
    if info.context != RESOLVED and not re.match(_REFERENCE, value):
        raise ValueError("secrets stand in the environment; write env:NAME, for example env:SF_TOKEN")
    return value


def parse_size(value: object) -> int:
    """`500MB` or `2TB` as bytes, in powers of ten as bills are."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a size as a number and a unit, for example 500MB, 20GB or 2TB")
    return int(match[1]) * _SIZES[match[2]]


Secret = Annotated[
    str,
    AfterValidator(_require_reference),
    WithJsonSchema({"type": "string", "pattern": _REFERENCE}),
]
ByteSize = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(int, return_type=int),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": _SIZE.pattern}, {"type": "integer", "minimum": 0}]}
    ),
]


class Budget(Settings):
    """What reading may cost; whatever is given holds.

    Attributes:
        bytes: Bytes that the engine scans or bills.
        seconds: Running time of all statements together.
        credits: Credits of the warehouse, where their number is known.
    """

    bytes: ByteSize | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None
    credits: Annotated[float, Field(gt=0)] | None = None


class WarehouseConnection(Settings):
    """What all connections share.

    Attributes:
        budget: Limit of one night over all sources of the connection.
        concurrency: Tables that are read at the same time.
        timeout: Time for one statement with all its retries.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    budget: Budget = Budget()
    concurrency: Annotated[int, Field(ge=1, le=16)] = 2
    timeout: Duration = Field(default="30m", validate_default=True)


class DuckDBConnection(WarehouseConnection):
    """An embedded warehouse: one file, relative to the workspace folder.

    Attributes:
        memory: What DuckDB may keep of the file and of running queries while it is read; without it four
            fifths of the machine's memory. A query that sorts wide rows needs room for them.
    """

    kind: Literal["duckdb"]
    path: str
    memory: Annotated[ByteSize, Field(ge=64_000_000)] | None = None


class SnowflakeConnection(WarehouseConnection):
    """A Snowflake account; one way to authenticate: key pair, OAuth, access token or password.

    Attributes:
        private_key_file: PEM or DER file of the service user's key; the passphrase opens an encrypted one.
        private_key: The same as PEM text.
        oauth_token: Access token of the account's identity provider.
        access_token: Programmatic access token.
        host: Where a private link or a proxy answers instead of the account's own address.
    """

    kind: Literal["snowflake"]
    account: str
    user: str
    database: str
    schema_name: Annotated[str, Field(alias="schema")] = "PUBLIC"
    warehouse: str | None = None
    role: str | None = None
    private_key_file: str | None = None
    private_key: Secret | None = Field(default=None, repr=False)
    private_key_passphrase: Secret | None = Field(default=None, repr=False)
    oauth_token: Secret | None = Field(default=None, repr=False)
    access_token: Secret | None = Field(default=None, repr=False)
    password: Secret | None = Field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    protocol: Literal["https", "http"] = "https"

    @model_validator(mode="after")
    def _one_credential(self) -> "SnowflakeConnection":
        names = ("private_key_file", "private_key", "oauth_token", "access_token", "password")
        if sum(getattr(self, name) is not None for name in names) != 1:
            raise ValueError(f"give exactly one of {', '.join(names)}")
        return self


class BigQueryConnection(WarehouseConnection):
    """A Google Cloud project.

    Attributes:
        dataset: Where tables without a dataset in their name are.
        keyfile: Service account key; without it and `token`, application default credentials.
        token: A ready access token, for a workload that renews it by itself.
        api_endpoint: Where a private endpoint answers; a plain `http` one only on this machine.
        maximum_streams: Streams of the Storage Read API that one table is read with.
    """

    kind: Literal["bigquery"]
    project: str
    location: str = "US"
    dataset: str | None = None
    keyfile: str | None = None
    token: Secret | None = Field(default=None, repr=False)
    api_endpoint: str | None = None
    storage_endpoint: str | None = None
    maximum_streams: Annotated[int, Field(ge=1, le=64)] = 4


class RedshiftIdentity(Settings):
    """Temporary credentials by IAM: of a cluster, or of a serverless workgroup."""

    region: str
    cluster: str | None = None
    workgroup: str | None = None
    profile: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "RedshiftIdentity":
        if (self.cluster is None) == (self.workgroup is None):
            raise ValueError("give either cluster or workgroup")
        return self


class RedshiftStaging(Settings):
    """Where large tables pass through on S3.

    Attributes:
        url: Folder that Onward may write to and clean, `s3://bucket/prefix`.
        iam_role: Role that the cluster takes on to reach it; `default` for the cluster's own.
        kms_key: Key for server-side encryption; without it the bucket's default.
        access_key: Of the machine that runs Onward; without it the usual AWS chain (profile, role).
        endpoint_url: Where a private endpoint answers.
    """

    url: Annotated[str, Field(pattern=r"^(s3://|env:)")]
    iam_role: str = "default"
    region: str
    kms_key: str | None = None
    access_key: Secret | None = Field(default=None, repr=False)
    secret_key: Secret | None = Field(default=None, repr=False)
    endpoint_url: str | None = None


class RedshiftConnection(WarehouseConnection):
    """A Redshift cluster or serverless workgroup, by password or by IAM.

    Attributes:
        staging: Without it every table comes over the wire, which suits small ones only.
        direct_rows: Tables up to this many rows come over the wire although there is a staging folder.
        is_encrypted: TLS; only for a server on this machine it may be off.
    """

    kind: Literal["redshift"]
    host: str
    port: int = 5439
    database: str
    schema_name: Annotated[str, Field(alias="schema")] = "public"
    user: str
    password: Secret | None = Field(default=None, repr=False)
    iam: RedshiftIdentity | None = None
    staging: RedshiftStaging | None = None
    direct_rows: Annotated[int, Field(ge=0)] = 100_000
    is_encrypted: bool = True

    @model_validator(mode="after")
    def _one_credential(self) -> "RedshiftConnection":
        if (self.password is None) == (self.iam is None):
            raise ValueError("give either password or iam")
        return self


Connection = Annotated[
    DuckDBConnection | SnowflakeConnection | BigQueryConnection | RedshiftConnection,
    Field(discriminator="kind"),
]


class ConnectionsFile(Settings):
    """`connections.yml`.

    Attributes:
        target: Connection that results are written to; the embedded warehouse when none is named.
    """

    connections: Annotated[dict[str, Connection], Field(min_length=1)]
    target: str | None = None
