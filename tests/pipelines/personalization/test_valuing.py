import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pipelines.contracts.objectives import ValueMethod
from pipelines.contracts.settings.personalization import FatigueSettings
from pipelines.personalization.learning.arrays import Action, Knowledge
from pipelines.personalization.learning.design import (
    BASE_COUNT,
    CHANNELS,
    LOCAL_COUNT,
    PERSON_FEATURES,
    Layout,
    Scaling,
)
from pipelines.personalization.learning.effects import Calibration, Shape
from pipelines.personalization.learning.fitting import Link
from pipelines.personalization.learning.policy import CampaignPolicy, Learnt
from pipelines.personalization.learning.response import ResponseModel
from pipelines.personalization.valuing import actions_of, most_promising, pairs_of, value_actions

FATIGUE = FatigueSettings(unsubscribe_rate=0.01, unsubscribe_cost="3.00")
DECLARED = CampaignPolicy(method=ValueMethod.DECLARED)
ACTIONS = (Action("mail", "bread", "email"), Action("text", "bread", "sms"))


def _rows() -> pl.DataFrame:
    """Two people, a letter by mail or text about bread."""
    return pl.DataFrame(
        {
            "customer_id": [4, 4, 9, 9],
            "offer_id": ["bread"] * 4,
            "template_id": ["mail", "text"] * 2,
            "channel": ["email", "sms"] * 2,
            "cost_amount": [0.01, 0.10] * 2,
            "score": [0.2, 0.2, 0.1, 0.1],
            "uncertainty": [0.05] * 4,
            "worth": [5.0, 5.0, -5.0, -5.0],
            "kept_rate": [0.5] * 4,
            "offers_per_person": [1] * 4,
        }
    )


def _known(exposure: float = 0.0) -> Knowledge:
    channels = np.tile([0.0, 0.0, np.inf], (2, len(CHANNELS), 1))
    channels[1, CHANNELS.index("sms"), 0] = exposure
    people = np.zeros((2, len(PERSON_FEATURES)))
    return Knowledge(people=people, channels=channels, offers=np.tile([0.0, 0.0, np.inf], (2, 1, 1)))


def test_declared_values_by_hand():
    valued = value_actions(_rows(), _known(math.log(1 + 4)), DECLARED, FATIGUE)
    losses = [0.03, 0.03, 0.03, 0.03 * (1 + 4)]
    gains = [1.0, 1.0, -0.5, -0.5]
    costs = [0.01, 0.10, 0.01, 0.10]
    values = [gain - cost - loss for gain, cost, loss in zip(gains, costs, losses, strict=True)]
    assert valued["value"].to_list() == pytest.approx(values)
    assert valued["promise"].to_list() == pytest.approx([value + 0.05 * 5 for value in values])


def _policy(method: ValueMethod) -> CampaignPolicy:
    treated = np.zeros((2, LOCAL_COUNT))
    treated[:, 0] = 0.3, 0.6
    # Who has an order some time ago answers more.
    treated[:, 1 + PERSON_FEATURES.index("tenure_log")] = 0.2
    covariance = np.zeros((2, LOCAL_COUNT, LOCAL_COUNT))
    covariance[:, 0, 0] = 0.04
    response = ResponseModel(
        layout=Layout(ACTIONS),
        scaling=Scaling(
            centres=np.zeros(len(PERSON_FEATURES)), scales=np.ones(len(PERSON_FEATURES)), half_life_days=14
        ),
        link=Link.IDENTITY,
        has_baseline=True,
        base=np.zeros(BASE_COUNT),
        treated=treated,
        covariance=covariance,
    )
    calibration = Calibration(
        effect=np.array([0.5, 0.7]), error=np.array([0.03, 0.04]), centre=np.array([0.3, 0.6]), slope=0.5,
        slope_error=0.0, common=0.6, spread=0.2,
    )  # fmt: skip
    learnt = Learnt(response=response, calibration=calibration, values=np.array([4.0, 6.0]), common_value=5.0)
    return CampaignPolicy(method=method, learnt=learnt)


