"""Campaigns against meshes of their own, one after the other; properties are searched for from a fixed seed."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "paymesh", derandomize=True, database=None, deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("paymesh")

INSTANCE = "faults-tests"


@pytest.fixture(scope="session")
def instance() -> Iterator[str]:
    """The name of the instance that campaigns of tests play on. What this shell is set to changes none of their results: a mesh reads
    the environment whenever it starts a process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PAYMESH_") and not name.startswith("PAYMESH_TEST_")]:
            patch.delenv(name)
        yield INSTANCE
