import numpy as np
import pytest

from pipelines.personalization.learning.arrays import ELSEWHERE, NO_SEND, Action, Knowledge
from pipelines.personalization.learning.design import (
    BASE_COUNT,
    CHANNELS,
    LOCAL_COUNT,
    PERSON_FEATURES,
    SEGMENTS,
    Layout,
    base_features,
    layout_of,
    scaling_of,
    segment_of,
)
from pipelines.personalization.learning.fitting import Link
from pipelines.personalization.learning.response import ResponseModel, Task, cross_fit
from tests.pipelines.personalization.learning.conftest import knowledge

ACTIONS = (Action("mail", "bread", "email"), Action("mail", "milk", "email"), Action("text", "milk", "sms"))


def _people(orders: list[int], active: list[float]) -> np.ndarray:
    people = np.zeros((len(orders), len(PERSON_FEATURES)))
    people[:, PERSON_FEATURES.index("order_count_log")] = np.log1p(orders)
    people[:, PERSON_FEATURES.index("active_probability")] = active
    return people


def test_segments_by_orders_and_activity():
    people = _people([0, 1, 1, 2, 40], [0.9, 0.4, 0.5, 0.49, 0.5])
    names = [SEGMENTS[number] for number in segment_of(people)]
    assert names == ["new", "once_lapsed", "once_active", "repeat_lapsed", "repeat_active"]


def test_a_feature_that_never_differs_has_no_scale_and_far_ones_are_clipped():
    known = knowledge(np.random.default_rng(1), 100, 2)
    known.people[:, 1] = 2.0
    known.people[0, 2] = 1e6
    base = base_features(known, scaling_of(known, 14))
    assert (base[:, 2] == 0).all()
    assert base[0, 3] == 4
    assert base.shape == (100, BASE_COUNT)


def test_layout_shares_coefficients_between_actions():
    layout = layout_of(ACTIONS[::-1])
    assert layout.actions == ACTIONS
    assert layout.offers == ("bread", "milk")
    levels = layout.levels
    assert levels["message"] == 1
    assert levels["offer milk × tenure_log"] == 100
    assert levels["channel sms × repeat_active"] == levels["channel sms × exposure"] == 10
    spread = layout.spread(ACTIONS[2])
    assert spread.shape == (len(levels), LOCAL_COUNT)
    named = {name for name, row in zip(levels, spread, strict=True) if row[0]}
    assert named == {"message", "template text", "offer milk", "channel sms"}
    penalty = layout.penalty(10.0)
    assert sorted(set(penalty[BASE_COUNT:])) == [1, 100, 1000]


def test_design_row_is_base_and_action_and_no_message_has_no_action():
    known = knowledge(np.random.default_rng(1), 3, 2)
    known.channels[0, CHANNELS.index("email")] = [1.0, 0.2, 7.0]
    known.offers[0, 1] = [0.5, -0.1, 14.0]
    layout = Layout(ACTIONS)
    base = base_features(known, scaling_of(known, 14))
    design = layout.design(known, base, np.array([1, NO_SEND, ELSEWHERE]), 14)
    named = dict(zip(layout.levels, design[0, BASE_COUNT:], strict=True))
    assert (named["message"], named["offer milk"], named["offer bread"]) == (1, 1, 0)
    assert named["exposure"] == named["channel email × exposure"] == 1.0
    assert (named["response"], named["taste"], named["offer_response"]) == (0.2, 0.5, -0.1)
    assert (named["offer_rest"], named["channel_rest"]) == pytest.approx((0.5, 0.5**0.5))
    assert design[0, :BASE_COUNT].tolist() == base[0].tolist()
    assert not design[1:, BASE_COUNT:].any()


