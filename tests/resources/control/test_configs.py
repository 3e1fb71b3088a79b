import threading
from datetime import date

import pytest

from pipelines.contracts.control_codes import Automation
from resources.control.activities import ActivityLog
from resources.control.codes import ConfigOwner, ConfigStatus
from resources.control.configs import AppliedConfig, ConfigStateError, ConfigStore, UnknownConfigError

FIFTH, SEVENTH, TENTH, TWELFTH = (date(2025, 3, day) for day in (5, 7, 10, 12))
LONG_AGO = date(1990, 1, 1)
WELCOME = "journeys/welcome"
GUARDRAILS = "guardrails"


def journey(step):
    return (ConfigOwner.JOURNEYS, {"entry": {"segment": "new"}, "step": step})


def limits(maximum):
    return (ConfigOwner.WORKSPACE, {"maximum_plan_size": maximum})


@pytest.fixture
def store(engine, clock):
    return ConfigStore(engine, "w", now=clock)


@pytest.fixture
def apply(store):
    def apply(on=None, **settings):
        named = {WELCOME if name == "welcome" else name: value for name, value in settings.items()}
        return store.apply(named, author="ana", reason="test", effective_on=on)

    return apply


def step_of(store, night):
    return store.as_of(night)[WELCOME].settings["step"]


def test_first_version_is_in_force_since_ever(store, apply):
    applied = apply(welcome=journey(1), guardrails=limits(9), on=TENTH)

    assert applied == [AppliedConfig(GUARDRAILS, 1, "created"), AppliedConfig(WELCOME, 1, "created")]
    welcome = store.as_of(LONG_AGO)[WELCOME]
    assert (welcome.name, welcome.product, welcome.version) == (WELCOME, ConfigOwner.JOURNEYS, 1)
    assert welcome.settings == journey(1)[1]
    assert (welcome.status, welcome.automation) == (ConfigStatus.ACTIVE, Automation.AUTO)
    assert len(welcome.content_hash) == 64
    assert welcome.effective_on is None


def test_unchanged_settings_make_no_version(store, apply):
    apply(welcome=journey(1))
    reordered = (ConfigOwner.JOURNEYS, dict(reversed(journey(1)[1].items())))
    assert apply(welcome=reordered) == []
    assert [version.version for version in store.versions(WELCOME)] == [1]


def test_change_is_in_force_from_its_date_and_the_past_keeps_its_own(store, apply):
    apply(welcome=journey(1))
    assert apply(welcome=journey(2), on=TENTH) == [AppliedConfig(WELCOME, 2, "changed")]
    assert step_of(store, SEVENTH) == 1
    assert step_of(store, TENTH) == 2
    assert store.as_of(TENTH)[WELCOME].version == 2


def test_date_that_is_not_given_is_today(store, apply, clock):
    apply(welcome=journey(1))
    apply(welcome=journey(2))
    assert step_of(store, date(2025, 2, 28)) == 1
    assert step_of(store, clock.at.date()) == 2


def test_product_alone_is_a_change_too(store, apply):
    apply(welcome=journey(1))
    apply(welcome=(ConfigOwner.SEQUENCING, journey(1)[1]), on=TENTH)
    assert store.as_of(TENTH)[WELCOME].product is ConfigOwner.SEQUENCING


def test_old_content_from_an_earlier_date_wins_by_its_number(store, apply):
    apply(welcome=journey(1))
    apply(welcome=journey(2), on=TENTH)
    assert apply(welcome=journey(1), on=FIFTH) == [AppliedConfig(WELCOME, 3, "changed")]
    assert store.as_of(date(2025, 3, 4))[WELCOME].version == 1
    assert store.as_of(SEVENTH)[WELCOME].version == 3
    assert store.as_of(TWELFTH)[WELCOME].version == 3
    assert step_of(store, TWELFTH) == 1


def test_newest_content_from_an_earlier_date_is_a_version(store, apply):
    """The newest version says so already, but only from the tenth on."""
    apply(welcome=journey(1))
    apply(welcome=journey(2), on=TENTH)
    assert apply(welcome=journey(2), on=FIFTH) == [AppliedConfig(WELCOME, 3, "changed")]
    assert step_of(store, SEVENTH) == 2
    assert apply(welcome=journey(2), on=FIFTH) == []


def test_vanished_name_is_archived_from_the_date(store, apply):
    apply(welcome=journey(1), guardrails=limits(9))
    assert apply(guardrails=limits(9), on=TENTH) == [AppliedConfig(WELCOME, 2, "archived")]
    assert store.as_of(SEVENTH).keys() == {WELCOME, GUARDRAILS}
    assert store.as_of(TENTH).keys() == {GUARDRAILS}
    assert store.versions(WELCOME)[-1].status is ConfigStatus.ARCHIVED
    assert apply(guardrails=limits(9), on=TWELFTH) == []


