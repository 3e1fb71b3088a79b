"""State at d follows from state at d-1: refuses to go on from a night that was never decided."""

from datetime import date

import dagster as dg

from assets.steps import Night
from pipelines.contracts.columns import Table
from pipelines.contracts.tables import PLAN


def require_finished_plan(night: Night, state: Table) -> date | None:
    """The latest earlier night of `state`, which must have a plan: pending decisions are resolved from it.

    Raises:
        dg.Failure: Names the night to run first.
    """
    before = night.lake.find_latest(state, before=night.on)
    if before is None:
        return None
    if night.lake.find(PLAN, before.partition) is not None:
        return before.partition
    raise dg.Failure(
        description=(
            f"night {before.partition} stopped before its plan was published, and its pending messages "
            f"are unresolved; run it to the end first: onward run --date {before.partition}"
        ),
        allow_retries=False,
    )
