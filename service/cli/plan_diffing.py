"""`onward plan`: plans of the lake, compared person by person."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from pipelines.contracts.plan_changes import PlanChange
from pipelines.planning.comparison import compare_plans
from resources.control.workspace.night import load_night
from service.cli.evidence import find_person
from service.cli.plan_changes import describe_changes, describe_messages, require_output, write_changes
from service.cli.plan_versions import choose_plan
from service.cli.session import WorkspaceOption, open_session

app = typer.Typer(help="Plans: how one differs from another.", no_args_is_help=True)

_PLAN = "A night, 2024-03-08, or one of its versions, 2024-03-08@e2-1a2b3c4d."

BeforeArgument = Annotated[str, typer.Argument(metavar="A", help=_PLAN)]
AfterArgument = Annotated[str, typer.Argument(metavar="B", help=_PLAN)]
PersonOption = Annotated[
    str | None, typer.Option(help="Only this person: a customer_ref of the source, or a customer_id.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Also write all messages of both plans, as .csv or .parquet."),
]


@app.callback()
def plans() -> None:
    """Keeps `diff` a command of its own while it is the only one."""


@app.command("diff")
def diff(
    before: BeforeArgument,
    after: AfterArgument,
    person: PersonOption = None,
    output: OutputOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Say who gains, loses or gets another message from plan A to plan B, and why.

    Shows no names and no addresses.
    """
    require_output(output)
    session = open_session(workspace)
    lake = session.home.lake(session.workspace_id).pinned()
    first, second = choose_plan(lake, before), choose_plan(lake, after)
    zone = load_night(session.home.configs(session.workspace_id), second.night).workspace.time_zone
    changes = compare_plans(first.side, second.side, time_zone=zone).collect()
    PlanChange.validate(changes)
    if person is not None:
        customer_id = find_person(lake, second.night, person).customer_id
        changes = changes.filter(pl.col("customer_id") == customer_id)
    session.print(f"From {first.name} to {second.name}", style="bold")
    lines = describe_changes(changes) if person is None else describe_messages(changes)
    for line in lines:
        session.print(line)
    if person is not None and changes.is_empty():
        session.print("neither has a message for this person")
    if output is not None:
        write_changes(changes, output)
        session.print(f"{changes.height:,} messages written to {output}")
