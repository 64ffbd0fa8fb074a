"""A list may look through so much and no more: where few of very many rows match, its reader is told to narrow it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.storage.blame import TIMED_OUT, sqlstate_of

BUDGET_S = 2.0


class TooMuch(Exception):
    """A list for which too many rows would be read."""


@asynccontextmanager
async def budgeted(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose statements may take `BUDGET_S` each. Raises TooMuch where one takes longer."""
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"SET LOCAL statement_timeout = {BUDGET_S * 1000:.0f}"))
            yield connection
    except DBAPIError as error:
        if sqlstate_of(error) == TIMED_OUT:
            raise TooMuch from None
        raise
