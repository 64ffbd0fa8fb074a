"""Campaigns against meshes of their own; properties are searched for from a fixed seed."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "paymesh", derandomize=True, database=None, deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("paymesh")
