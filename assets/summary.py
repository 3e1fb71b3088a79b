"""What a night ends with on the terminal: what happened, what was held back and why, where to look."""

from datetime import date

import polars as pl
from rich.console import Console
from rich.table import Table as Grid

from assets.steps import Night
from pipelines.contracts.tables import FUNNEL, HELD_BACK, LIMIT_PRICES, PROOF


def print_summary(night: Night, console: Console) -> None:
    """The night on one screen."""
    funnel = night.read(FUNNEL).sort("stage", "measure").collect()
    _print_numbers(funnel, console)
    _print_held_back(night.read(HELD_BACK).collect(), console)
    proof = night.read(PROOF).collect()
    turned_away = (
        night.read(LIMIT_PRICES).filter(pl.col("turned_away_count") > 0).sort("limit_name").collect()
    )
    for row in turned_away.iter_rows(named=True):
        console.print(
            f"  limit {row['limit_name']}: {row['turned_away_count']:,} turned away; "
            f"one more would be worth {row['price']:.2f}",
            highlight=False,
        )
    console.print(
        f"  proof: {int(proof['is_held'].sum())} of {proof.height} guardrails hold", highlight=False
    )
    _print_places(night, night.on, console)


def _print_numbers(funnel: pl.DataFrame, console: Console) -> None:
    grid = Grid(box=None, show_header=False, padding=(0, 2, 0, 2))
    for stage in funnel["stage"].unique(maintain_order=True):
        lines = funnel.filter(pl.col("stage") == stage)
        grid.add_row(
            f"[bold]{stage}[/]",
            ", ".join(f"{row['measure']} {row['value']:,.0f}" for row in lines.iter_rows(named=True)),
        )
    console.print(grid)


def _print_held_back(held_back: pl.DataFrame, console: Console) -> None:
    reasons = (
        held_back.group_by("outcome", "rule")
        .agg(pl.col("decision_count").sum())
        .sort(["decision_count", "outcome", "rule"], descending=[True, False, False])
    )
    if reasons.is_empty():
        return
    console.print("  [bold]held back[/], by reason:")
    for row in reasons.iter_rows(named=True):
        rule = f" ({row['rule']})" if row["rule"] else ""
        console.print(
            f"    {row['decision_count']:>7,}  {row['outcome'].replace('_', ' ')}{rule}", highlight=False
        )


def _print_places(night: Night, on: date, console: Console) -> None:
    home = night.home
    console.print("  [bold]where to look[/]")
    for label, place in (
        ("tables", f"{home.snapshot_path} (DuckDB, schema onward; a read-only copy)"),
        ("report", home.reports / f"{night.workspace.workspace}-{on}.html"),
        ("messages", home.outgoing),
        ("Dagster UI", "make dev, then http://127.0.0.1:3000"),
        ("one person", f"onward explain CUSTOMER --date {on}"),
    ):
        console.print(f"    {label:<11} {place}", highlight=False)
