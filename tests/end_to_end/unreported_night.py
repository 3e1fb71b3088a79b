"""Runs a night in a process of its own, but for the marts: `unreported_night.py --date D`.

Building them takes longer than all the rest, and what they show is compared elsewhere.
"""

import sys
from datetime import date

import dagster as dg

from assets.definitions import build_definitions
from assets.jobs import NIGHTLY_NAME
from pipelines.contracts.tables import STAGES
from resources.settings import read_environment

night = date.fromisoformat(sys.argv[2])
job = build_definitions(read_environment()).resolve_job_def(NIGHTLY_NAME)
stages = [key for key in job.asset_layer.executable_asset_keys if key.path[0] in STAGES]
with dg.DagsterInstance.ephemeral() as instance:
    result = job.execute_in_process(
        instance=instance, partition_key=night.isoformat(), asset_selection=stages, raise_on_error=False
    )
sys.exit(0 if result.success else 1)
