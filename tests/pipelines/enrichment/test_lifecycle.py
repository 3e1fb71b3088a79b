"""People of a shop by the days of their orders, in days before the night of 10 March 2024."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.histories import Purchase
from pipelines.contracts.preferences import Lifecycle
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.preferences import LifecycleSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.lifecycle import lifecycle_traits, stage_people

AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
NOON = datetime(2024, 3, 10, 16, tzinfo=UTC)
SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="America/New_York", currency="USD")
#: Every week for half a year up to a silence.
WEEKLY = tuple(range(0, 182, 7))
PURCHASES = {name: column.dtype for name, column in Purchase.columns().items()}


def _weekly(silent: int) -> tuple[int, ...]:
    return tuple(silent + days for days in WEEKLY)


def _stages(
    days: dict[int, tuple[int, ...]], *, amount: int = 1, gate: float = 0.5, backwards: bool = False
) -> pl.DataFrame:
    rows = [
        {
            "workspace_id": "shop",
            "customer_id": person,
            "order_id": f"{person}-{number}",
            "ordered_at": NOON - timedelta(days=ago),
            "net_amount": Decimal(amount),
            "discount_amount": None,
        }
        for person, agos in days.items()
        for number, ago in enumerate(agos)
    ]
    staged = stage_people(
        pl.LazyFrame({"customer_id": [*days, *days]}, schema={"customer_id": pl.Int64}),
        pl.LazyFrame(rows[::-1] if backwards else rows, schema=PURCHASES, orient="row"),
        settings=EnrichmentSettings(minimum_trait_confidence=gate),
        workspace=SHOP,
        as_of=AS_OF,
    )
    return Lifecycle.validate(staged.collect()).sort("customer_id")


def _stage_of(*agos: int, others: tuple[int, ...] = WEEKLY) -> str | None:
    """Stage of a person beside five others, who come every week."""
    return _stages({1: agos, **dict.fromkeys(range(2, 7), others)})["lifecycle_stage"][0]


@pytest.mark.parametrize(
    ("agos", "stage"),
    [
        ((), "prospect"),
        ((0,), "new"),
        ((27,), "new"),
        ((27, 3), "new"),
        (WEEKLY, "active"),
        (_weekly(14), "active"),  # 2 × 7 days and not more
        (_weekly(15), "slipping"),
        (_weekly(28), "slipping"),  # 4 × 7 days and not more
        (_weekly(29), "lapsed"),
        ((0, *_weekly(60)), "reactivated"),
        ((27, *_weekly(60)), "slipping"),
    ],
)
def test_stage_follows_the_silence_in_usual_gaps(agos, stage):
    assert _stage_of(*agos) == stage


def test_who_buys_rarely_is_not_lapsed_where_a_weekly_buyer_is():
    rare = tuple(range(40, 700, 60))
    assert _stage_of(*rare) == "active"
    assert _stage_of(*_weekly(40)) == "lapsed"


def test_who_came_back_is_reactivated_for_a_while():
    since = _stages({1: (10, 3, *_weekly(70)), **dict.fromkeys(range(2, 7), WEEKLY)})
    assert since.select("lifecycle_stage", "returned_on").row(0) == ("reactivated", date(2024, 2, 29))
    assert _stage_of(28, 21, 14, 7, 0, *_weekly(100)) == "active"


def test_the_usual_gap_leaves_out_the_longest_and_is_shrunk_toward_everyones():
    # Gaps of 10, 30 and 20 days: without the longest 10 and 20, with two of everyone's 7.
    staged = _stages({1: (5, 15, 45, 65), **dict.fromkeys(range(2, 7), WEEKLY)})
    row = staged.row(0, named=True)
    assert row["mean_gap_days"] == (10 + 20 + 2 * 7) / (2 + 2)
    assert (row["silent_days"], row["visit_count"], row["first_order_on"]) == (5, 4, date(2024, 1, 5))


def test_one_order_is_judged_by_everyones_rhythm():
    staged = _stages({1: (50,), **dict.fromkeys(range(2, 7), WEEKLY)})
    assert staged.select("lifecycle_stage", "confidence", "mean_gap_days").row(0) == ("lapsed", 1.0, 7.0)


def test_confidence_is_the_weight_of_the_rhythms_that_agree():
    # Own gaps of 20 days, one of which counts: (20 + 2·7)/3 days; after 15 days that is active, by
    # everyone's 7 slipping. The weight of one gap against two is 1/3.
    agos = (15, 35, 55)
    shaky = _stages({1: agos, **dict.fromkeys(range(2, 7), WEEKLY)}).row(0, named=True)
    assert (shaky["lifecycle_stage"], shaky["confidence"]) == (None, round(1 / 3, 9))
    assert (
        _stages({1: agos, **dict.fromkeys(range(2, 7), WEEKLY)}, gate=0.3)["lifecycle_stage"][0] == "active"
    )


def test_where_nobody_has_a_rhythm_only_dates_tell():
    staged = _stages({1: (), 2: (3,), 3: (90,), 4: (80, 90)})
    assert staged["lifecycle_stage"].to_list() == ["prospect", "new", None, None]
    assert staged["confidence"].to_list() == [1.0, 1.0, 0.0, 0.0]


def test_returns_are_no_orders():
    assert _stages({1: (3, 9)}, amount=-1)["lifecycle_stage"].to_list() == ["prospect"]


def test_several_orders_of_a_day_are_one_visit():
    assert _stages({1: (3, 3, 3)})["visit_count"].to_list() == [1]


days_ago = st.lists(st.integers(0, 400), max_size=8).map(tuple)


@given(st.dictionaries(st.integers(1, 9), days_ago, min_size=1), st.dictionaries(st.integers(1, 9), days_ago))
def test_order_of_rows_and_the_future_change_nothing(days, future):
    later = {person: (*agos, *(-1 - ago for ago in future.get(person, ()))) for person, agos in days.items()}
    assert _stages(later, backwards=True).equals(_stages(days))


def test_lapsed_begins_after_slipping():
    with pytest.raises(ValueError, match="lapsed must begin later than slipping"):
        LifecycleSettings(slipping_gaps=4, lapsed_gaps=4)
    with pytest.raises(ValueError, match="lapsed must begin later than slipping"):
        LifecycleSettings(minimum_slipping_days=28)


def test_the_stage_is_a_trait_that_is_null_below_the_gate() -> None:
    staged = _stages({1: _weekly(0), 2: (100,), 3: (), 4: (3,)}, gate=1.0)
    rows = lifecycle_traits(staged.lazy()).sort("customer_id").collect()
    found = {row["customer_id"]: (row["trait"], row["value"], row["evidence"]) for row in rows.to_dicts()}
    stage = staged.filter(customer_id=2)["lifecycle_stage"].item()
    assert found[1] == ("lifecycle_stage", "active", "0 days since the last order")
    assert found[2] == ("lifecycle_stage", stage, "100 days since the last order")
    assert found[3] == ("lifecycle_stage", "prospect", "no order")
    assert rows["confidence"].to_list() == staged["confidence"].to_list()


def test_no_trait_stands_where_nothing_is_known() -> None:
    staged = _stages({1: (100,), 2: (120,)})
    assert staged["lifecycle_stage"].to_list() == [None, None]
    assert lifecycle_traits(staged.lazy()).collect().is_empty()
