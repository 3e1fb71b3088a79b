"""Jobs: a whole night, in one process; parallelism lives inside the stages."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

NIGHTLY_NAME = "nightly"

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
