"""Features by customer bucket: CPU against decoding alone, memory of a worker, growth with the data.

Histories are made up bucket by bucket in a folder: people, purchases, lines, events. Then
children of their own measure themselves: one decodes the columns, one computes the features
bucket by bucket, one computes them for everyone at once.

    .venv/bin/python benchmarks/buckets.py --people 10000000 --purchases 6 --lines 13 --rounds 3
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.features import summarise_people

ROOT = Path(__file__).parents[1]
#: A bucket of the size that the design aims at.
PEOPLE_PER_BUCKET = 80_000
WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
AS_OF = datetime(2026, 1, 1, 5, tzinfo=UTC)
FIRST_DAY = date(2024, 1, 1)
PRODUCTS = 20_000
CATEGORIES = 300
HISTORIES = ("purchases", "lines", "activities")


def bucket_count(people: int) -> int:
    """The power of two near people / PEOPLE_PER_BUCKET."""
    return 1 << max(0, round(np.log2(people / PEOPLE_PER_BUCKET)))


def write_bucket(folder: Path, bucket: int, *, people: int, purchases: int, lines: int) -> None:
    """Rows of one bucket, sorted by person, as the lake holds them."""
    dice = np.random.default_rng(bucket)
    first = bucket * people
    ids = pl.DataFrame({"customer_id": np.arange(first, first + people)})
    per_person = dice.poisson(purchases, people)
    owner = np.repeat(np.arange(people), per_person)
    count = len(owner)
    at = np.sort(dice.integers(0, 730 * 86_400_000_000, count))
    placed = pl.DataFrame(
        {
            "customer_id": owner + first,
            "order_id": np.char.add(f"{bucket}-", np.arange(count).astype(str)),
            "ordered_at": at,
            "net_minor": dice.integers(100, 20_000, count),
            "discount_minor": dice.integers(0, 500, count),
        }
    ).select(
        "customer_id",
        "order_id",
        (pl.lit(FIRST_DAY).cast(pl.Datetime("us", "UTC")) + pl.duration(microseconds="ordered_at")).alias(
            "ordered_at"
        ),
        net_amount=(pl.col("net_minor").cast(pl.Decimal(18, 2)) / 100).cast(pl.Decimal(18, 2)),
        discount_amount=(pl.col("discount_minor").cast(pl.Decimal(18, 2)) / 100).cast(pl.Decimal(18, 2)),
    )
    line_counts = dice.poisson(lines / purchases, count)
    picked = np.repeat(np.arange(count), line_counts)
    bought = (
        placed[picked]
        .select("customer_id", "order_id", "ordered_at")
        .with_columns(
            line_number=pl.int_range(pl.len()).over("order_id"),
            product_id=pl.Series(dice.integers(0, PRODUCTS, len(picked))).cast(pl.String),
            quantity=pl.lit(1.0),
            net_amount=pl.Series(dice.integers(50, 5_000, len(picked))).cast(pl.Decimal(18, 2)),
        )
    )
    happened = placed.gather_every(4).select(
        "customer_id",
        event_id="order_id",
        event_type=pl.lit("coupon_redeemed"),
        occurred_at="ordered_at",
    )
    ids.write_parquet(folder / f"people-{bucket:04d}.parquet")
    for name, rows in zip(HISTORIES, (placed, bought, happened), strict=True):
        rows.sort("customer_id").write_parquet(folder / f"{name}-{bucket:04d}.parquet")


def catalogue() -> pl.LazyFrame:
    numbers = pl.int_range(PRODUCTS, eager=True)
    return pl.LazyFrame(
        {"product_id": numbers.cast(pl.String), "category": (numbers % CATEGORIES).cast(pl.String)}
    )


def scan(folder: Path, name: str, bucket: int | None) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{name}-{'*' if bucket is None else f'{bucket:04d}'}.parquet")


def features(folder: Path, bucket: int | None) -> pl.LazyFrame:
    return summarise_people(
        scan(folder, "people", bucket),
        scan(folder, "purchases", bucket),
        scan(folder, "lines", bucket),
        catalogue(),
        scan(folder, "activities", bucket),
        workspace=WORKSPACE,
        as_of=AS_OF,
    )


#: Columns that the features need, and no others.
NEEDED = {
    "purchases": ["customer_id", "ordered_at", "net_amount", "discount_amount"],
    "lines": ["customer_id", "ordered_at", "product_id"],
    "activities": ["customer_id", "event_type", "occurred_at"],
}


def decode(folder: Path, bucket: int | None) -> None:
    for name, columns in NEEDED.items():
        scan(folder, name, bucket).select(columns).collect()


def run_child(task: str, folder: Path, count: int) -> None:
    """Prints CPU seconds and the peak of memory above the interpreter with its imports."""
    started, before = resource.getrusage(resource.RUSAGE_SELF), peak_megabytes()
    for bucket in range(count) if task != "unbucketed" else [None]:
        if task == "decode":
            decode(folder, bucket)
        else:
            target = folder / f"features-{task}-{bucket or 0:04d}.parquet"
            features(folder, bucket).sink_parquet(target, engine="streaming")
    ended = resource.getrusage(resource.RUSAGE_SELF)
    cpu = ended.ru_utime + ended.ru_stime - started.ru_utime - started.ru_stime
    print(json.dumps({"cpu": cpu, "megabytes": peak_megabytes() - before}))


def peak_megabytes() -> float:
    """Of this program; `ru_maxrss` would begin with that of the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (peak,) = [line for line in lines if line.startswith("VmHWM:")]
    return int(peak.split()[1]) / 1024


