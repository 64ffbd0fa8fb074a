"""`./paymesh seed` against the mesh: everything comes out as it is meant to, and a second time nothing new is made."""

import asyncio

import pytest

from deploy.local.mesh import Mesh
from deploy.local.samples import SAMPLES, SUBSCRIPTIONS
from deploy.local.seeding import Made, Seeding
from tests.mesh.inside import Inside

pytestmark = pytest.mark.timeout(300)
NOT_HERE = {"netbanking", "wallet", "dollars"}  # which no gateway of this mesh takes


async def seeded(mesh: Mesh) -> dict[str, Made]:
    return {one.name: one for one in await asyncio.to_thread(lambda: list(Seeding(mesh.status()).run()))}


async def test_seeding_twice_makes_everything_once(mesh: Mesh, inside: Inside) -> None:
    first = await seeded(mesh)
    assert {name: one.state for name, one in first.items() if not one.as_meant} == dict.fromkeys(NOT_HERE, "failed")
    assert {sample.name for sample in SAMPLES} | {str(one["id"]) for one in SUBSCRIPTIONS} < set(first)
    counts = "(SELECT count(*) FROM payments), (SELECT count(*) FROM operations), (SELECT sum(tokens) FROM subscriptions)"
    before = await inside.fetch("api", f"SELECT {counts}")
    again = await seeded(mesh)
    assert [tuple(row) for row in await inside.fetch("api", f"SELECT {counts}")] == [tuple(row) for row in before]
    assert {name: (one.id, one.state) for name, one in again.items()} == {name: (one.id, one.state) for name, one in first.items()}
    assert not [one.name for one in again.values() if one.again is False]
