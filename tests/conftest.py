"""Settings of the whole test run: deterministic property tests."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "onward", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("onward")