def test_name_that_comes_back_is_restored(store, apply):
    apply(welcome=journey(1))
    apply(on=FIFTH)
    assert apply(welcome=journey(1), on=TENTH) == [AppliedConfig(WELCOME, 3, "restored")]
    assert store.as_of(SEVENTH) == {}
    assert store.as_of(TENTH)[WELCOME].status is ConfigStatus.ACTIVE
    # In force again only from the tenth; asking for it from the seventh is a change.
    assert apply(welcome=journey(1), on=SEVENTH) == [AppliedConfig(WELCOME, 4, "changed")]
    assert step_of(store, SEVENTH) == 1


def test_pause_and_resume_have_a_date(store, apply):
    apply(welcome=journey(1))
    store.pause(WELCOME, author="ben", reason="typo", effective_on=SEVENTH)
    store.resume(WELCOME, author="ben", reason="corrected", effective_on=TENTH)
    statuses = [store.as_of(night)[WELCOME].status for night in (FIFTH, SEVENTH, TENTH)]
    assert statuses == [ConfigStatus.ACTIVE, ConfigStatus.PAUSED, ConfigStatus.ACTIVE]


def test_date_of_a_pause_that_is_not_given_is_today(store, apply, clock):
    apply(welcome=journey(1))
    store.pause(WELCOME, author="ben", reason="typo")
    assert store.as_of(clock.at.date())[WELCOME].status is ConfigStatus.PAUSED
    assert store.as_of(LONG_AGO)[WELCOME].status is ConfigStatus.ACTIVE


def test_paused_config_stays_paused_when_it_changes(store, apply):
    apply(welcome=journey(1))
    store.pause(WELCOME, author="ben", reason="typo", effective_on=FIFTH)
    apply(welcome=journey(2), on=TENTH)
    assert store.as_of(TENTH)[WELCOME].status is ConfigStatus.PAUSED
    assert step_of(store, TENTH) == 2


def test_pausing_does_not_bring_a_later_version_forward(store, apply):
    apply(welcome=journey(1))
    apply(welcome=journey(2), on=TENTH)
    store.pause(WELCOME, author="ben", reason="typo", effective_on=FIFTH)
    store.resume(WELCOME, author="ben", reason="corrected", effective_on=SEVENTH)

    in_force = [
        (step_of(store, night), store.as_of(night)[WELCOME].status) for night in (FIFTH, SEVENTH, TENTH)
    ]
    assert in_force == [(1, ConfigStatus.PAUSED), (1, ConfigStatus.ACTIVE), (2, ConfigStatus.ACTIVE)]


def test_pausing_does_not_bring_an_archived_config_back(store, apply):
    apply(welcome=journey(1))
    apply(on=TENTH)
    store.pause(WELCOME, author="ben", reason="typo", effective_on=FIFTH)
    assert store.as_of(SEVENTH)[WELCOME].status is ConfigStatus.PAUSED
    assert store.as_of(TWELFTH) == {}


def test_pausing_twice_changes_nothing(store, apply):
    apply(welcome=journey(1))
    store.pause(WELCOME, author="ben", reason="typo", effective_on=FIFTH)
    store.pause(WELCOME, author="ben", reason="again", effective_on=FIFTH)
    assert [version.version for version in store.versions(WELCOME)] == [1, 2]


def test_stopped_config_cannot_be_resumed(store, apply):
    apply(welcome=journey(1))
    store.stop(WELCOME, author="ben", reason="over", effective_on=FIFTH)
    assert store.as_of(FIFTH)[WELCOME].status is ConfigStatus.STOPPED
    with pytest.raises(ConfigStateError, match=f"{WELCOME} is STOPPED, so it cannot be resumed"):
        store.resume(WELCOME, author="ben", reason="regret", effective_on=FIFTH)


def test_archived_config_cannot_be_paused(store, apply):
    apply(welcome=journey(1))
    apply(on=FIFTH)
    with pytest.raises(ConfigStateError, match="ARCHIVED"):
        store.pause(WELCOME, author="ben", reason="typo", effective_on=TENTH)


def test_unknown_config_is_an_error(store):
    with pytest.raises(UnknownConfigError, match="workspace w has no config journeys/none"):
        store.pause("journeys/none", author="ben", reason="typo")
    assert store.versions("journeys/none") == []


def test_unknown_product_is_refused_and_nothing_is_applied(store, apply):
    with pytest.raises(ValueError, match="not a valid ConfigOwner"):
        apply(guardrails=limits(9), welcome=("journeys", {}))
    assert store.as_of(TENTH) == {}


def test_workspaces_do_not_see_each_other(engine, store, apply):
    apply(welcome=journey(1))
    other = ConfigStore(engine, "other")
    assert other.as_of(TENTH) == {}
    other.apply({WELCOME: journey(5)}, author="eve", reason="test")
    assert step_of(store, TENTH) == 1


