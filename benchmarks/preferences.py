"""CPU time of item similarity: learning from a sample of people, and proposing new items to a million.

    .venv/bin/python benchmarks/preferences.py --people 1000000 --items 300 --rounds 3

Purchases are drawn: items by Zipf's law, about sixty distinct ones a person, as categories of a grocer.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines.enrichment.item_similarity import Ownership, compare_items, propose_items
from pipelines.enrichment.items import STEPS

LEARNT_FROM = 100_000


def draw(people: int, items: int, each: int, seed: int) -> Ownership:
    generator = np.random.default_rng(seed)
    chance = 1 / np.arange(1, items + 1) ** 0.7
    drawn = generator.choice(items, size=(people, each), p=chance / chance.sum()).astype(np.int64)
    cells = np.unique(np.arange(people)[:, None] * items + drawn)
    return Ownership(
        people=cells // items, items=cells % items, weight_steps=generator.integers(1, 3 * STEPS, len(cells))
    )


def first(ownership: Ownership, people: int) -> Ownership:
    end = int(np.searchsorted(ownership.people, people))
    return Ownership(
        people=ownership.people[:end], items=ownership.items[:end], weight_steps=ownership.weight_steps[:end]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--each", type=int, default=90)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    ownership = draw(chosen.people, chosen.items, chosen.each, seed=1)
    popularity = np.arange(chosen.items)
    learning, proposing = [], []
    for _ in range(chosen.rounds):
        started = time.process_time()
        weights = compare_items(first(ownership, LEARNT_FROM), chosen.items, 100.0)
        learning.append(time.process_time() - started)
        started = time.process_time()
        proposals = propose_items(ownership, weights, popularity, 5)
        proposing.append(time.process_time() - started)
    print(f"{chosen.people:,} people, {chosen.items:,} items, {len(ownership.items):,} pairs")
    print(f"learning from {min(LEARNT_FROM, chosen.people):,}: {statistics.median(learning):.2f} CPU-s")
    print(f"proposing {len(proposals.items):,} new items: {statistics.median(proposing):.2f} CPU-s")


if __name__ == "__main__":
    main()
