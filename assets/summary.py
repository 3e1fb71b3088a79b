"""What a night ends with on the terminal: what happened, what was held back and why, where to look."""

from datetime import date
from typing import Any

import polars as pl
from rich.console import Console

from assets.source_report import describe_stale_sources
from assets.steps import Night
from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.tables import FUNNEL, HELD_BACK, LIMIT_PRICES, PROOF, STAGES
from pipelines.contracts.texts import counted, money_in_words, outcome_in_words

#: Numbers of the funnel that are money.
MONEY_MEASURES = frozenset({("enrichment", "spend"), ("planning", "cost")})


def print_summary(night: Night, console: Console) -> None:
    """The night on one screen; a line is a line, however long, so that it can be searched."""
    currency = night.workspace.currency
    _print_stale(describe_stale_sources(night), console)
    _print_numbers(night.read(FUNNEL).collect(), currency, console)
    _print_held_back(night.read(HELD_BACK).collect(), console)
    _print_limits(night.read(LIMIT_PRICES).collect(), currency, console)
    proof = night.read(PROOF).collect()
    _print(console, f"  proof: {int(proof['is_held'].sum())} of {proof.height} guardrails hold")
    _print_places(night, night.on, console)


def _print(console: Console, text: str) -> None:
    """Text as it is: names and paths may hold brackets."""
    console.print(text, markup=False, emoji=False, highlight=False, soft_wrap=True)


def _print_title(console: Console, title: str) -> None:
    console.print(f"  [bold]{title}[/]", highlight=False, soft_wrap=True)


def format_measure(stage: str, measure: str, value: float, currency: str) -> str:
    """A number of the funnel: money with its currency, everything else whole."""
    is_money = (stage, measure) in MONEY_MEASURES
    return f"{value:,.2f} {currency}" if is_money else f"{value:,.0f}"


def _print_stale(sentences: list[str], console: Console) -> None:
    """First of all, as everything below rests on it."""
    if not sentences:
        return
    _print_title(console, "stale sources; the plan is labelled")
    for sentence in sentences:
        _print(console, f"    {sentence}")


def _print_numbers(funnel: pl.DataFrame, currency: str, console: Console) -> None:
    for stage in STAGES:
        lines = funnel.filter(pl.col("stage") == stage).sort("measure")
        numbers = ", ".join(
            f"{row['measure']} {format_measure(stage, row['measure'], row['value'], currency)}"
            for row in lines.iter_rows(named=True)
        )
        if numbers:
            _print(console, f"  {stage:<16}{numbers}")


def _print_held_back(held_back: pl.DataFrame, console: Console) -> None:
    reasons = (
        held_back.group_by("outcome", "rule")
        .agg(pl.col("decision_count").sum())
        .sort(["decision_count", "outcome", "rule"], descending=[True, False, False])
    )
    if reasons.is_empty():
        return
    _print_title(console, "decisions held back, by reason")
    for row in reasons.iter_rows(named=True):
        _print(console, f"    {row['decision_count']:>7,}  {outcome_in_words(row['outcome'], row['rule'])}")


def _print_limits(limits: pl.DataFrame, currency: str, console: Console) -> None:
    """Limits that turned candidates away; more than decisions, as a decision can have several candidates."""
    binding = limits.filter(pl.col("turned_away_count") > 0).sort("limit_name")
    if binding.is_empty():
        return
    _print_title(console, "candidates turned away, by limit")
    for row in binding.iter_rows(named=True):
        _print(
            console,
            f"    {row['turned_away_count']:>7,}  {row['limit_name']}, {_usage(row, currency)}; "
            f"one more {_unit(row, currency)} is worth {money_in_words(row['price'], currency)}",
        )


def _unit(limit: dict[str, Any], currency: str) -> str:
    return currency if limit["kind"] == DecisionOutcome.BUDGET else "message"


def _usage(limit: dict[str, Any], currency: str) -> str:
    if limit["kind"] == DecisionOutcome.BUDGET:
        return f"{limit['used_value']:,.2f} of {limit['limit_value']:,.2f} {currency} used"
    return f"{limit['used_value']:,.0f} of {counted(int(limit['limit_value']), 'message')} used"


def _print_places(night: Night, on: date, console: Console) -> None:
    home = night.home
    _print_title(console, "where to look")
    for label, place in (
        ("tables", _tables(night)),
        ("report", home.reports / f"{night.workspace.workspace}-{on}.html"),
        ("messages", home.outgoing),
        ("Dagster UI", "make dev, then http://127.0.0.1:3000"),
        ("one person", f"onward explain CUSTOMER --date {on}"),
    ):
        _print(console, f"    {label:<11} {place}")


def _tables(night: Night) -> str:
    connections = night.connections
    if connections.target_kind == "duckdb":
        return f"{night.home.snapshot_path} (DuckDB, schema onward; a read-only copy)"
    return f"schema onward of {connections.target_name} ({connections.target_kind})"
