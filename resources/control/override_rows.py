"""Overrides as the rows that a night plans with."""

from collections.abc import Mapping
from uuid import UUID

import polars as pl

from pipelines.contracts.overrides import ActiveOverride
from resources.control.codes import Scope
from resources.control.overrides import ACTION, Override

#: Scope of an override → the column that its value limits.
_COLUMNS = {Scope.CHANNEL: "channel", Scope.PRODUCT: "product", Scope.CAMPAIGN: "programme"}


def override_rows(active: Mapping[UUID, Override]) -> pl.DataFrame:
    """One row per override."""
    rows = [_row(identifier.hex, override) for identifier, override in active.items()]
    return pl.DataFrame(rows, schema=ActiveOverride.create_empty().schema)


def _row(identifier: str, override: Override) -> dict[str, object]:
    action = override.action or {}
    limited = {} if override.scope is Scope.ALL else {_COLUMNS[override.scope]: override.value}
    return {
        "override_id": identifier,
        "customer_id": override.customer_id,
        "kind": override.kind.value,
        "started_at": override.starts_at,
        **limited,
        **{f"action_{name}": action.get(name) for name in sorted(ACTION)},
    }
