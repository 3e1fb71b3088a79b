"""Runs that were killed: a worker that dies by SIGKILL leaves its run marked as started for ever."""

import os
import socket
from pathlib import Path

import dagster as dg

WORKER_TAG = "onward/worker"
_LIVE = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]


def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def _start_ticks(pid: int) -> str:
    """Start time of a process: tells a reused pid from the one that was meant; empty when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]


def worker_identity() -> str:
    """Names this process beyond the reuse of its pid."""
    return f"{socket.gethostname()}:{_boot_id()}:{os.getpid()}:{_start_ticks(os.getpid())}"


def is_worker_gone(identity: str) -> bool:
    """True only when the process is known to be gone: it ran on this machine, and is not there any more."""
    host, boot_id, pid, started = identity.split(":")
    if host != socket.gethostname() or not boot_id or not started:
        return False
    return boot_id != _boot_id() or _start_ticks(int(pid)) != started


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks runs of dead workers as failed; the ids of those runs."""
    closed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_LIVE)):
        identity = run.tags.get(WORKER_TAG)
        if identity and is_worker_gone(identity):
            instance.report_run_failed(run, f"worker {identity} is gone; run the night again")
            closed.append(run.run_id)
    return closed
