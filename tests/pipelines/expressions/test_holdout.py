import polars as pl
import pytest

from pipelines.contracts.settings.guardrails import Holdout
from pipelines.expressions.holdout import is_held_out, is_universal_holdout

PEOPLE = pl.DataFrame({"customer_id": range(20_000)})


def held(holdout: Holdout, programme: str = "spring") -> pl.Series:
    return PEOPLE.select(
        out=is_held_out(pl.col("customer_id"), workspace="acme", programme=programme, holdout=holdout)
    )["out"]


def test_the_share_held_out_is_the_share_asked_for() -> None:
    assert held(Holdout(universal=0.1)).mean() == pytest.approx(0.1, abs=4 * (0.1 * 0.9 / 20_000) ** 0.5)
    assert not held(Holdout(universal=0.0)).any()
    assert held(Holdout(universal=1.0)).all()


def test_universal_holdout_is_in_every_programme_and_grows_with_its_share() -> None:
    small, large = (
        PEOPLE.select(
            out=is_universal_holdout(
                pl.col("customer_id"), workspace="acme", holdout=Holdout(universal=share)
            )
        )["out"]
        for share in (0.05, 0.1)
    )
    assert not (small & ~large).any()
    for programme in ("spring", "autumn"):
        assert not (large & ~held(Holdout(universal=0.1, programmes={programme: 0.2}), programme)).any()


def test_programmes_hold_out_independently_of_each_other() -> None:
    holdout = Holdout(universal=0.0, programmes={"spring": 0.5, "autumn": 0.5})
    both = (held(holdout, "spring") & held(holdout, "autumn")).mean()
    assert both == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 20_000) ** 0.5)