def _task(count: int, seed: int, *, link: Link, has_baseline: bool, rest_effect: float = 0.0) -> Task:
    generator = np.random.default_rng(seed)
    known = knowledge(generator, count, 2)
    known.offers[:, :, 2] = np.where(
        generator.random((count, 2)) < 0.7, generator.integers(1, 40, (count, 2)), np.inf
    )
    chosen = generator.integers(-1, 3, count)
    offer = np.where(chosen == 0, 0, 1)
    freshness = 0.5 ** (known.offers[np.arange(count), offer, 2] / 3)
    chance = np.where(
        chosen >= 0, 0.3 + 0.2 * (known.people[:, 6] > 0) - rest_effect * freshness, 0.1 * has_baseline
    )
    outcome = (generator.random(count) < chance).astype(np.float64)
    if link is Link.IDENTITY:
        outcome *= 40.0
    return Task(
        known=known,
        chosen=chosen,
        outcome=outcome,
        weight=np.ones(count),
        link=link,
        has_baseline=has_baseline,
    )


@pytest.mark.parametrize("link", list(Link))
@pytest.mark.parametrize("has_baseline", [True, False])
def test_predictions_are_near_the_truth(link, has_baseline):
    task = _task(12_000, 4, link=link, has_baseline=has_baseline)
    folds = np.arange(12_000) % 3
    fitted = cross_fit(task, folds, ACTIONS)
    scale = 40 if link is Link.IDENTITY else 1
    truth = scale * (0.3 + 0.2 * (task.known.people[:, 6] > 0) - 0.1 * has_baseline)
    assert fitted.quiet.mean() == pytest.approx(scale * 0.1 * has_baseline, abs=0.02 * scale)
    for number in range(3):
        assert np.abs(fitted.uplift[:, number] - truth).mean() < 0.04 * scale
    errors = fitted.model.errors(task.known)
    assert errors.shape == (12_000, 3)
    assert 0 < errors.min() < errors.max() < 0.1 * scale


def test_half_life_of_repetition_is_found():
    task = _task(12_000, 4, link=Link.LOGIT, has_baseline=False, rest_effect=0.45)
    found = cross_fit(task, np.arange(12_000) % 3, ACTIONS).model.scaling.half_life_days
    assert found == 3
    amounts = _task(12_000, 4, link=Link.IDENTITY, has_baseline=False, rest_effect=0.45)
    assert cross_fit(amounts, np.arange(12_000) % 3, ACTIONS).model.scaling.half_life_days == 3


def test_half_life_is_the_prior_where_nothing_was_repeated():
    task = _task(3000, 4, link=Link.LOGIT, has_baseline=True)
    nothing = Knowledge(
        people=task.known.people,
        channels=task.known.channels,
        offers=np.tile([0.0, 0.0, np.inf], (3000, 2, 1)),
    )
    task = Task(
        known=nothing, chosen=task.chosen, outcome=task.outcome, weight=task.weight, link=task.link,
        has_baseline=True,
    )  # fmt: skip
    assert cross_fit(task, np.arange(3000) % 3, ACTIONS).model.scaling.half_life_days == 14


def test_model_is_the_same_after_it_was_kept():
    task = _task(3000, 4, link=Link.LOGIT, has_baseline=True)
    model = cross_fit(task, np.arange(3000) % 3, ACTIONS).model
    again = ResponseModel.of_record(model.record())
    assert again.record() == model.record()
    assert (again.predict(task.known)[1] == model.predict(task.known)[1]).all()


def test_predictions_out_of_fold_have_not_seen_the_row():
    task = _task(3000, 4, link=Link.LOGIT, has_baseline=True)
    folds = np.arange(3000) % 3
    before = cross_fit(task, folds, ACTIONS)
    outcome = task.outcome.copy()
    outcome[folds == 0] = 1 - outcome[folds == 0]
    changed = Task(
        known=task.known, chosen=task.chosen, outcome=outcome, weight=task.weight, link=task.link,
        has_baseline=True,
    )  # fmt: skip
    after = cross_fit(changed, folds, ACTIONS)
    own = np.abs(after.uplift - before.uplift)[folds == 0].max()
    others = np.abs(after.uplift - before.uplift)[folds != 0].max()
    assert own < 0.02
    assert others > 0.1
