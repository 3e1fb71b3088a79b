"""CPU time and memory of a night's enrichment of many people: features, values, propensities, cards.

Training is not in it: models are trained once on a sample of the same people. Each
stage runs in a process of its own, bucket by bucket, from files to files, and is
measured by the operating system; the last line says whether a second run wrote the
same bytes.

    .venv/bin/python benchmarks/enrichment_scale.py --customers 1000000 --orders-each 30
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import polars as pl

from pipelines.contracts.enrichment import TrainedModel
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.features import rank_people, summarise_people
from pipelines.enrichment.forecasting.campaigns import redemptions, targeted_people
from pipelines.enrichment.forecasting.people import (
    forecast_people,
    is_model_holdout,
    list_propensities,
    permitted_people,
    rate_of_latest_kind,
    score_people,
)
from pipelines.enrichment.forecasting.snapshots import purchase_days, sampled
from pipelines.enrichment.forecasting.state import (
    DRIFT_PEOPLE,
    LIFETIME,
    LIFETIME_FEATURES,
    Past,
    continue_models,
    forecasts_of,
    lifetime_of,
)
from pipelines.enrichment.model_cards import MEASURED_PEOPLE, assess_models, score_past
from pipelines.enrichment.purchases import day_totals
from pipelines.enrichment.value import estimate_value, rank_value
from pipelines.expressions.digest import bucket
from pipelines.expressions.time import end_of_local_day

SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="America/New_York", currency="USD")
SETTINGS = EnrichmentSettings()
NIGHT = date(2024, 3, 10)
AS_OF = end_of_local_day(NIGHT, SHOP.zone)
DAYS = 728
PRODUCTS, CATEGORIES = 20_000, 300
CAMPAIGNS = {"c1": 200, "c2": 120, "c3": 40}
#: People of a bucket at most, and of the sample that models are trained on.
BUCKET_PEOPLE, TRAINING_PEOPLE = 80_000, 5_000
Frames = dict[str, pl.LazyFrame]


def bucket_count(customers: int) -> int:
    return 1 << max(int(np.ceil(np.log2(customers / BUCKET_PEOPLE))), 0)


def simulate(people: np.ndarray, orders_each: float, seed: int) -> dict[str, pl.DataFrame]:
    """Purchases at a pace of one's own, some of whom stop; a line each; coupons of the targeted."""
    dice = np.random.default_rng(seed)
    count = dice.poisson(dice.gamma(1.5, orders_each / 1.5, len(people))) + 1
    person = np.repeat(people, count)
    stopped = np.repeat(np.where(dice.random(len(people)) < 0.3, dice.uniform(0, 0.8, len(people)), 0), count)
    age = (stopped + (1 - stopped) * dice.random(len(person))) * DAYS * 86_400
    moment = np.int64(AS_OF.timestamp()) - age.astype(np.int64) - 1
    minor = dice.gamma(2, 1500, len(person)).astype(np.int64) + 1
    numbers = pl.Series(person).cast(pl.String) + "-" + pl.Series(np.arange(len(person))).cast(pl.String)
    purchases = pl.DataFrame({"customer_id": person, "order_id": numbers, "moment": moment, "minor": minor})
    purchases = purchases.select(
        pl.lit(SHOP.workspace).alias("workspace_id"),
        "customer_id",
        "order_id",
        ordered_at=(pl.col("moment") * 1_000_000).cast(pl.Datetime("us", "UTC")),
        net_amount=(pl.col("minor").cast(pl.Decimal(18, 2)) / 100).cast(pl.Decimal(18, 2)),
        discount_amount=(pl.col("minor").cast(pl.Decimal(18, 2)) / 1000).cast(pl.Decimal(18, 2)),
    )
    product = pl.Series("product_id", dice.integers(0, PRODUCTS, len(person))).cast(pl.String)
    targeted = people[people % 10 == 0]
    redeemers = dice.choice(targeted, len(targeted) // 5)
    return {
        "purchases": purchases,
        "purchase_lines": purchases.select("customer_id", "ordered_at", product),
        "customer_links": pl.DataFrame({"customer_id": people}).select(
            "customer_id", source=pl.lit("main"), customer_ref=pl.col("customer_id").cast(pl.String)
        ),
        "activities": pl.DataFrame({"customer_id": redeemers}).select(
            "customer_id",
            event_type=pl.lit("coupon_redeemed"),
            campaign_id=pl.lit("c1"),
            occurred_at=pl.lit(AS_OF - timedelta(days=195)),
        ),
    }


def prepare(folder: Path, customers: int, orders_each: float) -> None:
    count = bucket_count(customers)
    everyone = pl.DataFrame({"customer_id": np.arange(1, customers + 1)})
    placed = everyone.with_columns(bucket=bucket(pl.col("customer_id"), count))
    for one in range(count):
        people = placed.filter(pl.col("bucket") == one)["customer_id"].to_numpy()
        for name, rows in simulate(people, orders_each, one).items():
            rows.sort("customer_id", maintain_order=True).write_parquet(folder / f"{name}-{one}.parquet")
    pl.DataFrame({"product_id": np.arange(PRODUCTS)}).select(
        pl.col("product_id").cast(pl.String),
        category=pl.lit("category ") + (pl.col("product_id") % CATEGORIES).cast(pl.String),
    ).write_parquet(folder / "products.parquet")
    pl.DataFrame(
        [
            (name, "A", NIGHT - timedelta(days=ago), NIGHT - timedelta(days=ago - 28))
            for name, ago in CAMPAIGNS.items()
        ],
        schema={"campaign_id": pl.String, "type": pl.String, "starts_on": pl.Date, "ends_on": pl.Date},
        orient="row",
    ).write_parquet(folder / "campaigns.parquet")
    members = everyone.filter(pl.col("customer_id") % 10 == 0).select(
        source=pl.lit("main"), customer_ref=pl.col("customer_id").cast(pl.String), arm=pl.lit(None, pl.String)
    )
    pl.concat(members.with_columns(campaign_id=pl.lit(name)) for name in CAMPAIGNS).write_parquet(
        folder / "members.parquet"
    )
    share = TRAINING_PEOPLE / customers
    past = past_of(folder, None, share=share)
    models = continue_models(
        TrainedModel.create_empty(),
        past,
        watched_days=past.days,
        settings=SETTINGS.models,
        workspace_id="shop",
    )
    models.write_parquet(folder / "trained_models.parquet")


def read(folder: Path, name: str, one: int | None) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{name}-{'*' if one is None else one}.parquet")


def totals_of(folder: Path, one: int | None, *, share: float = 1.0) -> pl.LazyFrame:
    purchases = sampled(read(folder, "purchases", one), share)
    return day_totals(purchases, workspace=SHOP, as_of=AS_OF)


def past_of(folder: Path, one: int | None, *, share: float = 1.0, totals: pl.LazyFrame | None = None) -> Past:
    campaigns, members = (pl.scan_parquet(folder / f"{name}.parquet") for name in ("campaigns", "members"))
    links = sampled(read(folder, "customer_links", one), share)
    redeemed = redemptions(sampled(read(folder, "activities", one), share), workspace=SHOP, as_of=AS_OF)
    return Past(
        days=purchase_days(totals_of(folder, one, share=share) if totals is None else totals),
        targeted=targeted_people(campaigns, members, links).collect().lazy(),
        redeemed=redeemed.collect().lazy(),
        cutoff=NIGHT + timedelta(days=1),
    )


def features(folder: Path, buckets: int) -> Iterator[tuple[str, pl.LazyFrame]]:
    summaries = [
        summarise_people(
            *(read(folder, name, one) for name in ("customer_links", "purchases", "purchase_lines")),
            pl.scan_parquet(folder / "products.parquet"),
            read(folder, "activities", one),
            workspace=SHOP,
            as_of=AS_OF,
        ).collect()
        for one in range(buckets)
    ]
    ranked = rank_people(pl.concat(summaries).lazy()).collect()
    placed = ranked.with_columns(bucket=bucket(pl.col("customer_id"), buckets))
    for one in range(buckets):
        yield f"customer_features-{one}", placed.filter(pl.col("bucket") == one).drop("bucket").lazy()


def value(folder: Path, buckets: int) -> Iterator[tuple[str, pl.LazyFrame]]:
    payloads = dict(pl.read_parquet(folder / "trained_models.parquet").select("model", "payload").iter_rows())
    models, of_features, lifetime = (
        forecasts_of(payloads),
        lifetime_of(payloads, LIFETIME_FEATURES),
        lifetime_of(payloads, LIFETIME),
    )
    kind_rate = rate_of_latest_kind(past_of(folder, None)).collect().lazy()
    held, parts = is_model_holdout(SETTINGS.models, SHOP), []
    for one in range(buckets):
        totals = totals_of(folder, one).collect().lazy()
        past, people = past_of(folder, one, totals=totals), read(folder, "customer_features", one)
        permitted = permitted_people(people, pl.LazyFrame(), SETTINGS.models)
        scored = (
            score_people(past, models, of_features, kind_rate=kind_rate, is_held_out=held).collect().lazy()
        )
        forecasts = forecast_people(scored, permitted, past, models, lifetime, is_held_out=held)
        parts.append(estimate_value(people, totals, forecasts, settings=SETTINGS, workspace=SHOP).collect())
        yield (
            f"propensities-{one}",
            list_propensities(scored, permitted, models, is_held_out=held, workspace=SHOP),
        )
    yield "customer_value", rank_value(pl.concat(parts).lazy())


def cards(folder: Path, buckets: int) -> Iterator[tuple[str, pl.LazyFrame]]:
    people = read(folder, "customer_features", None).select(pl.len()).collect().item()
    past = [
        score_past(
            read(folder, "customer_features", one),
            totals_of(folder, one, share=MEASURED_PEOPLE / people),
            settings=SETTINGS,
            night=NIGHT,
        ).collect()
        for one in range(buckets)
    ]
    yield (
        "model_cards",
        assess_models(
            read(folder, "customer_features", None),
            pl.scan_parquet(folder / "customer_value.parquet"),
            pl.scan_parquet(folder / "trained_models.parquet"),
            pl.concat(past).lazy(),
            workspace=SHOP,
        ),
    )


def drift(folder: Path, buckets: int) -> Iterator[tuple[str, pl.LazyFrame]]:
    people = sum(
        read(folder, "customer_links", one).select(pl.len()).collect().item() for one in range(buckets)
    )
    models = pl.read_parquet(folder / "trained_models.parquet")
    watched = continue_models(
        models,
        past_of(folder, None),
        watched_days=purchase_days(totals_of(folder, None, share=DRIFT_PEOPLE / people)),
        settings=SETTINGS.models.model_copy(update={"maximum_drift": 100.0}),
        workspace_id="shop",
    )
    yield "watched_models", watched.lazy()


STAGES: dict[str, Callable[[Path, int], Iterator[tuple[str, pl.LazyFrame]]]] = {
    "customer_features": features,
    "trained_models (drift)": drift,
    "customer_value, propensities": value,
    "model_cards": cards,
}
KEYS = ("customer_id", "propensity", "model", "metric")


def run_stage(folder: Path, stage: str, buckets: int) -> dict[str, float]:
    begun = resource.getrusage(resource.RUSAGE_SELF)
    for name, rows in STAGES[stage](folder, buckets):
        found = rows.collect()
        found.sort(*(key for key in KEYS if key in found.columns)).write_parquet(folder / f"{name}.parquet")
    used = resource.getrusage(resource.RUSAGE_SELF)
    # A night imports everything once, for all stages.
    seconds = used.ru_utime + used.ru_stime - begun.ru_utime - begun.ru_stime
    return {"seconds": seconds, "gigabytes": used.ru_maxrss / 2**20}


def digest_of(folder: Path) -> str:
    outputs = (
        sorted(folder.glob("customer_[fv]*"))
        + sorted(folder.glob("prop*"))
        + [folder / "model_cards.parquet"]
    )
    return hashlib.sha256(b"".join(path.read_bytes() for path in outputs)).hexdigest()


def measure(folder: Path, stage: str, buckets: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--folder", str(folder), "--stage", stage, "--buckets", str(buckets)]
    environment = {**os.environ, "POLARS_MAX_THREADS": "2", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    numbers: dict[str, float] = json.loads(answer.splitlines()[-1])
    return numbers


def _total(stages: dict[str, dict[str, float]]) -> str:
    return f"{sum(numbers['seconds'] for numbers in stages.values()):.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--orders-each", type=float, default=30)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--stage")
    parser.add_argument("--buckets", type=int)
    arguments = parser.parse_args()
    if arguments.stage:
        print(json.dumps(run_stage(arguments.folder, arguments.stage, arguments.buckets)))
        return
    buckets = bucket_count(arguments.customers)
    started = datetime.now(UTC)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        prepare(Path(folder), arguments.customers, arguments.orders_each)
        rounds, digests = [], []
        for _ in range(2):
            rounds.append({stage: measure(Path(folder), stage, buckets) for stage in STAGES})
            digests.append(digest_of(Path(folder)))
    print(f"{arguments.customers:,} people in {buckets} buckets, {started:%Y-%m-%d}\n")
    print("| stage | CPU-seconds | again | peak memory, GB |\n|---|--:|--:|--:|")
    for stage in STAGES:
        first, second = (one[stage] for one in rounds)
        print(f"| {stage} | {first['seconds']:.1f} | {second['seconds']:.1f} | {first['gigabytes']:.2f} |")
    print(f"| sum | {' | '.join(_total(one) for one in rounds)} | |")
    print(f"\nthe second run wrote the same bytes: {digests[0] == digests[1]}")


if __name__ == "__main__":
    main()
