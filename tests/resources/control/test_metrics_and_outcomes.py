from datetime import date
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from resources.control.codes import ConfigOwner
from resources.control.configs import ConfigStore
from resources.control.metrics import Metrics
from resources.control.outcomes import ConfigOutcome, Outcomes

FIRST, SECOND, THIRD = date(2025, 3, 1), date(2025, 3, 2), date(2025, 3, 3)


@pytest.fixture
def config_id(engine):
    store = ConfigStore(engine, "w")
    store.apply({"journeys/welcome": (ConfigOwner.JOURNEYS, {})}, author="ana", reason="test")
    return store.as_of(FIRST)["journeys/welcome"].config_id


@pytest.fixture
def metrics(engine):
    return Metrics(engine, "w")


def test_metrics_are_found_by_day(metrics, config_id):
    for day, sent in ((THIRD, 3), (FIRST, 1), (SECOND, 2)):
        metrics.publish(day, {config_id: {"sent": sent}})
    found = metrics.between(config_id, since=FIRST, until=THIRD)
    assert list(found.items()) == [(FIRST, {"sent": 1}), (SECOND, {"sent": 2})]


def test_metrics_of_a_day_are_replaced(metrics, config_id):
    metrics.publish(FIRST, {config_id: {"sent": 1}})
    metrics.publish(FIRST, {config_id: {"sent": 2}})
    metrics.publish(FIRST, {})
    assert metrics.between(config_id, since=FIRST, until=SECOND) == {FIRST: {"sent": 2}}


def test_metrics_of_another_workspace_are_neither_seen_nor_replaced(engine, metrics, config_id):
    metrics.publish(FIRST, {config_id: {"sent": 1}})
    other = Metrics(engine, "other")
    other.publish(FIRST, {config_id: {"sent": 999}})
    assert other.between(config_id, since=FIRST, until=SECOND) == {}
    assert metrics.between(config_id, since=FIRST, until=SECOND) == {FIRST: {"sent": 1}}


def test_metrics_of_an_unknown_config_are_refused(metrics):
    with pytest.raises(IntegrityError):
        metrics.publish(FIRST, {uuid4(): {"sent": 1}})


def test_outcomes_are_kept_in_order(engine, config_id, clock):
    outcomes = Outcomes(engine, "w", now=clock)
    first = ConfigOutcome({"orders": 10}, {"orders": 8}, 0.8, clock.at)
    outcomes.record(config_id, predicted={"orders": 10}, actual={"orders": 8}, accuracy=0.8)
    clock.advance(days=1)
    outcomes.record(config_id, predicted={}, actual={"orders": 3}, accuracy=None)
    assert outcomes.of(config_id) == [first, ConfigOutcome({}, {"orders": 3}, None, clock.at)]
    assert Outcomes(engine, "other").of(config_id) == []
