"""Reads the published tables of a night into the report's sections. Aggregates only: nobody is named."""

from collections.abc import Callable

import polars as pl

from assets.source_report import compose_sources
from assets.steps import Night
from assets.summary import format_measure
from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.model_tables import (
    MODEL_CARDS,
)
from pipelines.contracts.source_tables import REJECTED_ROWS
from pipelines.contracts.tables import (
    ENROLMENTS,
    FUNNEL,
    HELD_BACK,
    LIMIT_PRICES,
    PLAN,
    PRODUCT_AFFINITY,
    PROOF,
    SEGMENT_SIZES,
)
from pipelines.contracts.texts import outcome_in_words
from resources.report.rendering import NightReport, Section, Tile, section_of

#: Numbers of the funnel that are shown first: stage and measure.
TILES = (
    ("identity", "people"),
    ("permission", "people who may be contacted"),
    ("segmentation", "people in a segment"),
    ("planning", "decision points"),
    ("planning", "messages planned"),
    ("planning", "cost"),
)


def compose_report(night: Night) -> NightReport:
    """The report of a night whose tables are published."""
    funnel = night.read(FUNNEL).collect()
    return NightReport(
        workspace=night.workspace.workspace,
        night=night.on.isoformat(),
        as_of=f"{night.as_of:%Y-%m-%d %H:%M}",
        config_hash=night.config.content_hash[:12],
        versions=", ".join(f"{name} {version}" for name, version in sorted(night.config.versions.items())),
        tiles=_tiles(funnel, night.workspace.currency),
        sections=tuple(compose(night) for compose in SECTIONS),
    )


def _tiles(funnel: pl.DataFrame, currency: str) -> tuple[Tile, ...]:
    values = {(row["stage"], row["measure"]): row["value"] for row in funnel.iter_rows(named=True)}
    return tuple(
        Tile(measure, format_measure(stage, measure, values[stage, measure], currency))
        for stage, measure in TILES
    )


def _plan(night: Night) -> Section:
    currency = night.workspace.currency
    plan = (
        night.read(PLAN)
        .group_by("programme", "channel")
        .agg(
            messages=pl.len().cast(pl.Int64),
            people=pl.col("customer_id").n_unique().cast(pl.Int64),
            cost=pl.col("cost_amount").sum(),
            value=pl.col("value").sort_by("send_id").sum(),
        )
        .sort(["messages", "programme", "channel"], descending=[True, False, False])
        .collect()
    )
    return section_of(
        plan,
        title="Planned",
        text="Messages that go out before the next night, after every limit.",
        labels=(
            "Programme",
            "Channel",
            "Messages",
            "People",
            f"Cost ({currency})",
            f"Expected value ({currency})",
        ),
        bar="messages",
    )


def _held_back(night: Night) -> Section:
    counts = (
        night.read(HELD_BACK)
        .group_by("programme", "outcome", "rule")
        .agg(pl.col("decision_count").sum())
        .sort(["decision_count", "programme", "outcome", "rule"], descending=[True, False, False, False])
        .collect()
    )
    reasons = [
        outcome_in_words(outcome, rule) for outcome, rule in counts.select("outcome", "rule").iter_rows()
    ]
    held = counts.select("programme", pl.Series("reason", reasons, dtype=pl.String), "decision_count")
    return section_of(
        held,
        title="Held back",
        text="Decision points without a message, and the reason that decided about the best candidate.",
        labels=("Programme", "Reason", "Decisions"),
        bar="decision_count",
    )


def _limits(night: Night) -> Section:
    currency = night.workspace.currency
    is_money = pl.col("kind") == DecisionOutcome.BUDGET.value
    limits = (
        night.read(LIMIT_PRICES)
        .select(
            "limit_name",
            "kind",
            pl.when(is_money).then(pl.lit(currency)).otherwise(pl.lit("messages")).alias("unit"),
            "limit_value",
            "used_value",
            "turned_away_count",
            "price",
        )
        .sort("limit_name")
        .collect()
    )
    return section_of(
        limits,
        title="Limits and what they cost",
        text=(
            "Turned away are candidates, of which a decision point can have several. The last column is what "
            "one more message, or one more unit of money, would be worth; nothing where some is left."
        ),
        labels=(
            "Limit",
            "Kind",
            "Counted in",
            "Size",
            "Used",
            "Candidates turned away",
            f"One more is worth ({currency})",
        ),
        when_empty="No shared limit is configured.",
    )


