import numpy as np
import polars as pl
import pytest

from pipelines.evaluation.off_policy.draws import worst_misfit


def _actions(rounds=2000, seed=1):
    """E-mail with chance .5, SMS with .3, nothing with .2."""
    dice = np.random.default_rng(seed)
    drawn = dice.choice(3, size=rounds, p=[0.5, 0.3, 0.2])
    return pl.DataFrame(
        {
            "round": np.repeat(np.arange(rounds), 3),
            "kind": ["email", "sms", "no_send"] * rounds,
            "propensity": [0.5, 0.3, 0.2] * rounds,
            "is_taken": (np.arange(3)[None, :] == drawn[:, None]).ravel(),
        }
    )


def test_sound_draws_fit():
    assert [worst_misfit(_actions(seed=seed)) for seed in range(40)] == [None] * 40


def test_rounds_that_are_missing_because_of_their_draw_show():
    actions = _actions()
    lost = actions.filter("is_taken", pl.col("kind") == "sms", pl.col("round") < 1000)["round"]
    found = worst_misfit(actions.filter(~pl.col("round").is_in(lost.to_list())))
    assert found.kind == "sms"
    assert found.standard_errors < -4
    left = 2000 - len(lost)
    assert found.expected_count == pytest.approx(0.3 * left)
    assert found.taken_count == pytest.approx(0.3 * left + found.standard_errors * (0.21 * left) ** 0.5)


def test_a_miss_is_counted_in_standard_errors_by_hand():
    # Of 100 rounds with chance .5 there are 50 ± 5: 70 are just four errors, 71 are more.
    def taken(count):
        return pl.DataFrame(
            {
                "kind": ["a"] * 100,
                "propensity": [0.5] * 100,
                "is_taken": [place < count for place in range(100)],
            }
        )

    assert worst_misfit(taken(70)) is None
    assert worst_misfit(taken(30)) is None
    assert worst_misfit(taken(71)).standard_errors == pytest.approx(4.2)
    assert worst_misfit(taken(29)).standard_errors == pytest.approx(-4.2)


def test_what_is_certain_cannot_miss_and_nothing_has_no_misfit():
    certain = pl.DataFrame({"kind": ["a", "b"], "propensity": [1.0, 0.0], "is_taken": [True, False]})
    assert worst_misfit(certain) is None
    assert worst_misfit(certain.clear()) is None
