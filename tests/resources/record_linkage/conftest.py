"""A made-up town: people with records that are mistyped and incomplete, and what is true about them."""

import random
from datetime import date, timedelta

import polars as pl
import pytest

SYLLABLES = ("an", "be", "cor", "da", "el", "fi", "ga", "ho", "in", "jo", "ka", "li", "mar", "no")
NAMES = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in ("", "ra", "ton")]


def mistyped(dice, text):
    at = dice.randrange(len(text) - 1)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


@pytest.fixture(scope="session")
def town():
    """Rows with `record`, `person` and the compared columns."""
    dice = random.Random(11)  # noqa: S311
    rows = []
    for person in range(700):
        true = {
            "first_name": dice.choice(NAMES),
            "last_name": dice.choice(NAMES),
            "birth_date": str(date(1940, 1, 1) + timedelta(days=dice.randrange(24_000))),
            "street": f"{dice.randrange(1, 99)} {dice.choice(NAMES)} street",
            "city": dice.choice(NAMES[:40]),
            "postcode": str(10_000 + dice.randrange(900)),
            "phone": f"+1{dice.randrange(2_000_000_000, 9_999_999_999)}",
            "email": f"{dice.choice(NAMES)}{person}@example.com",
        }
        for _ in range(dice.choice((1, 2, 2, 3))):
            row = {name: None if dice.random() < 0.1 else value for name, value in true.items()}
            if row["birth_date"] and dice.random() < 0.06:
                row["birth_date"] = row["birth_date"][:-2] + f"{dice.randrange(1, 29):02}"
            for name in sorted(true.keys() - {"birth_date"}):
                if row[name] and dice.random() < 0.06:
                    row[name] = mistyped(dice, row[name])
            rows.append(row | {"person": person, "record": len(rows)})
    return pl.DataFrame(rows, schema_overrides={"record": pl.Int64, "person": pl.Int64})
