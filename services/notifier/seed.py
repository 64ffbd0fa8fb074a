"""`python -m services.notifier.seed FILE.json` gives the demo merchant its webhook endpoint. Idempotent."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from services.notifier import store
from services.notifier.secrets import Secrets
from services.notifier.wiring import NotifierSettings
from shared.storage.engine import build


async def seed(demo: dict[str, Any]) -> None:
    endpoint, settings = demo["endpoint"], NotifierSettings()
    engine = build(settings, service="notifier")
    sealed = Secrets(settings.secrets_key).seal(endpoint["id"], endpoint["secret"])
    await store.seed_endpoint(
        engine, endpoint_id=endpoint["id"], merchant_id=demo["merchant"]["id"], url=endpoint["url"], secret_sealed=sealed
    )
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(seed(json.loads(Path(sys.argv[1]).read_text())))
