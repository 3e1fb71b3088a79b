"""Settings of the whole test run: deterministic property tests, and long tests first."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "onward", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("onward")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole nights first, so that no worker is left alone with them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
