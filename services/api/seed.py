"""`python -m services.api.seed FILE.json` writes the demo merchant and its key. Idempotent."""

import asyncio
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import text

from shared.settings import Settings
from shared.storage.engine import build

MERCHANT = text(
    "INSERT INTO merchants (merchant_id, name, currency, answer_wait_s, derive_idempotency_key)"
    " VALUES (:id, :name, :currency, :answer_wait_s, :derive_idempotency_key) ON CONFLICT (merchant_id) DO UPDATE SET"
    " name = excluded.name, currency = excluded.currency, answer_wait_s = excluded.answer_wait_s,"
    " derive_idempotency_key = excluded.derive_idempotency_key"
)
KEY = text(
    "INSERT INTO api_keys (key_id, merchant_id, secret_sha256) VALUES (:key_id, :merchant_id, :secret_sha256)"
    " ON CONFLICT (key_id) DO UPDATE SET secret_sha256 = excluded.secret_sha256, revoked_at = NULL"
)


async def seed(merchant: dict[str, Any]) -> None:
    engine = build(Settings(), service="api")
    digest = hashlib.sha256(merchant["api_secret"].encode()).digest()
    settings = {name: merchant[name] for name in ("id", "name", "currency", "answer_wait_s", "derive_idempotency_key")}
    async with engine.begin() as connection:
        await connection.execute(MERCHANT, settings)
        await connection.execute(KEY, {"key_id": merchant["api_key"], "merchant_id": merchant["id"], "secret_sha256": digest})
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(seed(json.loads(Path(sys.argv[1]).read_text())["merchant"]))
