"""The verdict on every person, purpose and channel; what is not known is not allowed."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from pipelines.contracts.codes import Channel, ContactReason
from pipelines.contracts.permission import Contactability
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.permission.consent import SEVERITY, fold_consents
from pipelines.permission.refusals import find_erased, find_suppressed

_PERSON = "customer_id"
_ALLOWED = (ContactReason.GRANTED.value, ContactReason.NO_RECORD_ALLOWED.value)


def _every_verdict(
    customer_links: pl.LazyFrame, purposes: Sequence[str], channels: Sequence[Channel]
) -> pl.LazyFrame:
    people = customer_links.select("workspace_id", _PERSON).unique()
    grid = pl.LazyFrame(
        {
            "purpose": [purpose for purpose in purposes for _ in channels],
            "channel": [channel.value for _ in purposes for channel in channels],
        },
        schema={"purpose": pl.String, "channel": pl.String},
    )
    return people.join(grid, how="cross")


def _reason(without_record: ContactReason) -> pl.Expr:
    """The first that applies: the law before the practical.

    A missing address only matters where a message would be allowed.
    """
    consented = (
        pl.col("severity")
        .replace_strict(list(SEVERITY.values()), list(SEVERITY), return_dtype=pl.String)
        .fill_null(without_record.value)
    )
    return (
        pl.when(pl.col("is_erased").is_not_null())
        .then(pl.lit(ContactReason.ERASED.value))
        .when(pl.col("severity") == SEVERITY[ContactReason.WITHDRAWN.value])
        .then(pl.lit(ContactReason.WITHDRAWN.value))
        .when(pl.col("is_suppressed").is_not_null())
        .then(pl.lit(ContactReason.SUPPRESSED.value))
        .when(consented.is_in(_ALLOWED) & pl.col("is_reachable").is_null())
        .then(pl.lit(ContactReason.NO_ADDRESS.value))
        .otherwise(consented)
    )


def decide_contactability(  # noqa: PLR0913  five tables, and the terms of the verdict
    customer_links: pl.LazyFrame,
    contact_points: pl.LazyFrame,
    consents: pl.LazyFrame,
    suppressions: pl.LazyFrame,
    erasures: pl.LazyFrame,
    *,
    purposes: Sequence[str],
    workspace: WorkspaceSettings,
    as_of: datetime,
    channels: Sequence[Channel] = tuple(Channel),
) -> pl.LazyFrame:
    """One row per person, purpose and channel, as of the instant.

    Without any record a workspace's `consent_without_record` decides: deny, unless
    it says allow and gives its written basis.
    """
    is_lenient = workspace.consent_without_record == "allow"
    without_record = ContactReason.NO_RECORD_ALLOWED if is_lenient else ContactReason.NO_RECORD_DENIED
    spoken = fold_consents(consents, customer_links, contact_points, as_of=as_of)
    suppressed = find_suppressed(suppressions, contact_points, as_of=as_of)
    erased = find_erased(erasures, customer_links, contact_points, as_of=as_of)
    return (
        _every_verdict(customer_links, purposes, channels)
        .join(spoken, on=[_PERSON, "purpose", "channel"], how="left")
        .join(suppressed.with_columns(is_suppressed=True), on=[_PERSON, "channel"], how="left")
        .join(erased.with_columns(is_erased=True), on=_PERSON, how="left")
        .join(
            contact_points.select(_PERSON, "channel", is_reachable=True), on=[_PERSON, "channel"], how="left"
        )
        .with_columns(reason=_reason(without_record))
        .with_columns(is_allowed=pl.col("reason").is_in(_ALLOWED))
        .select(Contactability.column_names())
    )