def test_learnt_values_by_hand():
    known = _known()
    known.people[1, PERSON_FEATURES.index("tenure_log")] = 1.0
    free = FatigueSettings(unsubscribe_rate=0.0)
    personal = value_actions(_rows(), known, _policy(ValueMethod.PERSONAL), free)
    scores = [0.5, 0.7, 0.5 + 0.5 * 0.2, 0.7 + 0.5 * 0.2]
    assert personal["score"].to_list() == pytest.approx(scores)
    errors = [math.hypot(error, 0.5 * 0.2) for error in (0.03, 0.04)]
    assert personal["uncertainty"].to_list() == pytest.approx(errors * 2, abs=1e-9)
    assert personal["worth"].to_list() == pytest.approx([2.0, 3.0] * 2)
    assert personal["value"].to_list() == pytest.approx(
        [
            score * worth - cost
            for score, worth, cost in zip(scores, [2, 3] * 2, [0.01, 0.10] * 2, strict=True)
        ]
    )
    everyone = value_actions(_rows(), known, _policy(ValueMethod.EVERYONE), free)
    assert everyone["score"].to_list() == pytest.approx([0.5, 0.7] * 2)
    assert everyone["uncertainty"].to_list() == pytest.approx([0.03, 0.04] * 2)


def test_without_a_personal_policy_people_differ_as_declared():
    policy = _policy(ValueMethod.EVERYONE)
    shape = Shape(centre=np.array([0.1, 0.3]), slope=2.0, error=0.5)
    shaped = replace(policy, learnt=replace(policy.learnt, shape=shape))
    free = FatigueSettings(unsubscribe_rate=0.0)
    declared = _rows()["score"].to_list()
    valued = value_actions(_rows(), _known(), shaped, free)
    means, centres, errors = [0.5, 0.7] * 2, [0.1, 0.3] * 2, [0.03, 0.04] * 2
    expected = [mean + 2 * (one - centre) for mean, one, centre in zip(means, declared, centres, strict=True)]
    assert valued["score"].to_list() == pytest.approx(expected)
    doubt = [
        math.hypot(error, 0.5 * (one - centre))
        for error, one, centre in zip(errors, declared, centres, strict=True)
    ]
    assert valued["uncertainty"].to_list() == pytest.approx(doubt)
    again = CampaignPolicy.of_record(shaped.record())
    assert value_actions(_rows(), _known(), again, free).equals(valued)
    # An action that is new differs from what all have in common, around the mean of all.
    (new,) = shaped.effects(
        _known().take(np.array([0])), (Action("new", "new", "sms"),), np.array([[0.5]])
    ).uplift
    assert new == pytest.approx([0.6 + 2 * (0.5 - 0.2)])


def test_nobody_is_valued_without_rows():
    nobody = Knowledge(
        people=np.zeros((0, len(PERSON_FEATURES))),
        channels=np.zeros((0, len(CHANNELS), 3)),
        offers=np.zeros((0, 1, 3)),
    )
    for policy in (DECLARED, _policy(ValueMethod.PERSONAL)):
        assert value_actions(_rows().clear(), nobody, policy, FATIGUE).is_empty()


def test_places_of_rows():
    rows = _rows().filter((pl.col("customer_id") == 4) | (pl.col("channel") == "sms"))
    assert actions_of(rows) == ACTIONS
    pairs = pairs_of(rows, ACTIONS)
    assert (pairs.person.tolist(), pairs.action.tolist()) == ([0, 0, 1], [0, 1, 1])


def test_what_is_unknown_is_not_shut_out():
    rows = pl.DataFrame(
        {
            "customer_id": [1, 1, 1, 1],
            "offer_id": ["known", "known", "unknown", "poor"],
            "template_id": ["mail", "text", "mail", "mail"],
            "promise": [1.0, 0.2, 1.4, 0.5],
            "offers_per_person": [1] * 4,
        }
    )
    assert most_promising(rows)["offer_id"].to_list() == ["unknown"]
    two = most_promising(rows.with_columns(offers_per_person=2))
    assert two.select("offer_id", "template_id").rows() == [
        ("known", "mail"),
        ("known", "text"),
        ("unknown", "mail"),
    ]
