"""`onward plan show`: what a plan holds, what waits in it and why, and what its limits are worth."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any

import polars as pl
import typer

from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.tables import HELD_BACK, LIMIT_PRICES, PLAN, PROOF
from pipelines.contracts.texts import counted, hold_in_words, money_in_words, outcome_in_words
from pipelines.delivery.automation import with_levels
from pipelines.expressions.sums import stable_sum
from resources.control.approvals import Approval
from resources.control.holding import HeldMessages
from resources.control.outbox import Outbox
from resources.control.workspace.night import load_night
from resources.lake.view import LakeView
from service.cli.approving import describe_approval
from service.cli.session import Session, WorkspaceOption, open_session

DateOption = Annotated[datetime, typer.Option("--date", "-d", formats=["%Y-%m-%d"], help="The night.")]
_MOST_REASONS = 8


def show(night: DateOption, workspace: WorkspaceOption = None) -> None:
    """Show the plan of a night: messages, people, cost, limits with their prices, and what waits for whom.

    Names nobody.
    """
    session = open_session(workspace)
    on = night.date()
    lake = session.home.lake(session.workspace_id).pinned()
    config = load_night(session.home.configs(session.workspace_id), on)
    version = lake.require(PLAN, on)
    session.print(f"Plan of the night {on} of {session.workspace_id}", style="bold")
    session.print(f"  hash {version.content_hash}")
    if version.config_hash != config.content_hash:
        session.print(f"  the configuration changed since; nothing more leaves before onward run --date {on}")
    sections = {
        "Messages": _messages(lake.scan(PLAN, on), config),
        "Handed over": _dispatched(session, on),
        "Approval": _approval(session.home.approvals(session.workspace_id).current(on)),
        "Limits": _limits(lake, on, config.workspace.currency),
        "Decisions without a message": _held_back(lake, on),
        "Proof": _proof(lake, on),
    }
    for title, lines in sections.items():
        session.print(title, style="bold")
        for line in lines:
            session.print(f"  {line}")


def _messages(plan: pl.LazyFrame, config: NightConfig) -> Iterator[str]:
    """Everything together, then each programme on each channel with its level."""
    size = [
        pl.len().cast(pl.Int64).alias("messages"),
        pl.col("customer_id").n_unique().cast(pl.Int64).alias("people"),
        pl.col("cost_amount").sum().alias("cost"),
        stable_sum(pl.col("value")).alias("value"),
    ]
    keys = ["product", "programme", "channel", "level"]
    levelled = with_levels(plan, config.automation)
    total, parts = pl.collect_all([levelled.select(size), levelled.group_by(keys).agg(size).sort(keys)])
    currency = config.workspace.currency
    yield f"in all: {_size(total.row(0, named=True), currency)}"
    for row in parts.iter_rows(named=True):
        yield f"{row['programme']} by {row['channel']} ({row['level']}): {_size(row, currency)}"


def _size(row: dict[str, Any], currency: str) -> str:
    return (
        f"{counted(row['messages'], 'message')} to {counted(row['people'], 'person', 'people')}, "
        f"cost {row['cost']:,.2f} {currency}, worth {money_in_words(row['value'], currency)}"
    )


def _dispatched(session: Session, on: date) -> Iterator[str]:
    """As the outbox has it now."""
    statuses = Outbox(session.home.control, session.workspace_id).counts(on)
    held = HeldMessages(session.home.control, session.workspace_id).counts(on)
    for status, count in statuses.items():
        yield f"{count:,} {status.value}"
    for reason, count in held.items():
        yield f"{count:,} of them wait: {hold_in_words(reason)}"
    if not statuses:
        yield "nothing yet"


def _approval(approval: Approval | None) -> Iterator[str]:
    if approval is None:
        yield "nobody was asked"
        return
    yield describe_approval(approval)
    for name in approval.thresholds.get("programmes", ()):
        yield f"asked about {name}"
    for name, reached in approval.thresholds.get("reached", {}).items():
        measured = reached["measured"]
        shown = "beyond any number" if measured is None else f"{measured:,.4g}"
        yield f"because {name} is {shown}, and a person must agree from {reached['limit']:,.4g} on"


def _limits(lake: LakeView, on: date, currency: str) -> Iterator[str]:
    limits = lake.scan(LIMIT_PRICES, on).sort("limit_name").collect()
    for row in limits.iter_rows(named=True):
        yield (
            f"{row['limit_name']}: {row['used_value']:,.2f} of {row['limit_value']:,.2f} used; one more is "
            f"worth {money_in_words(row['price'], currency)}, {row['turned_away_count']:,} turned away"
        )
    if limits.is_empty():
        yield "none that everyone shares"


def _held_back(lake: LakeView, on: date) -> Iterator[str]:
    reasons = (
        lake.scan(HELD_BACK, on)
        .group_by("outcome", "rule")
        .agg(pl.col("decision_count").sum())
        .sort(["decision_count", "outcome", "rule"], descending=[True, False, False])
        .collect()
    )
    for row in reasons.head(_MOST_REASONS).iter_rows(named=True):
        yield f"{row['decision_count']:,}: {outcome_in_words(row['outcome'], row['rule'])}"
    if reasons.is_empty():
        yield "none"


def _proof(lake: LakeView, on: date) -> Iterator[str]:
    proof = lake.scan(PROOF, on).collect()
    yield f"{int(proof['is_held'].sum())} of {proof.height} guardrails hold"
