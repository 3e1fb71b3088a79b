"""People as a model compares them, and which of its pairs are one person."""

import numpy as np
import polars as pl

from pipelines.expressions.digest import digest
from pipelines.identity.linking import Matches
from pipelines.identity.normalisation import NAMES, comparable_name

_COMPARED = (*NAMES, "birth_date", "phone", "email")
_PAIR = 2


def comparable_records(stated: pl.LazyFrame) -> pl.LazyFrame:
    """One row per record: its number, and what is compared, as text.

    Args:
        stated: As `normalise_records` gives them.
    """
    return stated.select("record", *_comparable_columns())


def _comparable_columns() -> list[pl.Expr]:
    names = [comparable_name(pl.col(name)) for name in NAMES]
    return [*names, pl.col("birth_date").cast(pl.String), pl.col("phone"), pl.col("email")]


def representatives(matches: Matches) -> pl.DataFrame:
    """One row per group that exact identifiers make: of each column what most of its records say.

    Among equals the smallest record speaks. The smallest alone would hand on its
    slip of the pen, though four others have it right. Of two records no majority
    is possible, so that only larger groups, which are few, are counted.
    """
    groups = pl.Series("record", matches.grouping.labels, dtype=pl.Int64)
    said = matches.stated.select(groups, *_comparable_columns()).with_row_index("row")
    sizes = np.bincount(matches.grouping.labels, minlength=1)[matches.grouping.labels]
    several = said.filter(pl.Series(sizes == _PAIR)).sort("record", "row")
    first, second = several.gather_every(_PAIR), several.gather_every(_PAIR, offset=1)
    # Where the first says nothing, the second does.
    pairs = first.with_columns(pl.col(name).fill_null(second[name]) for name in _COMPARED)
    crowds = _majorities(said.filter(pl.Series(sizes > _PAIR)))
    alone = said.filter(pl.Series(sizes == 1))
    return pl.concat(part.select("record", *_COMPARED) for part in (alone, pairs, crowds)).sort("record")


def _majorities(said: pl.DataFrame) -> pl.DataFrame:
    """One row per group, which `record` names."""
    spoken = said.select("record").unique()
    for name in _COMPARED:
        voices = said.drop_nulls(name).group_by("record", name).agg(pl.len(), pl.col("row").min())
        most = voices.sort(["len", "row"], descending=[True, False]).unique(
            "record", keep="first", maintain_order=True
        )
        spoken = spoken.join(most.select("record", name), on="record", how="left")
    return spoken


def training_records(compared: pl.LazyFrame, *, maximum: int) -> pl.LazyFrame:
    """Every record of a part of the people: a sample of single records would hold hardly a pair.

    Records are drawn by their family name, or where it is missing by their
    mailbox or phone, so that those of one person come together.
    """
    name = pl.coalesce("last_name", "email", "phone", pl.lit(""))
    drawn = digest("identity training", name)
    order = pl.col("drawn").rank("min")
    return compared.with_columns(drawn=drawn).filter(order <= maximum).drop("drawn").sort("record")
