"""The overrides of a night: those in force at its end, whatever was added or taken back since."""

from datetime import datetime

import polars as pl

from assets.steps import Night
from pipelines.contracts.overrides import ActiveOverride
from pipelines.expressions.overrides import ACTION
from resources.control.codes import Scope
from resources.control.overrides import Override

#: Scope of an override → the column that its value limits.
_COLUMNS = {Scope.CHANNEL: "channel", Scope.PRODUCT: "product", Scope.CAMPAIGN: "programme"}


def overrides_at(night: Night, at: datetime | None = None) -> pl.DataFrame:
    """The overrides in force at an instant; at the end of the night when none is given."""
    active = night.home.overrides(night.workspace.workspace).active(at or night.as_of)
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
        **{f"action_{name}": action.get(name) for name in ACTION},
    }
