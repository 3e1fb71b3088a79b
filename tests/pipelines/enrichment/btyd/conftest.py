"""The CDNOW sample and histories in hand.

`cdnow_sample.parquet` holds the purchases (customer, day, cents) of the 2,357 customers of the CDNOW 1/10
sample, 1 January 1997 to 30 June 1998: a research data set that Fader and Hardie publish for anyone to test
models on. Estimates for it are printed in their papers.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.enrichment.btyd.histories import Histories
from pipelines.enrichment.btyd.summary import summarise_purchases

#: End of the calibration weeks of the papers.
CDNOW_NIGHT = date(1997, 9, 30)


@pytest.fixture(scope="session")
def cdnow() -> pl.LazyFrame:
    return pl.scan_parquet(Path(__file__).with_name("cdnow_sample.parquet"))


@pytest.fixture(scope="session")
def cdnow_summary(cdnow: pl.LazyFrame) -> pl.LazyFrame:
    return summarise_purchases(cdnow, night=CDNOW_NIGHT, counts_free_days=True).collect().lazy()


@pytest.fixture(scope="session")
def histories_of() -> Callable[..., Histories]:
    """One customer per (x, t_x, T)."""

    def build(*rows: tuple[float, float, float]) -> Histories:
        repeats, span, tenure = np.array(rows, dtype=np.float64).reshape(-1, 3).T
        return Histories(repeats, span, tenure, np.ones(len(rows)))

    return build