def test_every_change_is_an_activity_of_the_same_transaction(engine, store, apply):
    apply(welcome=journey(1))
    apply(welcome=journey(2), on=FIFTH)
    store.pause(WELCOME, author="ben", reason="typo", effective_on=TENTH)
    apply(on=TWELFTH)

    log = ActivityLog(engine, "w")
    recorded = [entry.activity for entry in reversed(log.newest())]
    assert [(activity.activity_type, activity.user_id) for activity in recorded] == [
        ("config.created", "ana"),
        ("config.changed", "ana"),
        ("config.paused", "ben"),
        ("config.archived", "ana"),
    ]
    version = store.versions(WELCOME)[2]
    assert recorded[2].details == {
        "name": WELCOME,
        "version": 3,
        "effective_on": "2025-03-10",
        "content_hash": version.content_hash,
        "automation": "auto",
        "reason": "typo",
    }
    assert {activity.config_id for activity in recorded} == {version.config_id}
    assert log.verify() is None


def test_concurrent_applies_make_one_version(engine, store, apply):
    apply(welcome=journey(1))
    changes = []

    def change():
        changes.extend(apply(welcome=journey(2), on=TENTH))

    threads = [threading.Thread(target=change) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert changes == [AppliedConfig(WELCOME, 2, "changed")]
    assert ActivityLog(engine, "w").verify() is None


def level_of(store, night):
    return store.as_of(night)[WELCOME].automation


def test_applying_sets_the_levels_that_are_given_and_keeps_the_others(store):
    named = {WELCOME: journey(1), GUARDRAILS: limits(9)}
    facts = {"author": "ana", "reason": "test"}
    store.apply(named, **facts, levels={WELCOME: Automation.APPROVAL})
    assert level_of(store, LONG_AGO) is Automation.APPROVAL
    assert store.as_of(LONG_AGO)[GUARDRAILS].automation is Automation.AUTO
    assert store.apply(named, **facts, levels={WELCOME: Automation.APPROVAL}, effective_on=FIFTH) == []
    assert store.apply(named, **facts, effective_on=FIFTH) == []
    applied = store.apply(named, **facts, levels={WELCOME: Automation.MANUAL}, effective_on=TENTH)
    assert applied == [AppliedConfig(WELCOME, 2, "changed")]
    assert (level_of(store, SEVENTH), level_of(store, TENTH)) == ("approval", "manual")
    store.apply({**named, WELCOME: journey(2)}, **facts, effective_on=TWELFTH)
    assert level_of(store, TWELFTH) is Automation.MANUAL


def test_a_level_that_is_set_by_hand_survives_applying_and_later_versions(engine, store, apply):
    apply(welcome=journey(1))
    apply(welcome=journey(2), on=TENTH)
    store.automate(WELCOME, Automation.MANUAL, author="ben", reason="look first", effective_on=FIFTH)
    assert [level_of(store, day) for day in (LONG_AGO, FIFTH, TENTH)] == ["auto", "manual", "manual"]
    assert (step_of(store, FIFTH), step_of(store, TENTH)) == (1, 2)
    apply(welcome=journey(3), on=TWELFTH)
    assert level_of(store, TWELFTH) is Automation.MANUAL
    activity = ActivityLog(engine, "w").newest(limit=2)[1].activity
    assert (activity.activity_type, activity.user_id) == ("config.automated", "ben")
    assert (activity.details["automation"], activity.details["reason"]) == ("manual", "look first")
    assert ActivityLog(engine, "w").verify() is None


def test_the_same_level_again_is_no_version(store, apply):
    apply(welcome=journey(1))
    store.automate(WELCOME, Automation.AUTO, author="ben", reason="x")
    assert [version.version for version in store.versions(WELCOME)] == [1]


def test_only_what_is_in_force_has_a_level_to_set(store, apply):
    with pytest.raises(UnknownConfigError):
        store.automate(WELCOME, Automation.MANUAL, author="ben", reason="x")
    apply(welcome=journey(1))
    apply(on=TENTH)
    with pytest.raises(ConfigStateError, match="ARCHIVED, so it cannot be automated"):
        store.automate(WELCOME, Automation.MANUAL, author="ben", reason="x", effective_on=TWELFTH)


def test_the_last_author_is_that_of_the_youngest_version_in_force(store, clock):
    assert store.last_author(LONG_AGO) is None
    store.apply({WELCOME: journey(1), GUARDRAILS: limits(1)}, author="ana", reason="x")
    clock.advance(hours=1)
    store.apply({WELCOME: journey(1), GUARDRAILS: limits(2)}, author="ben", reason="x", effective_on=TENTH)
    clock.advance(hours=1)
    store.pause(WELCOME, author="cleo", reason="x", effective_on=TWELFTH)
    authors = [store.last_author(day) for day in (SEVENTH, TENTH, TWELFTH)]
    assert authors == ["ana", "ben", "cleo"]
