"""`python -m services.notifier.seed FILE.json` writes a merchant's webhook endpoint, and the operators'. Idempotent.

    {"merchant": {"id": …}, "endpoint": {"id", "url", "secret", "events"?}, "operators": {"id", "url", "secret", "events"?}}

Either may be missing, and the file may hold a list of such objects. `events` are the types it wants to hear, all where there are none.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from services.notifier import store
from services.notifier.secrets import Secrets
from services.notifier.wiring import NotifierSettings
from shared.contracts import OPERATORS
from shared.storage.engine import build


async def seed(*demos: Mapping[str, Any]) -> None:
    settings = NotifierSettings()
    secrets, engine = Secrets(settings.secrets_key), build(settings, service="notifier")
    try:
        for owner, endpoint in chain.from_iterable(map(_endpoints, demos)):
            await store.seed_endpoint(
                engine,
                endpoint_id=endpoint["id"],
                merchant_id=owner,
                url=endpoint["url"],
                secret_sealed=secrets.seal(endpoint["id"], endpoint["secret"]),
                events=endpoint.get("events"),
            )
    finally:
        await engine.dispose()


def _endpoints(demo: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """(owner, endpoint) of each in the file."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    if "endpoint" in demo:
        found.append((demo["merchant"]["id"], demo["endpoint"]))
    if "operators" in demo:
        found.append((OPERATORS, demo["operators"]))
    return found


if __name__ == "__main__":
    read = json.loads(Path(sys.argv[1]).read_text())
    asyncio.run(seed(*(read if isinstance(read, list) else [read])))
