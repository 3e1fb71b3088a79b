"""The gold set: 660 distinct texts of the sample's products, labelled by hand by the authors of this project.

Two draws. Of the first, one text of every category and more of the large ones,
all 420 were used to write the topics of the sample and to choose weights
(`half` is `tuned`). The second are 240 texts drawn at random from the others by a
digest; they were labelled before any model had seen them and were used for
nothing but measuring (`held_out`). The name of a product decides where it
contradicts the category, unless it says nothing; an empty label means that the
text stands for no interest, or for none that is anybody's business.
"""

from pathlib import Path

import polars as pl

from pipelines.contracts.settings.interests import InterestSettings
from resources.control.workspace.reading import read_workspace

FILE = Path(__file__).with_name("gold_labels.csv")
SAMPLE = Path(__file__).parents[4] / "examples" / "complete_journey"


def gold_texts() -> pl.DataFrame:
    """One row per text, as products of the catalogue, with `half` and `expected`; null for no interest."""
    rows = pl.read_csv(
        FILE, schema=dict.fromkeys(("department", "category", "name", "half", "interest"), pl.String)
    )
    return rows.select(
        "department",
        "category",
        "name",
        "half",
        expected="interest",
        product_id=pl.format("p{}", pl.int_range(pl.len())),
        description=pl.lit(None, pl.String),
    )


def sample_settings() -> InterestSettings:
    """The topics of the sample workspace."""
    reading = read_workspace(SAMPLE, environment={})
    assert reading.config is not None, reading.problems
    return reading.config.enrichment.enrichment.interests


def accuracy(rows: pl.DataFrame) -> float:
    """Share of rows whose label is the expected one; no label is right where none is expected."""
    return float(rows.select(pl.col("interest").eq_missing(pl.col("expected")).mean()).item())
