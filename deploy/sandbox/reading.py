"""How a judge reads a journal over HTTP: by key or from an offset on, at once or as soon as there is something."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from deploy.sandbox.answers import PAGE_MAX, WAIT_S_MAX, Problem, number, whole
from deploy.sandbox.journal import Journal, Record

PAGES_MAX = 10  # that one look goes through in search of something wanted: 10,000 records take about 30 ms
Page = tuple[list[Record], int]


async def read(request: web.Request, journal: Journal, wanted: Callable[[Record], bool] = lambda record: True) -> dict[str, Any]:
    """`{items, next}`, from the parameters `after`, `limit`, `wait_s` and the one named like the journal's key.

    `next` is the offset to go on from; with a key, all of its records from `after` on are given. Raises Problem.
    """
    after, limit = whole(request, "after", 0), whole(request, "limit", PAGE_MAX, PAGE_MAX)
    wait_s, key = number(request, "wait_s", 0.0, WAIT_S_MAX), request.query.get(journal.key)
    items: list[Record] = []
    following = after

    def look() -> bool:
        nonlocal items, following
        if key is not None:
            items, following = [record for record in journal.find(key, after) if wanted(record)], journal.size
            return bool(items)
        items, following = _scan(journal, following, limit, wanted)
        return bool(items) or following < journal.size

    try:
        await journal.until(look, wait_s)
    except ValueError as error:
        raise Problem(400, "invalid_request", f"after: {error}") from error
    return {"items": items, "next": following}


def _scan(journal: Journal, after: int, limit: int, wanted: Callable[[Record], bool]) -> Page:
    for _ in range(PAGES_MAX):
        records, after = journal.read(after, limit)
        found = [record for record in records if wanted(record)]
        if found or not records:
            return found, after
    return [], after
