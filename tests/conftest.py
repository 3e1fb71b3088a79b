"""Settings of the whole test run: deterministic property tests, and long tests first."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.emulators.fixtures"]

settings.register_profile(
    "onward", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("onward")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with whole nights first: workers take one after the other, and the last must be short."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
