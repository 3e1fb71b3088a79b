"""The truth by hand, and frequencies of the draws against it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.world.people import create_people
from benchmarks.world.reacting import (
    Condition,
    Outcomes,
    Sends,
    SentWithoutConsentError,
    draw_outcomes,
    initial_condition,
    next_condition,
    require_consent,
)
from benchmarks.world.response import (
    create_actions,
    create_response,
    decayed,
    fatigue_effect,
    hour_effect,
    unsubscribe_rate,
)
from benchmarks.world.tally import Tally
from benchmarks.world.truth import Truth

TRUTH = replace(Truth(), person_count=400)
PEOPLE = create_people(TRUTH)
RESPONSE = create_response(TRUTH, PEOPLE)
EVERYONE = np.arange(TRUTH.person_count)
WITH_CONSENT = Condition(exposure=np.zeros(400), consents=np.ones((400, 3), np.bool_))


def sends_to(person: np.ndarray, action: int) -> Sends:
    return Sends(person=person, action=np.full(len(person), action), hour=PEOPLE.hour[person])


def many_days(condition: Condition, *, days: int) -> list[Outcomes]:
    return [
        draw_outcomes(RESPONSE, condition, sends_to(EVERYONE, day % TRUTH.action_count), day=day)
        for day in range(days)
    ]


def z_score(count: float, probabilities: np.ndarray) -> float:
    return float((count - probabilities.sum()) / np.sqrt((probabilities * (1 - probabilities)).sum()))


def test_clicks_are_as_frequent_as_the_hidden_rates_say() -> None:
    outcomes = many_days(WITH_CONSENT, days=90)
    rates = np.concatenate([one.click_rate for one in outcomes])
    clicks = np.concatenate([one.is_clicked for one in outcomes])
    assert abs(z_score(clicks.sum(), rates)) < 4
    for part in (rates < 0.03, (rates >= 0.03) & (rates < 0.1), rates >= 0.1):
        assert abs(z_score(clicks[part].sum(), rates[part])) < 4


def test_visits_orders_and_leaving_are_as_frequent_as_declared() -> None:
    tired = replace(WITH_CONSENT, exposure=np.full(400, 2.0))
    outcomes = many_days(tired, days=90)
    clicked = np.concatenate([one.is_clicked for one in outcomes])
    for name, rate in (("is_visited", TRUTH.visit_rate), ("is_converted", TRUTH.conversion_rate)):
        happened = np.concatenate([getattr(one, name) for one in outcomes])
        assert not happened[~clicked].any()
        assert abs(z_score(happened.sum(), np.full(clicked.sum(), rate))) < 4
    left = np.concatenate([one.is_unsubscribed for one in outcomes])
    assert abs(z_score(left.sum(), np.full(len(left), 0.002 * np.exp(0.6 * 2)))) < 4


def test_expected_values_are_the_means_of_what_happens() -> None:
    tally = Tally(RESPONSE)
    for day in range(360):
        sends = sends_to(EVERYONE, day % TRUTH.action_count)
        tally.add(sends, draw_outcomes(RESPONSE, WITH_CONSENT, sends, day=day))
    for measure in ("engagement", "net_value"):
        difference = tally.sums[measure] - tally.sums[f"expected_{measure}"]
        assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(400)


def test_a_mean_message_to_a_mean_person_is_clicked_at_the_base_rate() -> None:
    mean_person = replace(
        PEOPLE,
        taste=np.ones((400, 6)),
        preference=np.ones((400, 3)),
        readiness=np.ones(400),
        hour=np.full(400, 9),
    )
    response = create_response(TRUTH, mean_person)
    cheese_by_email = 2 * 3 + 0
    rate = response.click_rate(
        np.array([0]), np.array([cheese_by_email]), hour=np.array([9]), exposure=np.zeros(1)
    )
    assert rate.tolist() == [0.05]
    value = response.net_value(
        np.array([0]), np.array([cheese_by_email]), click_rate=rate, exposure=np.zeros(1)
    )
    # An order of one line of cheese, whose margin is 40 % less the discount of 10 %.
    margin = 0.05 * 0.25 * PEOPLE.line_amount[0] * (0.40 - 0.10)
    assert value.tolist() == pytest.approx([margin - 0.01 - 0.002 * 5.0])
    assert response.engagement(rate).tolist() == pytest.approx([0.05 * (1 + 0.8 + 0.25)])


def test_actions_are_every_category_on_every_channel() -> None:
    actions = create_actions(TRUTH)
    assert list(zip(actions.category[:4], actions.channel[:4], strict=True)) == [
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 0),
    ]
    assert len(actions.cost) == TRUTH.action_count == 18


def test_fatigue_lowers_response_and_raises_leaving_and_halves_in_its_half_life() -> None:
    exposure = np.array([0.0, 1.0, 2.0])
    assert fatigue_effect(TRUTH, exposure).tolist() == pytest.approx([1.0, np.exp(-0.3), np.exp(-0.6)])
    assert unsubscribe_rate(TRUTH, exposure).tolist() == pytest.approx(
        [0.002, 0.002 * np.exp(0.6), 0.002 * np.exp(1.2)]
    )
    assert decayed(TRUTH, exposure, 5.0).tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert unsubscribe_rate(TRUTH, np.array([100.0])).tolist() == [1.0]


def test_exposure_counts_messages_and_fades_by_the_day() -> None:
    sends = sends_to(np.array([3, 3, 7]), 0)
    outcomes = draw_outcomes(RESPONSE, WITH_CONSENT, sends, day=1)
    later = next_condition(RESPONSE, WITH_CONSENT, sends, outcomes)
    assert later.exposure[[3, 7, 8]].tolist() == pytest.approx([2 * 0.5**0.2, 0.5**0.2, 0.0])


def test_the_clock_has_no_edge_at_midnight() -> None:
    wanted, sent = np.array([23, 1, 12, 12]), np.array([1, 23, 12, 0])
    near, also_near, equal, opposite = hour_effect(TRUTH, wanted, sent)
    assert near == also_near
    assert equal == 1.0
    assert opposite == pytest.approx(TRUTH.hour_floor, abs=1e-4)
    assert near == pytest.approx(0.4 + 0.6 * np.exp(-0.5 * (2 / 2.5) ** 2))


def test_equal_messages_lead_to_the_same_whoever_else_gets_one() -> None:
    alone, crowd = sends_to(np.array([5, 9]), 4), sends_to(EVERYONE[::-1], 4)
    few = draw_outcomes(RESPONSE, WITH_CONSENT, alone, day=3)
    many = draw_outcomes(RESPONSE, WITH_CONSENT, crowd, day=3)
    places = [399 - 5, 399 - 9]
    for name in (
        "is_clicked",
        "is_converted",
        "is_unsubscribed",
        "click_delay",
        "conversion_delay",
        "amount",
    ):
        assert getattr(few, name).tolist() == getattr(many, name)[places].tolist()


def test_someone_rested_answers_whatever_someone_tired_answers() -> None:
    tired = replace(WITH_CONSENT, exposure=np.full(400, 3.0))
    rested_clicks = [one.is_clicked for one in many_days(WITH_CONSENT, days=40)]
    tired_clicks = [one.is_clicked for one in many_days(tired, days=40)]
    pairs = list(zip(rested_clicks, tired_clicks, strict=True))
    assert all((rested | ~weary).all() for rested, weary in pairs)
    assert sum(rested.sum() - weary.sum() for rested, weary in pairs) > 0


def test_other_days_and_actions_have_draws_of_their_own() -> None:
    days = [
        draw_outcomes(RESPONSE, WITH_CONSENT, sends_to(EVERYONE, 0), day=day).click_delay for day in (1, 2)
    ]
    other = draw_outcomes(RESPONSE, WITH_CONSENT, sends_to(EVERYONE, 1), day=1).click_delay
    for first, second in ((days[0], days[1]), (days[0], other)):
        assert abs(np.corrcoef(np.log(first), np.log(second))[0, 1]) < 4 / np.sqrt(400)


def test_delays_have_the_declared_quantiles() -> None:
    outcomes = many_days(WITH_CONSENT, days=50)
    clicks = np.concatenate([one.click_delay for one in outcomes])
    orders = np.concatenate([one.conversion_delay for one in outcomes])
    assert np.median(clicks) == pytest.approx(3.0, rel=0.03)
    # Of a lognormal with spread 1, 84.1 % lie below e times the median.
    assert (clicks < 3.0 * np.e).mean() == pytest.approx(0.8413, abs=0.01)
    # Of an exponential with a mean of two days, 1 - 1/e come within them, and half within ln 2 of them.
    assert (orders < 48).mean() == pytest.approx(1 - np.exp(-1), abs=0.01)
    assert np.median(orders) == pytest.approx(48 * np.log(2), rel=0.03)


def test_someone_who_leaves_a_channel_keeps_the_others_and_must_not_be_written_to_on_it() -> None:
    tired = replace(WITH_CONSENT, exposure=np.full(400, 8.0))
    sends = sends_to(EVERYONE, 1)
    outcomes = draw_outcomes(RESPONSE, tired, sends, day=1)
    later = next_condition(RESPONSE, tired, sends, outcomes)
    gone = np.flatnonzero(outcomes.is_unsubscribed)
    assert 0 < len(gone) < 400
    assert (~later.consents[:, 1]).nonzero()[0].tolist() == gone.tolist()
    assert later.consents[:, [0, 2]].all()
    require_consent(RESPONSE, later, sends_to(gone, 0))
    with pytest.raises(SentWithoutConsentError, match="1 messages"):
        require_consent(RESPONSE, later, sends_to(gone[:1], 1))


def test_newsletters_have_left_exposure_to_those_who_agreed_to_mail() -> None:
    condition = initial_condition(TRUTH, PEOPLE)
    ages = range(8, TRUTH.history_days + 1, 14)
    assert condition.exposure[PEOPLE.consents[:, 0]].tolist() == pytest.approx(
        [sum(0.5 ** (age / 5.0) for age in ages)] * int(PEOPLE.consents[:, 0].sum())
    )
    assert (condition.exposure[~PEOPLE.consents[:, 0]] == 0).all()


def test_traits_have_mean_one_and_the_declared_correlations() -> None:
    people = create_people(replace(Truth(), person_count=20_000))
    for trait in (people.taste, people.preference, people.readiness):
        assert trait.mean(axis=0) == pytest.approx(1.0, rel=0.05)
    logs = np.log(people.shares)
    visible = np.corrcoef((logs - logs.mean(axis=1, keepdims=True))[:, 0], np.log(people.taste[:, 0]))[0, 1]
    # Centring over 6 categories keeps sqrt(5/6) of what one category's own weight says.
    assert visible == pytest.approx(0.75 * np.sqrt(5 / 6), abs=0.02)
    assert people.consents.mean(axis=0) == pytest.approx([0.85, 0.5, 0.4], abs=0.02)
    assert people.order_rate.mean() == pytest.approx(0.12, rel=0.03)
