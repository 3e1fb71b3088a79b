import base64
import hashlib
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from resources.control.activities import ActivityLog
from resources.control.api_keys import ApiKeys, UnknownKeyError
from resources.control.codes import Role
from resources.control.database import reading
from resources.control.tables import API_KEYS


@pytest.fixture
def keys(engine, clock):
    return ApiKeys(engine, "w", now=clock)


@pytest.fixture
def issued(keys):
    return keys.issue("dashboard", Role.VIEWER, author="ana")


def test_issued_key_is_verified(keys, issued):
    assert keys.verify(issued.text) == issued.key
    assert (issued.key.name, issued.key.role) == ("dashboard", Role.VIEWER)


def test_secret_has_256_bits_and_is_never_the_same(keys, issued):
    secret = issued.text.removeprefix(issued.key.prefix + ".")
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    assert keys.issue("dashboard", Role.VIEWER, author="ana").text != issued.text


def test_only_hash_and_prefix_are_kept(engine, issued):
    with reading(engine) as connection:
        row = connection.execute(sa.select(API_KEYS)).mappings().one()
    assert row["key_hash"] == hashlib.sha256(issued.text.encode()).hexdigest()
    assert row["prefix"] == issued.key.prefix
    secret = issued.text.removeprefix(issued.key.prefix + ".")
    assert secret not in str(dict(row))
    assert secret not in repr(issued)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda text: text[:-1],
        lambda text: text + "x",
        lambda text: text.rsplit(".", 1)[0] + "." + "A" * 43,
        lambda text: "onw_ffffffffffff." + text.rsplit(".", 1)[1],
        lambda text: text.rsplit(".", 1)[0],
        lambda _: "",
    ],
    ids=["shorter", "longer", "other secret", "other prefix", "prefix only", "empty"],
)
def test_wrong_key_is_refused(keys, issued, wrong):
    assert keys.verify(wrong(issued.text)) is None


def test_key_of_another_workspace_is_refused(engine, keys, issued):
    other = ApiKeys(engine, "other")
    assert other.verify(issued.text) is None
    with pytest.raises(UnknownKeyError):
        other.revoke(issued.key.id, author="eve")
    assert keys.verify(issued.text) == issued.key


def test_key_ends_with_its_time(keys, clock):
    issued = keys.issue("batch", Role.OPERATOR, author="ana", expires_at=clock.at + timedelta(hours=1))
    clock.advance(minutes=59)
    assert keys.verify(issued.text) == issued.key
    clock.advance(minutes=1)
    assert keys.verify(issued.text) is None


def test_revoked_key_is_refused(keys, issued):
    keys.revoke(issued.key.id, author="ben")
    assert keys.verify(issued.text) is None
    with pytest.raises(UnknownKeyError, match="to revoke"):
        keys.revoke(issued.key.id, author="ben")


def test_rotated_key_works_on_for_the_overlap(keys, issued, clock):
    rotated = keys.rotate(issued.key.id, author="ben", overlap=timedelta(hours=1))
    assert (rotated.key.name, rotated.key.role) == ("dashboard", Role.VIEWER)
    assert rotated.key.prefix != issued.key.prefix
    assert keys.verify(issued.text) is not None
    clock.advance(hours=1)
    assert keys.verify(issued.text) is None
    assert keys.verify(rotated.text) == rotated.key


def test_rotation_prolongs_nothing(keys, clock):
    end = clock.at + timedelta(minutes=10)
    issued = keys.issue("batch", Role.OPERATOR, author="ana", expires_at=end)
    rotated = keys.rotate(issued.key.id, author="ben", overlap=timedelta(hours=1))
    assert rotated.key.expires_at == end
    clock.advance(minutes=10)
    assert keys.verify(issued.text) is None
    with pytest.raises(UnknownKeyError, match="to rotate"):
        keys.rotate(issued.key.id, author="ben")


def test_unknown_key_cannot_be_rotated_or_revoked(keys):
    with pytest.raises(UnknownKeyError):
        keys.rotate(uuid4(), author="ana")
    with pytest.raises(UnknownKeyError):
        keys.revoke(uuid4(), author="ana")


def test_life_of_a_key_is_in_the_activities(engine, keys, issued):
    rotated = keys.rotate(issued.key.id, author="ben")
    keys.revoke(rotated.key.id, author="ana")
    recorded = [entry.activity for entry in reversed(ActivityLog(engine, "w").newest())]
    assert [(activity.activity_type, activity.user_id) for activity in recorded] == [
        ("api_key.issued", "ana"),
        ("api_key.rotated", "ben"),
        ("api_key.revoked", "ana"),
    ]
    assert issued.text not in str(recorded)
