import numpy as np
import polars as pl
import pytest

from pipelines.evaluation.off_policy.rounds import LoggedRounds, rounds_from_actions


def _columns(**changes):
    names = ("rewards", "propensities", "probabilities", "predicted", "direct", "unsupported")
    columns = {name: np.array([0.5, 0.5]) for name in names} | changes
    return {name: np.array(column, dtype=np.float64) for name, column in columns.items()}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"rewards": [1.0, np.nan]}, "rewards must be one finite number a round"),
        ({"direct": [1.0]}, "direct must be one finite number a round"),
        ({"propensities": [0.5, 0.0]}, "propensity above 0"),
        ({"propensities": [0.5, 1.1]}, "propensity above 0"),
        ({"probabilities": [0.5, -0.1]}, "between 0 and 1"),
        ({"probabilities": [1.1, 0.1]}, "between 0 and 1"),
    ],
)
def test_rounds_that_mean_nothing_are_refused(changes, what):
    with pytest.raises(ValueError, match=what):
        LoggedRounds(keys=pl.Series([1, 2]), **_columns(**changes))


def test_no_round_is_refused():
    with pytest.raises(ValueError, match="no logged round"):
        LoggedRounds(keys=pl.Series([], dtype=pl.Int64), **_columns())


#: Two decisions: of two messages and no send, and of one message and no send.
ACTIONS = pl.DataFrame(
    [
        ("b", 8, 0.75, 0.5, True, 1.0),
        ("b", 8, 0.25, 0.5, False, 1.0),
        ("a", 7, 0.5, 0.0, False, 3.0),
        ("a", 7, 0.5, 0.25, True, 3.0),
        ("a", 7, 0.0, 0.75, False, 3.0),
    ],
    schema=["decision_id", "customer_id", "propensity", "probability", "is_taken", "reward"],
    orient="row",
)
PREDICTED = np.array([10.0, 20.0, 1.0, 2.0, 4.0])


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 1, 3, 0, 2]])
def test_rounds_of_actions_by_hand(order):
    rounds = rounds_from_actions(ACTIONS[order], PREDICTED[order])
    assert rounds.keys.to_list() == [7, 8]
    assert rounds.rewards.tolist() == [3, 1]
    assert rounds.propensities.tolist() == [0.5, 0.75]
    assert rounds.probabilities.tolist() == [0.25, 0.5]
    assert rounds.predicted.tolist() == [2, 10]
    assert rounds.direct.tolist() == [0.25 * 2 + 0.75 * 4, 0.5 * 10 + 0.5 * 20]
    assert rounds.unsupported.tolist() == [0.75, 0]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (pl.lit(value=False).alias("is_taken"), "2 decisions lack an action that was taken, and only one"),
        (pl.lit(value=True).alias("is_taken"), "2 decisions lack an action that was taken, and only one"),
        ((pl.col("probability") / 2), "2 decisions lack probabilities of the evaluated policy"),
        ((pl.col("propensity") * 0.9), "2 decisions lack propensities that sum to 1; the first is a"),
    ],
)
def test_actions_that_are_not_whole_are_refused(change, what):
    with pytest.raises(ValueError, match=what):
        rounds_from_actions(ACTIONS.with_columns(change), PREDICTED)
