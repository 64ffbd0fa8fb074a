"""Alembic for one service's database: `python -m shared.storage.migrate SERVICE upgrade|check|revision [-m TEXT]`."""

import argparse
import asyncio
import os
import sys

from alembic import command, context
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

ONE_AT_A_TIME = 7_234_001  # advisory lock: replicas that migrate at the same start wait for each other
AGAIN_S = 0.2


def run(metadata: MetaData) -> None:
    """What a service's `migrations/env.py` calls."""
    asyncio.run(_run(metadata))


async def _run(metadata: MetaData) -> None:
    engine = create_async_engine(os.environ["PAYMESH_DATABASE_URL"], poolclass=pool.NullPool)

    def migrate(connection: Connection) -> None:
        context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True)
        with context.begin_transaction():
            context.run_migrations()

    async with engine.connect() as connection:
        # Asked for again and again: an index that is built CONCURRENTLY waits for every statement under way, also for one that waits here.
        while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ONE_AT_A_TIME}):
            await connection.rollback()
            await asyncio.sleep(AGAIN_S)
        await connection.commit()
        await connection.run_sync(migrate)
    await engine.dispose()


def config_of(service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", f"services/{service}/migrations")
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.storage.migrate", description=__doc__)
    parser.add_argument("service")
    parser.add_argument("action", choices=["upgrade", "check", "revision"])
    parser.add_argument("-m", "--message", default="change")
    parser.add_argument("--rev-id")
    given = parser.parse_args(arguments)
    config = config_of(given.service)
    try:
        match given.action:
            case "upgrade":
                command.upgrade(config, "head")
            case "check":
                command.check(config)
            case "revision":
                command.revision(config, message=given.message, rev_id=given.rev_id, autogenerate=True)
    except CommandError as error:
        sys.stderr.write(f"{given.service}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
