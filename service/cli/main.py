"""`onward`: the command line. One module per group of commands; this one only puts them together."""

import sys
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

import typer

from resources.settings import SettingsError, read_environment
from service.cli import (
    analyzing,
    applying,
    approving,
    connecting,
    discovering,
    doctoring,
    evaluating_identity,
    evaluating_policy,
    explaining,
    explaining_identity,
    hosting,
    keeping,
    overriding,
    plan_diffing,
    plan_showing,
    pulling,
    running,
    schemas,
    segmenting,
    steering,
    validating,
    what_if,
)
from service.cli.exit_codes import EXPLAINED, ExitCode
from service.cli.failures import explain_failure
from service.cli.session import console

app = typer.Typer(
    name="onward",
    help="A nightly, warehouse-native engine for first-party marketing.",
    epilog=EXPLAINED,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("validate")(validating.validate)
app.command("connect")(connecting.connect)
app.command("discover")(discovering.discover)
app.command("pull")(pulling.pull)
app.command("apply")(applying.apply)
app.command("run")(running.run)
app.command("approve")(approving.approve)
app.command("reject")(approving.reject)
app.command("hand-over")(approving.hand_over)
app.command("analyze")(analyzing.analyze)
app.command("explain")(explaining.explain)
app.command("explain-identity")(explaining_identity.explain_identity)
app.command("evaluate-identity")(evaluating_identity.evaluate_identity)
app.command("evaluate")(evaluating_policy.evaluate)
app.command("whatif")(what_if.what_if)
app.command("dev")(hosting.dev)
app.command("daemon")(hosting.daemon)
app.command("pause")(steering.pause)
app.command("resume")(steering.resume)
app.command("switch")(steering.switch)
app.command("automate")(steering.automate)
app.command("doctor")(doctoring.doctor)
app.command("gc")(keeping.collect_garbage)
app.command("schema")(schemas.schema)
app.add_typer(segmenting.app, name="segments")
plan_diffing.app.command("show")(plan_showing.show)
app.add_typer(plan_diffing.app, name="plan")
app.add_typer(overriding.app, name="override")


def _show_version(is_asked: bool) -> None:  # noqa: FBT001  the shape of a typer callback
    if is_asked:
        console().print(f"onward {version('onward')}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
]


@app.callback()
def options(*, show_version: VersionOption = False) -> None:
    """Options that stand before a command."""


def main(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; never raises for an expected failure."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that lacks a character must not turn a message into a failure.
            stream.reconfigure(errors="replace")
    try:
        app(args=arguments, prog_name="onward")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else ExitCode.OK
    except Exception as error:  # noqa: BLE001  the boundary of the process: everything becomes a message
        return _explain(error)
    return ExitCode.OK


def _explain(error: Exception) -> int:
    """The log lies below the state folder, as far as the environment says where that is."""
    try:
        environment = read_environment()
    except SettingsError:
        environment = read_environment({})
    return explain_failure(
        error, console(is_error=True), logs=environment.home / "logs", variables=environment.variables
    )


def run() -> None:
    sys.exit(main(sys.argv[1:]))
