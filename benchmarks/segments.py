"""CPU of rules against decoding their columns, of clusters and lookalikes, and how true clusters are.

Decode-only reads the same columns of the same files into nothing. Seconds are CPU
seconds of this process, medians of the rounds; threads count as they are.

    .venv/bin/python benchmarks/segments.py --people 1000000 --events 10000000 --rounds 3
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipelines.contracts.enrichment import CustomerFeatures, CustomerValue, Trait
from pipelines.contracts.segmentation import Cluster, Membership
from pipelines.contracts.settings.segments import ClusterSettings, LookalikeSettings, SegmentsFile
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.tables import ACTIVITIES
from pipelines.evaluation.clustering import compare_clusterings
from pipelines.segmentation.clusters import find_clusters
from pipelines.segmentation.event_streams import event_streams, properties_asked
from pipelines.segmentation.lookalikes import find_lookalikes
from pipelines.segmentation.memberships import update_memberships
from pipelines.segmentation.overlaps import measure_overlaps
from pipelines.segmentation.people import People
from pipelines.segmentation.rules import evaluate_segments, verdicts_of

SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="UTC", currency="USD")
AS_OF = datetime(2024, 1, 1, tzinfo=UTC)
KINDS, FEATURES = 8, 20
EVENT_TYPES = ["page_view", "app_open", "coupon_redeemed", "cart_add"]


def write_people(folder: Path, count: int) -> np.ndarray:
    """Features and value of people of eight kinds; returns the kinds."""
    dice = np.random.default_rng(1)
    kind = dice.integers(0, KINDS, count)
    centres = dice.normal(3, 1.2, (KINDS, 64))
    for schema in (CustomerFeatures, CustomerValue):
        columns: dict[str, Any] = {"customer_id": np.arange(count)}
        for place, (name, column) in enumerate(schema.columns().items()):
            drawn = np.abs(centres[kind, place] + dice.normal(0, 0.35, count))
            columns.setdefault(name, _column(name, column.dtype, drawn))
        frame = pl.DataFrame(columns).with_columns(workspace_id=pl.lit("shop"))
        frame.select(schema.column_names()).write_parquet(folder / f"{schema.__name__}.parquet")
    return kind


def _column(name: str, dtype: pl.DataType, drawn: np.ndarray) -> pl.Series:
    if dtype == pl.Date:
        return pl.Series([date(2023, 6, 1)]).new_from_index(0, len(drawn))
    if dtype == pl.String:
        return pl.Series(["shop"]).new_from_index(0, len(drawn))
    if name.startswith("rfm"):
        return pl.Series(np.clip(drawn, 1, 5).astype(np.int64))
    if name.endswith(("_rate", "_probability")):
        return pl.Series(1 / (1 + np.exp(3 - drawn)))
    return pl.Series(np.expm1(drawn) + 1).cast(pl.Int64 if dtype == pl.Int64 else dtype, strict=False)


def write_events(folder: Path, count: int, people: int) -> None:
    dice = np.random.default_rng(2)
    seconds = dice.integers(0, 365 * 86_400, count)
    types = pl.Series(EVENT_TYPES).gather(dice.integers(0, len(EVENT_TYPES), count))
    frame = pl.DataFrame(
        {
            "customer_id": np.sort(dice.integers(0, people, count)),
            "event_id": pl.int_range(count, eager=True).cast(pl.String),
            "event_type": types,
            "occurred_at": int(AS_OF.timestamp()) * 1_000_000 - 1 - seconds * 1_000_000,
            "channel": pl.Series(["web", "app"]).gather(dice.integers(0, 2, count)),
            "value": dice.uniform(0, 100, count),
        }
    ).with_columns(pl.col("occurred_at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    frame.write_parquet(folder / "activities.parquet")


def rules(count: int, *, event_share: float, distinct_counts: int) -> SegmentsFile:
    """As people write them: two or three conditions, of which some count events of a few kinds."""
    columns = [
        "order_count",
        "spend_amount",
        "recency_days",
        "category_count",
        "tenure_days",
        "discount_rate",
    ]
    segments: dict[str, Any] = {}
    for number in range(count):
        parts: list[dict[str, Any]] = [
            {"trait": columns[number % 6], "at_least": 2 + number % 40},
            {"trait": columns[(number + 1) % 6], "at_most": 40 + number % 100},
        ]
        if number < count * event_share:
            kind = number % distinct_counts
            parts.append(
                {
                    "event": EVENT_TYPES[kind % 4],
                    "within_days": 7 * (1 + kind // 4),
                    "at_least": 1 + number % 3,
                    **({"where": {"channel": "web"}} if kind % 2 else {}),
                }
            )
        segments[f"s{number}"] = {"rule": {"all": parts}}
    return SegmentsFile.model_validate({"segments": segments})


def cpu(work: Callable[[], object], rounds: int) -> float:
    spent = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return statistics.median(spent)


def measure_rules(folder: Path, rounds: int) -> None:
    features = pl.scan_parquet(folder / "CustomerFeatures.parquet")
    value = pl.scan_parquet(folder / "CustomerValue.parquet").select("workspace_id", "customer_id")
    activities = pl.scan_parquet(folder / "activities.parquet")
    names = ["customer_id", "order_count", "spend_amount", "recency_days", "category_count", "tenure_days"]
    used = features.select(*names, "discount_rate")
    events = activities.select("customer_id", "event_type", "occurred_at", "channel")

    def decode() -> None:
        used.collect(engine="streaming")
        events.collect(engine="streaming")

    base = cpu(decode, rounds)
    print(f"decode-only: {base:.2f} cpu-s")
    for count, distinct in ((20, 4), (100, 8), (500, 16)):
        segments = rules(count, event_share=0.3, distinct_counts=distinct).segments
        assert properties_asked(segments)
        streams = event_streams(
            segments,
            read=lambda table: {ACTIVITIES.name: activities}[table.name],
            configured={"events"},
            workspace=SHOP,
            as_of=AS_OF,
        )
        people = People(features=features, value=value, traits=Trait.create_empty(lazy=True), streams=streams)
        judged = verdicts_of(people, segments)
        spent = cpu(lambda judged=judged: judged.collect(engine="streaming"), rounds)  # type: ignore[misc]
        listed = evaluate_segments(people, segments=segments, workspace=SHOP)
        with_lists = cpu(lambda listed=listed: listed.collect(engine="streaming"), rounds)  # type: ignore[misc]
        print(
            f"{count} segments, {distinct} distinct counts: verdicts {spent:.2f} cpu-s "
            f"= {spent / base:.2f}× decode; with lists of members {with_lists:.2f} = {with_lists / base:.2f}×"
        )


def measure_clusters(folder: Path, kind: np.ndarray, rounds: int) -> None:
    numbers = [
        name
        for name, column in CustomerFeatures.columns().items()
        if column.dtype not in (pl.Date, pl.String) and name != "customer_id"
    ]
    more = [name for name in CustomerValue.columns() if name.startswith("expected")]
    features = tuple([*numbers, *more][:FEATURES])
    people = pl.scan_parquet(folder / "CustomerFeatures.parquet").join(
        pl.scan_parquet(folder / "CustomerValue.parquet").drop("workspace_id"), on="customer_id"
    )
    in_hand = people.select("customer_id", *dict.fromkeys(["order_count", *features])).collect().lazy()
    settings = ClusterSettings(count=KINDS, features=features)
    state = {"previous": Cluster.create_empty(lazy=True)}

    def cluster() -> None:
        found = find_clusters(in_hand, state["previous"], name="kinds", settings=settings, workspace=SHOP)
        state["previous"], state["verdicts"] = found.clusters, found.verdicts.collect().lazy()

    cluster()  # imports scikit-learn, and begins
    print(
        f"clusters, {len(features)} features, {len(kind):,} people: {cpu(cluster, rounds):.2f} cpu-s a night"
    )
    place = pl.coalesce(
        pl.when(pl.col(f"segment kinds_{number}")).then(pl.lit(number)) for number in range(1, KINDS + 1)
    )
    labels = state["verdicts"].sort("customer_id").select(found=place, truth=pl.lit(pl.Series(kind)))
    scored = compare_clusterings(labels, predicted="found", truth="truth").collect()
    print(f"adjusted Rand index against the truth: {scored['adjusted_rand_index'].item():.4f}")


def measure_lookalikes(folder: Path, kind: np.ndarray, rounds: int) -> None:
    people = pl.scan_parquet(folder / "CustomerFeatures.parquet").collect().lazy()
    drawn = np.random.default_rng(3).random(len(kind)) < 0.3
    seed = pl.LazyFrame({"customer_id": np.arange(len(kind)), "is_seed": (kind == 0) & drawn})
    settings = LookalikeSettings(segment="seed")

    def look() -> pl.DataFrame:
        return find_lookalikes(
            people, seed, name="like", settings=settings, named_in_rule=(), workspace=SHOP
        ).fit.collect()

    print(f"lookalikes, {len(kind):,} people: {cpu(look, rounds):.2f} cpu-s; {look()['note'].item()}")


def measure_history(people: int, rounds: int) -> None:
    """Thirty segments of a tenth of the people each."""
    dice = np.random.default_rng(4)
    names = [f"s{number}" for number in range(30)]
    parts = [
        pl.DataFrame({"customer_id": np.flatnonzero(dice.random(people) < 0.1), "segment": name})
        for name in names
    ]
    members = pl.concat(parts).with_columns(workspace_id=pl.lit("shop")).lazy()
    night = date(2024, 1, 1)
    state = update_memberships(Membership.create_empty(lazy=True), members, night=night).collect().lazy()
    changed = members.filter(pl.col("customer_id") % 50 != 0)
    history = cpu(
        lambda: update_memberships(state, changed, night=night + timedelta(days=1)).collect(), rounds
    )
    everyone = pl.LazyFrame({"customer_id": np.arange(people)})
    overlaps = cpu(
        lambda: measure_overlaps(members, everyone, segments=names, workspace=SHOP).collect(), rounds
    )
    print(
        f"30 segments, {members.collect().height:,} members: "
        f"history {history:.2f}, overlaps {overlaps:.2f} cpu-s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of segments.")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kind = write_people(Path(folder), arguments.people)
        write_events(Path(folder), arguments.events, arguments.people)
        measure_rules(Path(folder), arguments.rounds)
        measure_clusters(Path(folder), kind, arguments.rounds)
        measure_lookalikes(Path(folder), kind, arguments.rounds)
    measure_history(arguments.people, arguments.rounds)


if __name__ == "__main__":
    main()