def measure(task: str, folder: Path, count: int, *, rounds: int) -> tuple[float, float]:
    command = [sys.executable, __file__, "--child", task, "--folder", str(folder), "--buckets", str(count)]
    found = [
        json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)
        for _ in range(rounds)
    ]
    return (
        statistics.median(one["cpu"] for one in found),
        statistics.median(one["megabytes"] for one in found),
    )


def report(people: int, *, purchases: int, lines: int, rounds: int, with_unbucketed: bool) -> None:
    count = bucket_count(people)
    folder = Path(tempfile.mkdtemp(prefix="buckets-"))
    try:
        for bucket in range(count):
            write_bucket(folder, bucket, people=people // count, purchases=purchases, lines=lines)
        events = sum(scan(folder, name, None).select(pl.len()).collect().item() for name in HISTORIES)
        decode_cpu, _ = measure("decode", folder, count, rounds=rounds)
        cpu, memory = measure("bucketed", folder, count, rounds=rounds)
        print(
            f"{people:,} people, {events:,} events, {count} buckets: features {cpu:.1f} CPU-s "
            f"({cpu / events * 1e6:.2f} µs an event), decoding {decode_cpu:.1f}, "
            f"ratio {cpu / decode_cpu:.1f}, peak {memory:.0f} MB above imports"
        )
        if with_unbucketed:
            whole_cpu, whole_memory = measure("unbucketed", folder, count, rounds=rounds)
            print(f"  at once: {whole_cpu:.1f} CPU-s ({whole_cpu / cpu:.2f} ×), {whole_memory:.0f} MB")
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[2_000_000])
    parser.add_argument("--purchases", type=int, default=6, help="orders of a person, on average")
    parser.add_argument("--lines", type=int, default=13, help="lines of a person, on average")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--unbucketed", action="store_true", help="also everyone at once")
    parser.add_argument("--child", choices=["decode", "bucketed", "unbucketed"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--buckets", type=int)
    given = parser.parse_args()
    if given.child:
        run_child(given.child, given.folder, given.buckets)
        return
    for people in given.people:
        report(
            people,
            purchases=given.purchases,
            lines=given.lines,
            rounds=given.rounds,
            with_unbucketed=given.unbucketed,
        )


if __name__ == "__main__":
    main()
