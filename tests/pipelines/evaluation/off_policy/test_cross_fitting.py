import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import Ridge

from pipelines.evaluation.off_policy.cross_fitting import action_features, cross_fitted_rewards, fold_of


def test_folds_are_of_people_and_about_equal():
    people = pl.Series([*range(5000), *range(5000)])
    folds = fold_of(people, folds=5, salt="test")
    assert (folds[:5000] == folds[5000:]).all()
    assert np.bincount(folds[:5000]).min() > 900
    assert np.bincount(folds).shape == (5,)


def test_a_fold_depends_on_key_and_salt_only():
    people = pl.Series(range(100))
    folds = fold_of(people, folds=5, salt="test")
    assert (fold_of(people.reverse(), folds=5, salt="test")[::-1] == folds).all()
    assert (fold_of(people, folds=5, salt="another") != folds).any()


def test_features_are_standardised_numbers_and_kinds():
    actions = pl.DataFrame({"score": [1, 3], "value": [2.0, 2.0], "kind": ["b", "a"]})
    features = action_features(actions, numbers=["score", "value"], kinds="kind")
    assert features.tolist() == [[-1, 0, -1, 1], [1, 0, 1, -1]]


def _world():
    dice = np.random.default_rng(2)
    features = dice.normal(size=(300, 3))
    rewards = features @ np.array([1.0, -2.0, 0.5]) + 3 + dice.normal(0, 0.1, 300)
    return features, rewards, np.arange(300) % 2 == 0, np.arange(300) % 5


def test_each_fold_is_predicted_from_the_actions_taken_in_the_others():
    features, rewards, is_taken, fold = _world()
    found = cross_fitted_rewards(features, rewards, is_taken, fold, penalty=4.0)
    for one in range(5):
        seen = is_taken & (fold != one)
        theirs = Ridge(alpha=4.0).fit(features[seen], rewards[seen]).predict(features[fold == one])
        assert found[fold == one] == pytest.approx(theirs, abs=1e-9)


def test_a_prediction_never_saw_its_own_fold():
    features, rewards, is_taken, fold = _world()
    before = cross_fitted_rewards(features, rewards, is_taken, fold)
    after = cross_fitted_rewards(features, np.where(fold == 3, 1e6, rewards), is_taken, fold)
    assert (before[fold == 3] == after[fold == 3]).all()
    assert (before[fold != 3] != after[fold != 3]).all()


def test_with_nothing_to_learn_from_nothing_is_expected():
    features, rewards, is_taken, _ = _world()
    assert not cross_fitted_rewards(features, rewards, is_taken, np.zeros(300, dtype=np.int64)).any()
