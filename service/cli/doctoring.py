"""`onward doctor`: is this machine fit to run a night? One line a check, each with what to do."""

from typing import Annotated

import typer

from service.cli.connection_checks import open_connections
from service.cli.diagnoses import Status, print_counts, print_diagnosis
from service.cli.doctor_checks import CHECKS, Patient
from service.cli.exit_codes import ExitCode
from service.cli.session import WorkspaceOption, open_session

OpenOption = Annotated[
    bool, typer.Option("--connections", help="Also open every connection, over the network.")
]


def doctor(workspace: WorkspaceOption = None, *, is_opening: OpenOption = False) -> None:
    """Check keys, disk, control database, lake, workspace, connections, Dagster settings and versions.

    Reads every published byte; changes nothing but the migration of an older control database. No
    warehouse is asked anything, unless with --connections.
    """
    session = open_session(workspace)
    patient = Patient(session)
    checks = {**CHECKS, "connections": open_connections} if is_opening else CHECKS
    diagnoses = [diagnosis for name, check in checks.items() for diagnosis in patient.examine(name, check)]
    for diagnosis in diagnoses:
        print_diagnosis(session, diagnosis)
    print_counts(session, diagnoses)
    if any(diagnosis.status is Status.FAIL for diagnosis in diagnoses):
        raise typer.Exit(ExitCode.ENVIRONMENT)
