"""Evaluates policies on the Open Bandit sample with obp, and hands over what it looked at.

Runs in an environment of its own (obp asks for an older Python and torch than it needs):

    pip install --no-deps --ignore-requires-python obp==0.5.7
    pip install "numpy<2" "pandas<3" "scikit-learn<1.6" pyyaml tqdm matplotlib seaborn torch
    python benchmarks/peers/obp_estimates.py FOLDER '{"thresholds": [1, 5], "strengths": [1, 100]}'
"""

import json
import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

SEED = 12345


def estimators(given: dict[str, Any]) -> dict[str, Any]:
    from obp.ope import (
        DoublyRobust,
        DoublyRobustWithShrinkage,
        InverseProbabilityWeighting,
        SelfNormalizedDoublyRobust,
        SelfNormalizedInverseProbabilityWeighting,
        SwitchDoublyRobust,
    )

    plain = {
        "IPW": InverseProbabilityWeighting(),
        "SNIPW": SelfNormalizedInverseProbabilityWeighting(),
        "DR": DoublyRobust(),
        "SNDR": SelfNormalizedDoublyRobust(),
    }
    switches = {f"Switch-DR {one}": SwitchDoublyRobust(lambda_=one) for one in given["thresholds"]}
    shrinkages = {f"DRos {one}": DoublyRobustWithShrinkage(lambda_=one) for one in given["strengths"]}
    return plain | switches | shrinkages


def evaluate(campaign: str, logged_by: str, folder: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Uniform logs and the policy of the other sample, or that sample and the uniform policy."""
    from obp.dataset import OpenBanditDataset
    from obp.ope import RegressionModel
    from obp.policy import BernoulliTS
    from sklearn.linear_model import LogisticRegression

    dataset = OpenBanditDataset(behavior_policy=logged_by, campaign=campaign)
    rounds = dataset.obtain_batch_bandit_feedback()
    count = rounds["n_rounds"]
    if logged_by == "random":
        policy = BernoulliTS(
            n_actions=dataset.n_actions,
            len_list=dataset.len_list,
            is_zozotown_prior=True,
            campaign=campaign,
            random_state=SEED,
        )
        chances = policy.compute_batch_action_dist(n_sim=100_000, n_rounds=count)
    else:
        chances = np.full((count, dataset.n_actions, dataset.len_list), 1 / dataset.n_actions)
    predicted = RegressionModel(
        n_actions=dataset.n_actions,
        len_list=dataset.len_list,
        action_context=dataset.action_context,
        base_model=LogisticRegression(max_iter=1000, random_state=SEED),
    ).fit_predict(
        context=rounds["context"],
        action=rounds["action"],
        reward=rounds["reward"],
        pscore=rounds["pscore"],
        position=rounds["position"],
        n_folds=3,
        random_state=SEED,
    )
    logged = {name: rounds[name] for name in ("reward", "action", "position", "pscore")}
    values, seconds = {}, {}
    for name, estimator in estimators(given).items():
        started = time.perf_counter()
        with_model = {} if "IPW" in name else {"estimated_rewards_by_reg_model": predicted}
        values[name] = float(estimator.estimate_policy_value(**logged, action_dist=chances, **with_model))
        seconds[name] = time.perf_counter() - started
    place = (np.arange(count), slice(None), rounds["position"])
    arrays = {"chances": chances[place], "predicted": predicted[place]}
    np.savez(folder / f"{campaign}_{logged_by}.npz", **logged, **arrays)
    return {"campaign": campaign, "logged_by": logged_by, "values": values, "seconds": seconds}


def main() -> None:
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")
    folder, given = Path(sys.argv[1]), json.loads(sys.argv[2])
    found = [
        evaluate(campaign, logged_by, folder, given)
        for campaign in given["campaigns"]
        for logged_by in ("random", "bts")
    ]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
