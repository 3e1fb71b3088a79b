"""Settings of the whole test run: deterministic property tests, and long tests first."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.emulators.fixtures"]

settings.register_profile(
    "onward", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("onward")


#: The night that is traced for coverage: tracing doubles its time, and the others run the same lines.
_TRACED_NIGHT = "test_a_night_reads_decides_proves_and_hands_over"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with whole nights first: workers take one after the other, and the last must be short."""
    modules = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in modules)
    for item in items:
        if item.path.parent.name == "end_to_end" and item.name != _TRACED_NIGHT:
            item.add_marker("no_cover")
