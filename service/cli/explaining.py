"""`onward explain`: one person on one night, in plain words."""

from datetime import datetime
from typing import Annotated

import typer

from resources.control.workspace.night import load_night
from service.cli.evidence import find_person
from service.cli.explanation import explain_person
from service.cli.session import WorkspaceOption, open_session

CustomerArgument = Annotated[str, typer.Argument(help="A customer_ref of the source, or a customer_id.")]
DateOption = Annotated[datetime, typer.Option("--date", "-d", formats=["%Y-%m-%d"], help="The night.")]


def explain(customer: CustomerArgument, night: DateOption, workspace: WorkspaceOption = None) -> None:
    """Say what was known of a person on a night, what could have been sent, what was, and why not the rest.

    Shows no names and no addresses.
    """
    session = open_session(workspace)
    workspace_id = session.workspace_id
    config = load_night(session.home.configs(workspace_id), night.date())
    evidence = find_person(session.home.lake(workspace_id).pinned(), night.date(), customer)
    session.print(f"Night {night.date()} of {workspace_id}", style="bold")
    for section in explain_person(evidence, config):
        session.print(section.title, style="bold")
        for line in section.lines:
            session.print(f"  {line}")
