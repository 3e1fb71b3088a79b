"""Whether those with the highest predicted uplift are those whom treatment moves. Needs a randomised control.

With people in descending order of the prediction and shares phi of them from
the top, N and R their number and their outcomes, t treated and c control:

* Qini curve (Radcliffe 2007, "Using control groups to target on predicted
  lift"): g(phi) = R_t - R_c N_t / N_c, the extra outcomes among the treated of
  the top phi. The coefficient here is the area between g and the straight line
  from 0 to g(1), per treated person; 0 for an order that says nothing.
* Area under the uplift curve (Gutierrez and Gérardy 2017; Devriendt, Moldovan
  and Verbeke 2018): of u(phi) = (R_t / N_t - R_c / N_c) phi; half the average
  effect for an order that says nothing.

People with equal predictions come in together. As long as an arm is empty its
share of the difference is 0.
"""

import polars as pl

from pipelines.evaluation.validity import as_number, where_measured
from pipelines.expressions.sums import stable_sum


def uplift_curve(scored: pl.LazyFrame, *, uplift: str, outcome: str, treated: str) -> pl.LazyFrame:
    """One row per distinct prediction, highest first, and the origin; without rows that miss a number.

    `people_count` so far, their `share` of all, `qini_gain` g and `uplift_gain` u.
    """
    outcome_of, is_treated = pl.col("outcome"), pl.col("treated") == 1
    cumulated = [
        pl.col(name).sort_by("uplift", descending=True).cum_sum()
        for name in ("treated_count", "control_count", "treated_outcome", "control_outcome")
    ]
    treated_rate = _rate("treated_outcome", "treated_count")
    control_rate = _rate("control_outcome", "control_count")
    points = (
        _complete(scored, uplift, outcome, treated)
        .group_by("uplift")
        .agg(
            treated_count=is_treated.sum().cast(pl.Float64),
            control_count=(~is_treated).sum().cast(pl.Float64),
            treated_outcome=stable_sum(outcome_of.filter(is_treated)),
            control_outcome=stable_sum(outcome_of.filter(~is_treated)),
        )
        .select(*cumulated)
    )
    people = pl.col("treated_count") + pl.col("control_count")
    share = people / people.max()
    return pl.concat(
        [
            pl.LazyFrame({"people_count": [0.0], "share": [0.0], "qini_gain": [0.0], "uplift_gain": [0.0]}),
            points.select(
                people_count=people,
                share=share,
                qini_gain=pl.col("treated_outcome") - control_rate * pl.col("treated_count"),
                uplift_gain=(treated_rate - control_rate) * share,
            ),
        ]
    ).sort("share")


def uplift_quality(scored: pl.LazyFrame, *, uplift: str, outcome: str, treated: str) -> pl.LazyFrame:
    """One row: `qini_coefficient` and `uplift_area`; null with an empty arm or a missing number."""
    curve = uplift_curve(scored, uplift=uplift, outcome=outcome, treated=treated)
    everyone = pl.col("people_count").max()
    at_end = pl.col("qini_gain").sort_by("people_count").last()
    areas = curve.select(
        qini_area=_area(pl.col("qini_gain")) / everyone - at_end / 2,
        uplift_area=_area(pl.col("uplift_gain") * everyone) / everyone**2,
    )
    columns = [as_number(pl.col(name)) for name in (uplift, outcome, treated)]
    treated_count = columns[2].sum()
    has_both = (treated_count > 0) & (treated_count < pl.len())
    usable = where_measured(pl.when(has_both).then(treated_count), *columns)
    return pl.concat([areas, scored.select(usable=usable)], how="horizontal").select(
        qini_coefficient=pl.col("qini_area") / pl.col("usable"),
        uplift_area=pl.when(pl.col("usable").is_not_null()).then("uplift_area"),
    )


def _rate(outcomes: str, people: str) -> pl.Expr:
    return pl.when(pl.col(people) > 0).then(pl.col(outcomes) / pl.col(people)).otherwise(0.0)


def _area(gain: pl.Expr) -> pl.Expr:
    """Under a gain in people, over their number, by the trapezoidal rule.

    In people rather than in shares, which would fall below the steps of a stable sum.
    """
    height, place = gain.sort_by("people_count"), pl.col("people_count").sort()
    return stable_sum((place - place.shift(1)) * (height + height.shift(1)) / 2)


def _complete(scored: pl.LazyFrame, uplift: str, outcome: str, treated: str) -> pl.LazyFrame:
    return scored.select(
        uplift=as_number(pl.col(uplift)),
        outcome=as_number(pl.col(outcome)),
        treated=as_number(pl.col(treated)),
    ).drop_nulls()