def _proof(night: Night) -> Section:
    proof = (
        night.read(PROOF)
        .select(
            "guardrail",
            "checked_count",
            "worst_observed",
            "limit_value",
            "violation_count",
            verdict=pl.when("is_held").then(pl.lit("holds")).otherwise(pl.lit("violated")),
        )
        .sort("guardrail")
        .collect()
    )
    return section_of(
        proof,
        title="Proof",
        text="Every guardrail, recomputed by a checker that shares no code with the planner.",
        labels=("Guardrail", "Checked", "Worst", "Limit", "Violations", "Verdict"),
    )


def _segments(night: Night) -> Section:
    """Who came and went is movement only in a segment that an earlier night knew."""
    known = night.earlier(SEGMENT_SIZES).select("segment", is_known=pl.lit(True))
    sizes = (
        night.read(SEGMENT_SIZES)
        .join(known, on="segment", how="left", validate="1:1")
        .select(
            "segment",
            "member_count",
            pl.when("is_known").then("entered_count").alias("entered_count"),
            pl.when("is_known").then("left_count").alias("left_count"),
        )
        .sort(["member_count", "segment"], descending=[True, False])
        .collect()
    )
    return section_of(
        sizes,
        title="Segments",
        text=_movement_in_words(sizes),
        labels=("Segment", "Members", "Entered", "Left"),
        bar="member_count",
        when_empty="No segment is configured: write segments.yml.",
    )


def _movement_in_words(sizes: pl.DataFrame) -> str:
    new_count = sizes["entered_count"].null_count()
    if not new_count:
        return "Members tonight, and who came and went."
    if new_count == sizes.height:
        return "Members tonight. First night: everyone is new; who comes and goes shows from the next."
    return "Members tonight, and who came and went; in a segment that is new tonight, everyone is."


def _categories(night: Night) -> Section:
    favourites = (
        night.read(PRODUCT_AFFINITY)
        .filter(pl.col("affinity_rank") == 1)
        .group_by("category")
        .agg(people=pl.len().cast(pl.Int64))
        .sort(["people", "category"], descending=[True, False])
        .head(12)
        .collect()
    )
    return section_of(
        favourites,
        title="Favourite categories",
        text="Category with the largest share of a person's recent spend.",
        labels=("Category", "People"),
        bar="people",
        when_empty="Needs order_lines and products with a category.",
    )


def _journeys(night: Night) -> Section:
    stations = (
        night.read(ENROLMENTS)
        .group_by("journey", "node_id", "status")
        .agg(people=pl.len().cast(pl.Int64))
        .sort("journey", "node_id", "status")
        .collect()
    )
    return section_of(
        stations,
        title="Journeys",
        text="Where people stand after this night.",
        labels=("Journey", "Node", "State", "People"),
        bar="people",
        when_empty="Nobody is on a journey.",
    )


def _models(night: Night) -> Section:
    cards = (
        night.read(MODEL_CARDS)
        .select("model", "metric", "value", "baseline_value", "is_used", "note")
        .sort("model", "metric")
        .collect()
    )
    return section_of(
        cards,
        title="Models",
        text="Measured on the last closed window, against the simple baseline.",
        labels=("Model", "Metric", "Value", "Baseline", "Used", "Note"),
    )


def _rejected(night: Night) -> Section:
    rejected = (
        night.read(REJECTED_ROWS)
        .group_by("table", "rule")
        .agg(rows=pl.len().cast(pl.Int64))
        .sort("table", "rule")
        .collect()
    )
    return section_of(
        rejected,
        title="Rejected rows",
        text="Source rows that broke their contract and were set aside.",
        labels=("Table", "Rule", "Rows"),
        bar="rows",
        when_empty="None: every row keeps its contract.",
    )


SECTIONS: tuple[Callable[[Night], Section], ...] = (
    _plan,
    _held_back,
    _limits,
    _proof,
    _segments,
    _categories,
    _journeys,
    _models,
    compose_sources,
    _rejected,
)
