import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from pipelines.contracts.settings.switches import KillSwitch
from resources.control.activities import ActivityLog
from resources.control.database import reading, writing
from resources.control.switches import KillSwitches, SwitchesUnreadableError, SwitchNotSetError
from resources.control.tables import KILL_SWITCHES

EVERYTHING = KillSwitch(scope="all", reason="wrong prices")
TEXTS = KillSwitch(scope="channel", value="sms", reason="provider is down")


@pytest.fixture
def switches(engine, clock):
    return KillSwitches(engine, "w", now=clock)


def test_nothing_is_off_at_first(switches):
    assert switches.active() == []


def test_what_is_set_is_active_until_it_is_cleared(switches):
    switches.set(TEXTS, author="ana")
    switches.set(EVERYTHING, author="ben")
    assert switches.active() == [EVERYTHING, TEXTS]
    switches.clear("all", author="ana", reason="prices are right")
    assert switches.active() == [TEXTS]
    switches.clear("channel", "sms", author="ana", reason="provider is up")
    assert switches.active() == []


def test_switch_survives_in_the_history_with_who_and_why(engine, switches, clock):
    switches.set(TEXTS, author="ana")
    clock.advance(hours=1)
    switches.clear("channel", "sms", author="ben", reason="provider is up")
    with reading(engine) as connection:
        row = connection.execute(sa.select(KILL_SWITCHES)).mappings().one()
    assert (row["author"], row["reason"], row["set_at"].hour) == ("ana", "provider is down", 12)
    assert (row["cleared_by"], row["cleared_reason"], row["cleared_at"].hour) == ("ben", "provider is up", 13)


def test_switch_that_is_set_twice_is_cleared_at_once(switches):
    switches.set(TEXTS, author="ana")
    switches.set(TEXTS.model_copy(update={"reason": "again"}), author="ben")
    assert switches.active() == [TEXTS]
    switches.clear("channel", "sms", author="ana", reason="provider is up")
    assert switches.active() == []


@pytest.mark.parametrize(("scope", "value"), [("all", None), ("channel", "email"), ("campaign", "sms")])
def test_only_what_is_set_can_be_cleared(switches, scope, value):
    switches.set(TEXTS, author="ana")
    with pytest.raises(SwitchNotSetError, match=f"no kill switch is set on {scope}"):
        switches.clear(scope, value, author="ana", reason="mistake")
    assert switches.active() == [TEXTS]


def test_workspaces_do_not_see_each_other(engine, switches):
    switches.set(EVERYTHING, author="ana")
    assert KillSwitches(engine, "other").active() == []
    with pytest.raises(SwitchNotSetError):
        KillSwitches(engine, "other").clear("all", author="eve", reason="mistake")


def test_setting_and_clearing_are_activities(engine, switches):
    switches.set(TEXTS, author="ana")
    switches.clear("channel", "sms", author="ben", reason="provider is up")
    cleared, was_set = [entry.activity for entry in ActivityLog(engine, "w").newest()]
    assert (was_set.activity_type, was_set.user_id) == ("kill_switch.set", "ana")
    assert was_set.details == {"scope": "channel", "value": "sms", "reason": "provider is down"}
    assert (cleared.activity_type, cleared.user_id) == ("kill_switch.cleared", "ben")


@pytest.mark.parametrize(("scope", "value"), [("all", "sms"), ("channel", None), ("everything", None)])
def test_switch_that_means_nothing_is_refused_by_the_database(engine, scope, value):
    with writing(engine) as connection, pytest.raises(IntegrityError), connection.begin_nested():
        connection.execute(
            sa.insert(KILL_SWITCHES).values(
                workspace_id="w", scope=scope, value=value, author="a", reason="r", set_at=sa.func.now()
            )
        )


def test_unreadable_switches_never_mean_off(engine, switches):
    with writing(engine) as connection:
        connection.execute(sa.text("ALTER TABLE kill_switches RENAME TO lost"))
    with pytest.raises(SwitchesUnreadableError, match="nothing is planned or sent"):
        switches.active()
    with writing(engine) as connection:
        connection.execute(sa.text("ALTER TABLE lost RENAME TO kill_switches"))
    assert switches.active() == []


def test_switch_that_this_release_does_not_know_never_means_off(switches, monkeypatch):
    switches.set(EVERYTHING, author="ana")
    monkeypatch.setattr("resources.control.switches.KillSwitch", _Narrower)
    with pytest.raises(SwitchesUnreadableError):
        switches.active()


class _Narrower(KillSwitch):
    """An earlier release, which had no reason to keep."""

    reason: None = None
