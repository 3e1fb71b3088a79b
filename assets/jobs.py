"""Jobs: a whole night, in one process; parallelism lives inside the stages."""

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

NIGHTLY_NAME = "nightly"
HAND_OVER_NAME = "hand_over"

#: A run longer than this is taken for dead by run monitoring.
LONGEST_NIGHT_SECONDS = 6 * 3600


def nightly_job() -> UnresolvedAssetJobDefinition:
    """Every asset of one night, from the warehouse to the marts."""
    return dg.define_asset_job(
        name=NIGHTLY_NAME,
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,
        description="One night: read, enrich, decide, prove, hand over, measure, report.",
        tags={"dagster/max_runtime": str(LONGEST_NIGHT_SECONDS)},
    )


def hand_over_job(delivered: Sequence[dg.AssetKey], written: dg.AssetKey) -> UnresolvedAssetJobDefinition:
    """What of a night is to do again when a person agreed to its plan; nothing is planned anew.

    Args:
        delivered: Tables of the hand-over and of all that rests on it, up to the copy in the warehouse.
        written: Table that says the copy is there; what is reported follows it.
    """
    return dg.define_asset_job(
        name=HAND_OVER_NAME,
        selection=dg.AssetSelection.assets(*delivered) | dg.AssetSelection.assets(written).downstream(),
        executor_def=dg.in_process_executor,
        description="A night that was planned: hand over what may leave by now, measure and report it.",
        tags={"dagster/max_runtime": str(LONGEST_NIGHT_SECONDS)},
    )
