"""`onward doctor`: is this machine fit to run a night? One line a check, each with what to do."""

import typer

from service.cli.doctor_checks import CHECKS, Diagnosis, Patient, Status
from service.cli.exit_codes import ExitCode
from service.cli.session import Session, WorkspaceOption, open_session

_STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red"}


def doctor(workspace: WorkspaceOption = None) -> None:
    """Check keys, disk, control database, lake, workspace, Dagster settings and versions.

    Reads every published byte; changes nothing but the migration of an older control database.
    """
    session = open_session(workspace)
    patient = Patient(session)
    diagnoses = [diagnosis for name, check in CHECKS.items() for diagnosis in patient.examine(name, check)]
    for diagnosis in diagnoses:
        _print(session, diagnosis)
    counts = {status: sum(found.status is status for found in diagnoses) for status in Status}
    session.print(f"{counts[Status.OK]} ok, {counts[Status.WARN]} warnings, {counts[Status.FAIL]} failures")
    if counts[Status.FAIL]:
        raise typer.Exit(ExitCode.ENVIRONMENT)


def _print(session: Session, diagnosis: Diagnosis) -> None:
    remedy = f" — {diagnosis.remedy}" if diagnosis.remedy else ""
    session.print(
        f"{diagnosis.status:4}  {diagnosis.name}: {diagnosis.what}{remedy}", style=_STYLES[diagnosis.status]
    )
