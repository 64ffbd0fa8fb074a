"""`python -m services.notifier.seed FILE.json` writes a merchant's webhook endpoint, and the operators'. Idempotent.

    {"merchant": {"id": …}, "endpoint": {"id", "url", "secret", "events"?}, "operators": {"id", "url", "secret", "events"?}}

Either may be missing. `events` are the types it wants to hear, all where there are none.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.notifier import store
from services.notifier.domain.owed import OPERATORS
from services.notifier.secrets import Secrets
from services.notifier.wiring import NotifierSettings
from shared.storage.engine import build


async def seed(demo: Mapping[str, Any]) -> None:
    settings = NotifierSettings()
    secrets, engine = Secrets(settings.secrets_key), build(settings, service="notifier")
    try:
        for owner, endpoint in _endpoints(demo):
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
    asyncio.run(seed(json.loads(Path(sys.argv[1]).read_text())))
