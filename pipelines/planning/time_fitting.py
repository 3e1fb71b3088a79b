"""The contact window of every candidate that may go out, worked out once for each zone, hour and validity."""

from datetime import datetime, timedelta

import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.expressions.time import INSTANT
from pipelines.planning.contact_windows import NightClock


def fit_windows(
    judged: pl.DataFrame, guardrails: Guardrails, *, as_of: datetime, until: datetime
) -> pl.DataFrame:
    """Adds `not_before` and `not_after` to what may go out; what has no window is out of time."""
    clock = NightClock(guardrails.quiet_hours, as_of=as_of, next_as_of=until)
    # Validity beyond the night makes no difference; without clipping there would be many distinct ones.
    judged = judged.with_columns(
        latest=pl.min_horizontal("valid_until", pl.lit(until - timedelta(microseconds=1), INSTANT))
    )
    keys = ["time_zone", "local_hour", "latest"]
    asked = (
        judged.filter(pl.col("outcome").is_null(), pl.col("time_zone").is_not_null()).select(keys).unique()
    )
    found = [
        (*key, window.not_before, window.not_after)
        for key in asked.iter_rows()
        if (window := clock.window(*key)) is not None
    ]
    schema = {**asked.schema, "not_before": INSTANT, "not_after": INSTANT}
    windows = pl.DataFrame(found, schema=schema, orient="row")
    is_late = pl.col("outcome").is_null() & pl.col("not_before").is_null()
    return (
        judged.join(windows, on=keys, how="left", validate="m:1")
        .with_columns(
            outcome=pl.when(is_late)
            .then(pl.lit(DecisionOutcome.OUT_OF_TIME.value))
            .otherwise(pl.col("outcome")),
            rule=pl.when(is_late & pl.col("time_zone").is_null())
            .then(pl.lit("no_send_time"))
            .when(is_late)
            .then(pl.lit("no_allowed_instant"))
            .otherwise(pl.col("rule")),
        )
        .drop("latest")
    )
