"""The overrides of a night: in force at an instant, for whoever has the records of their people by now."""

from dataclasses import replace
from datetime import datetime

import polars as pl

from assets.steps import Night
from pipelines.contracts.tables import IDENTITY_EVENTS
from pipelines.expressions.overrides import with_heirs
from resources.control.override_rows import override_rows


def overrides_in_force(night: Night, at: datetime | None = None) -> pl.DataFrame:
    """`ActiveOverride`s at an instant; at the end of the night when none is given."""
    active = override_rows(night.home.overrides(night.workspace.workspace).active(at or night.as_of))
    if active.is_empty():
        return active
    # An heir may be of another bucket.
    everyone = replace(night, bucket=None)
    nights = (night.on - night.workspace.first_night).days
    past = everyone.history(IDENTITY_EVENTS, nights=max(nights, 0))
    return with_heirs(active, pl.concat([past, everyone.read(IDENTITY_EVENTS)]).collect())
