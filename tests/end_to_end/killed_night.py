"""Runs a night like `assets.launch`, and kills its own process with SIGKILL at a given step.

`killed_night.py --date D STEP before|after`: before or after the step's tables are published.
"""

import os
import signal
import sys
from datetime import date

from rich.console import Console

from assets.launch import run_night
from resources.lake.writing import Writer

_, _, night, step, moment = sys.argv
publish = Writer.publish


def publish_and_die(writer: Writer) -> None:
    is_here = writer.lease.name.split("/")[-2] == step
    if is_here and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    publish(writer)
    if is_here:
        os.kill(os.getpid(), signal.SIGKILL)


Writer.publish = publish_and_die  # type: ignore[method-assign]
sys.exit(run_night(date.fromisoformat(night), Console()))
