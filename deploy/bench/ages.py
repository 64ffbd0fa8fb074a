"""A mesh that has been running for years: old, ended payments in every service's database, as many as asked for."""

from pathlib import Path

import asyncpg

from deploy.local.mesh import Mesh
from deploy.local.programs import SERVICES

CHUNK = 100_000  # payments in one transaction
STATEMENTS = Path(__file__).parent / "old"  # over $1 … $2, the numbers of a chunk's payments
TIMEOUT_S = 600.0


def statements_of(service: str) -> list[str]:
    """What makes this service's database old."""
    files = [STATEMENTS / f"{service}.sql", STATEMENTS / "every.sql"]
    return [one for file in files if file.exists() for one in file.read_text().split(";\n") if one.strip()]


async def grow_old(mesh: Mesh, payments: int) -> None:
    """Insert them and let the statistics know. A million takes some minutes and about 3 GB."""
    for service in SERVICES:
        connection = await asyncpg.connect(mesh.blueprint.database_url(service).replace("+asyncpg", ""))
        try:
            for first in range(1, payments + 1, CHUNK):
                async with connection.transaction():
                    for statement in statements_of(service):
                        await connection.execute(statement, first, min(first + CHUNK - 1, payments), timeout=TIMEOUT_S)
            await connection.execute("VACUUM (ANALYZE)", timeout=TIMEOUT_S)
        finally:
            await connection.close()
