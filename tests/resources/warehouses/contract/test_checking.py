"""Connecting: one round trip that works, and credentials that are refused quickly, clearly and discreetly."""

import time

import pytest

from resources.warehouses.base import SourceError

#: Longer than any refusal of a credential may take.
PATIENCE_SECONDS = 10


def test_a_good_connection_says_what_it_is_connected_to(engine):
    assert engine.source.check().startswith(engine.kind)
    assert engine.source.capabilities.kind == engine.kind


def test_refused_credentials_are_told_quickly_and_without_the_secret(engine):
    for settings, code, secret in engine.refused():
        started = time.monotonic()
        with pytest.raises(SourceError) as refused:
            engine.connections(settings).open("main").check()
        assert time.monotonic() - started < PATIENCE_SECONDS
        (problem,) = refused.value.problems
        assert problem.code == code, problem
        assert problem.remedy
        assert not refused.value.is_transient
        assert secret not in repr(refused.value) + str(refused.value)
        assert refused.value.__suppress_context__


def test_two_connections_are_open_at_once(engine):
    with engine.connections().open("main") as first, engine.connections().open("main") as second:
        assert first.check() == second.check()


@pytest.mark.parametrize("capability", ["maximum_decimal_precision"])
def test_capabilities_are_those_of_the_contract(engine, capability):
    assert getattr(engine.source.capabilities, capability) >= 38
