"""`onward evaluate-identity`: how often a night's links are right, by records that somebody has labelled."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from pipelines.contracts.tables import CUSTOMER_LINKS
from pipelines.identity.explanation import describe_accuracy
from pipelines.identity.labels import LabelError, measure_links
from service.cli.exit_codes import ExitCode
from service.cli.explaining_identity import DateOption, night_of_links
from service.cli.failures import CommandError
from service.cli.session import WorkspaceOption, open_session

FileArgument = Annotated[
    Path,
    typer.Argument(
        help="CSV or Parquet. People: source, customer_ref, person. Or pairs: source, customer_ref, "
        "other_source, other_customer_ref, is_same.",
        metavar="FILE",
    ),
]
_REMEDY = (
    "give source, customer_ref, person; or source, customer_ref, other_source, other_customer_ref, is_same"
)


def evaluate_identity(
    labels: FileArgument, night: DateOption = None, workspace: WorkspaceOption = None
) -> None:
    """Measure precision and recall of a night's links on labelled records of your own."""
    labelled = _read(labels)
    session = open_session(workspace)
    lake = session.home.lake(session.workspace_id).pinned()
    on = night_of_links(lake, night)
    try:
        accuracy = measure_links(labelled, lake.scan(CUSTOMER_LINKS, on).collect())
    except LabelError as problem:
        raise _refused(f"{labels}: {problem}") from problem
    for line in describe_accuracy(accuracy, night=on):
        session.print(line)


def _read(labels: Path) -> pl.DataFrame:
    """All columns as text: a reference of digits is not a number."""
    try:
        if labels.suffix == ".parquet":
            return pl.read_parquet(labels).cast(pl.String)
        return pl.read_csv(labels, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise _refused(f"{labels} cannot be read: {type(problem).__name__}") from problem


def _refused(what: str) -> CommandError:
    return CommandError("LABELS_NOT_USABLE", what, _REMEDY, exit_code=ExitCode.USAGE)
