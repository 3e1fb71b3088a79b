"""Settings of the whole test run: deterministic property tests, and long tests first."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.emulators.fixtures"]

settings.register_profile(
    "onward", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("onward")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole nights first, half of them for each of two workers: both start with a contiguous half."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    rest = [item for item in items if not item.get_closest_marker("slow")]
    middle = len(rest) // 2
    items[:] = [*slow[::2], *rest[:middle], *slow[1::2], *rest[middle:]]
