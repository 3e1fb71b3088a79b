"""Pictures for the Dagster UI: one small figure a table, drawn from aggregates."""

import json

import polars as pl
from matplotlib.figure import Figure

INK = "#1f3b57"
ACCENT = "#d9822b"


def _bars(labels: list[str], values: list[float], *, title: str, unit: str) -> Figure:
    figure = Figure(figsize=(7, max(1.6, 0.32 * len(labels) + 0.9)))
    axes = figure.subplots()
    axes.barh(labels[::-1], values[::-1], color=INK)
    axes.set_title(title, loc="left")
    axes.set_xlabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _counts(rows: pl.DataFrame, by: str, *, title: str, unit: str, most: int = 20) -> Figure:
    counted = rows.group_by(by).len().sort(["len", by], descending=[True, False]).head(most)
    return _bars(counted[by].cast(pl.String).to_list(), counted["len"].to_list(), title=title, unit=unit)


def segment_sizes(sizes: pl.DataFrame) -> Figure:
    ordered = sizes.sort(["member_count", "segment"], descending=[True, False])
    return _bars(
        ordered["segment"].to_list(), ordered["member_count"].to_list(), title="Segment sizes", unit="people"
    )


def value_distribution(value: pl.DataFrame) -> Figure:
    figure = Figure(figsize=(7, 2.8))
    left, right = figure.subplots(1, 2)
    left.hist(value["expected_spend_28d"].to_numpy(), bins=40, color=INK)
    left.set_title("Expected spend, 28 days", loc="left")
    right.hist(value["active_28d_probability"].to_numpy(), bins=40, color=ACCENT)
    right.set_title("P(active in 28 days)", loc="left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def reliability(models: pl.DataFrame) -> Figure:
    """Of every chance on the fold that its fit has not seen: outcome rate by score, and lift by tenth."""
    curves = {
        row["model"]: payload["reliability"]
        for row in models.sort("model").iter_rows(named=True)
        if (payload := json.loads(row["payload"])).get("reliability")
    }
    figure = Figure(figsize=(7, 3.2))
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    right.axhline(1, color="#999999", linewidth=0.8)
    for model, curve in curves.items():
        left.plot(curve["mean_probability"], curve["outcome_rate"], marker="o", markersize=3, label=model)
        right.plot(range(1, len(curve["lift"]) + 1), curve["lift"], marker="o", markersize=3)
    left.set_title("Reliability on the last fold", loc="left")
    right.set_title("Lift by tenth, best first", loc="left")
    if curves:
        left.legend(fontsize=7)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def propensity_distribution(propensities: pl.DataFrame) -> Figure:
    figure = Figure(figsize=(7, 2.8))
    axes = figure.subplots()
    for (name,), rows in sorted(propensities.group_by("propensity")):
        axes.hist(rows["probability"].to_numpy(), bins=40, range=(0, 1), histtype="step", label=str(name))
    axes.set_title("Propensities", loc="left")
    axes.legend(fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def favourite_categories(affinity: pl.DataFrame) -> Figure:
    return _counts(
        affinity.filter(pl.col("affinity_rank") == 1), "category", title="Favourite category", unit="people"
    )


def strongest_interests(interests: pl.DataFrame) -> Figure:
    return _counts(
        interests.filter(pl.col("interest_rank") == 1), "interest", title="Strongest interest", unit="people"
    )


def hours_of_day(send_times: pl.DataFrame) -> Figure:
    counted = send_times.group_by("local_hour").len().sort("local_hour")
    figure = Figure(figsize=(7, 2.4))
    axes = figure.subplots()
    axes.bar(counted["local_hour"].to_numpy(), counted["len"].to_numpy(), color=INK)
    axes.set_title("Best local hour", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def lifecycle_stages(lifecycle: pl.DataFrame) -> Figure:
    known = lifecycle.filter(pl.col("lifecycle_stage").is_not_null())
    return _counts(known, "lifecycle_stage", title="Lifecycle stage", unit="people")


def messages_by_channel(plan: pl.DataFrame) -> Figure:
    labelled = plan.with_columns(label=pl.concat_str("programme", "channel", separator=" · "))
    return _counts(labelled, "label", title="Messages planned", unit="messages")


def reasons_held_back(held_back: pl.DataFrame) -> Figure:
    summed = (
        held_back.with_columns(
            reason=pl.when(pl.col("rule") == "")
            .then(pl.col("outcome"))
            .otherwise(pl.concat_str("outcome", "rule", separator=" · "))
        )
        .group_by("reason")
        .agg(pl.col("decision_count").sum())
        .sort(["decision_count", "reason"], descending=[True, False])
    )
    return _bars(
        summed["reason"].to_list(),
        summed["decision_count"].to_list(),
        title="Held back, by reason",
        unit="decisions",
    )


def stations(enrolments: pl.DataFrame) -> Figure:
    labelled = enrolments.with_columns(label=pl.concat_str("journey", "node_id", "status", separator=" · "))
    return _counts(labelled, "label", title="Where people are", unit="enrolments")
