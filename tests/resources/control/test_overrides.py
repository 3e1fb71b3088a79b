from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from pipelines.contracts.control_codes import OverrideKind
from resources.control.activities import ActivityLog
from resources.control.codes import Scope
from resources.control.overrides import Override, OverrideError, Overrides


@pytest.fixture
def overrides(engine, clock):
    return Overrides(engine, "w", now=clock)


@pytest.fixture
def force_out(clock):
    return Override(
        customer_id=7,
        kind=OverrideKind.FORCE_OUT,
        author="ana",
        reason="complained by phone",
        expires_at=clock.at + timedelta(days=1),
    )


def changed(override, **changes):
    return replace(override, **changes)


def test_override_is_in_force_from_now_until_its_expiry(overrides, force_out, clock):
    identifier = overrides.add(force_out)
    start, end = clock.at, force_out.expires_at
    instant = timedelta(microseconds=1)
    assert overrides.active(start) == {identifier: replace(force_out, starts_at=start)}
    assert overrides.active(end - instant) == {identifier: replace(force_out, starts_at=start)}
    assert overrides.active(start - instant) == {}
    assert overrides.active(end) == {}


def test_forced_action_keeps_what_is_forced(overrides, force_out, clock):
    forced = changed(
        force_out,
        kind=OverrideKind.FORCE_ACTION,
        scope=Scope.CAMPAIGN,
        value="spring",
        action={"offer_id": "coupon_7"},
    )
    identifier = overrides.add(forced)
    assert overrides.active(clock.at) == {identifier: replace(forced, starts_at=clock.at)}


def test_revoked_override_is_over_but_was_in_force(overrides, force_out, clock):
    identifier = overrides.add(force_out)
    before = clock.at
    clock.advance(hours=1)
    overrides.revoke(identifier, author="ben")
    assert overrides.active(clock.at) == {}
    assert overrides.active(before) == {identifier: replace(force_out, starts_at=before)}
    with pytest.raises(OverrideError, match="no override"):
        overrides.revoke(identifier, author="ben")


def test_override_of_another_workspace_cannot_be_revoked_or_seen(engine, overrides, force_out, clock):
    identifier = overrides.add(force_out)
    other = Overrides(engine, "other", now=clock)
    assert other.active(clock.at) == {}
    with pytest.raises(OverrideError):
        other.revoke(identifier, author="eve")
    with pytest.raises(OverrideError):
        overrides.revoke(uuid4(), author="ana")


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"author": " "}, "an author"),
        ({"reason": ""}, "a reason"),
        ({"scope": Scope.CHANNEL}, "a value, unless its scope is all"),
        ({"value": "sms"}, "a value, unless its scope is all"),
        ({"kind": OverrideKind.FORCE_ACTION}, "an action, if it forces one"),
        ({"action": {"offer_id": "x"}}, "an action, if it forces one"),
        ({"kind": OverrideKind.FORCE_ACTION, "action": {}}, "an action, if it forces one"),
        (
            {"kind": OverrideKind.FORCE_ACTION, "action": {"offer": "x"}},
            "an action of channel, offer_id, template_id",
        ),
        ({"author": "", "reason": ""}, "an author and a reason"),
    ],
)
def test_incomplete_override_is_refused(overrides, force_out, clock, changes, missing):
    with pytest.raises(OverrideError, match=f"an override needs {missing}$"):
        overrides.add(changed(force_out, **changes))
    assert overrides.active(clock.at) == {}


def test_override_without_a_future_is_refused(overrides, force_out, clock):
    with pytest.raises(OverrideError, match="an expiry in the future"):
        overrides.add(changed(force_out, expires_at=clock.at))


def test_adding_and_revoking_are_activities(engine, overrides, force_out):
    identifier = overrides.add(force_out)
    overrides.revoke(identifier, author="ben", reason="settled")
    revoked, added = [entry.activity for entry in ActivityLog(engine, "w").newest()]
    assert (added.activity_type, added.user_id) == ("override.added", "ana")
    assert added.details == {
        "override_id": str(identifier),
        "kind": "force_out",
        "scope": "all",
        "starts_at": "2025-03-01T12:00:00+00:00",
        "reason": "complained by phone",
    }
    assert (revoked.activity_type, revoked.user_id) == ("override.revoked", "ben")
    assert revoked.details == {"override_id": str(identifier), "reason": "settled"}


def test_the_past_is_only_changed_on_purpose(overrides, force_out, clock):
    """As a config that is applied from a past date: nights that are run again see it."""
    since = clock.at - timedelta(days=400)
    identifier = overrides.add(replace(force_out, starts_at=since))
    known = replace(force_out, starts_at=since)
    assert overrides.active(since - timedelta(microseconds=1)) == {}
    assert overrides.active(since) == {identifier: known}
    overrides.revoke(identifier, author="ben", since=since + timedelta(days=1))
    assert overrides.active(since) == {identifier: known}
    assert overrides.active(since + timedelta(days=1)) == {}
