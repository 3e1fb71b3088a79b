"""The proof: recomputes every guardrail from the emitted tables, in SQL, sharing no code with the planner.

It reads frames and settings only. A plan with a violation must not be published.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from importlib.resources import files

import duckdb
import polars as pl

from pipelines.contracts.overrides import ActiveOverride
from pipelines.contracts.planning import ProofLine
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.switches import KillSwitch
from resources.proof.guardrails import Guardrail, guardrails_to_prove

#: Frames that the proof reads, by the name that the SQL knows them by.
FRAMES = (
    "plan",
    "decisions",
    "decision_candidates",
    "limit_prices",
    "candidates",
    "contactability",
    "send_times",
    "memberships",
    "households",
    "ledger",
)

#: What people forced for single customers; without it nothing was forced.
OVERRIDES = "overrides"

#: The engine may neither reach out nor be talked into it; times are UTC whatever the machine says.
_LOCKED_DOWN = (
    "SET TimeZone = 'UTC'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


class ProofFailedError(Exception):
    """The plan breaks a guardrail; it must not be published."""

    def __init__(self, lines: pl.DataFrame) -> None:
        """Take the proof lines; those that do not hold are named in the message."""
        self.lines = lines.filter(~pl.col("is_held")).sort("guardrail")
        broken = ", ".join(
            f"{guardrail} ({count} of {checked})"
            for guardrail, count, checked in self.lines.select(
                "guardrail", "violation_count", "checked_count"
            ).iter_rows()
        )
        super().__init__(
            f"the plan breaks {self.lines.height} guardrails and is not published: {broken}; "
            "the plan of an earlier run stays in force"
        )


def _sql(name: str) -> str:
    return files("resources.proof").joinpath(f"{name}.sql").read_text(encoding="utf-8")


@contextmanager
def _connection(frames: Mapping[str, pl.DataFrame]) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(":memory:")
    try:
        for setting in _LOCKED_DOWN:
            connection.execute(setting)
        for name in FRAMES:
            connection.register(name, frames[name].to_arrow())
        overrides = frames.get(OVERRIDES, ActiveOverride.create_empty())
        connection.register(OVERRIDES, overrides.to_arrow())
        connection.execute(_sql("sends"))
        connection.execute(_sql("arithmetic"))
        yield connection
    finally:
        connection.close()


def _line(connection: duckdb.DuckDBPyConnection, guardrail: Guardrail) -> dict[str, object]:
    result = connection.execute(_sql(guardrail.query), dict(guardrail.parameters)).fetchall()
    ((checked, violations, worst),) = result
    return {
        "guardrail": guardrail.name,
        "checked_count": int(checked),
        "violation_count": int(violations),
        "worst_observed": None if worst is None else float(worst),
        "limit_value": guardrail.limit,
        "is_held": violations == 0,
    }


def prove_plan(
    frames: Mapping[str, pl.DataFrame],
    *,
    config: NightConfig,
    kill_switches: Sequence[KillSwitch],
    night: date,
    as_of: datetime,
) -> pl.DataFrame:
    """One `ProofLine` per guardrail; `is_held` false means that the plan must not be published.

    Args:
        frames: The tables of `FRAMES`; a missing one is an error.
        config: Settings of the night.
        kill_switches: Switches that are on.
        night: Logical date; the night's bounds are worked out from it and the workspace's zone.
        as_of: What the planner took for the end of the night, compared with the checker's own.

    Raises:
        KeyError: A frame is missing.
        duckdb.Error: The tables cannot be checked; that is no proof.
    """
    guardrails = guardrails_to_prove(config, kill_switches, night, as_of)
    with _connection(frames) as connection:
        lines = [_line(connection, guardrail) for guardrail in guardrails]
    return pl.DataFrame(
        [{"workspace_id": config.workspace.workspace, **line} for line in lines],
        schema=ProofLine.create_empty().schema,
    ).sort(ProofLine.primary_key())


def require_proof(lines: pl.DataFrame) -> None:
    """Refuse a plan whose proof has a violation, or that has no proof.

    Raises:
        ProofFailedError: Names the guardrails that are broken.
    """
    if lines.is_empty() or not lines["is_held"].all():
        raise ProofFailedError(lines)
