"""`python -m services.api.seed FILE.json` writes the demo merchant and its keys. Idempotent."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import text

from services.api.secrets import digest
from shared.settings import Settings
from shared.storage.engine import build

MERCHANT = text(
    "INSERT INTO merchants (merchant_id, name, currency, answer_wait_s, derive_idempotency_key, allowed_origins)"
    " VALUES (:id, :name, :currency, :answer_wait_s, :derive_idempotency_key, cast(:allowed_origins AS jsonb))"
    " ON CONFLICT (merchant_id) DO UPDATE SET name = excluded.name, currency = excluded.currency, answer_wait_s = excluded.answer_wait_s,"
    " derive_idempotency_key = excluded.derive_idempotency_key, allowed_origins = excluded.allowed_origins"
)
# The demo's secret key is publishable too, so that an older page, which names it, can be tried as it stands.
KEY = text(
    "INSERT INTO api_keys (key_id, merchant_id, secret_sha256, publishable) VALUES (:key_id, :merchant_id, :secret_sha256, true)"
    " ON CONFLICT (key_id) DO UPDATE SET secret_sha256 = excluded.secret_sha256, publishable = true, revoked_at = NULL"
)


async def seed(merchant: dict[str, Any]) -> None:
    engine = build(Settings(), service="api")
    settings = {name: merchant[name] for name in ("id", "name", "currency", "answer_wait_s", "derive_idempotency_key")}
    keys = [(merchant["api_key"], digest(merchant["api_secret"])), (merchant["publishable_key"], None)]
    async with engine.begin() as connection:
        await connection.execute(MERCHANT, {**settings, "allowed_origins": json.dumps(merchant["allowed_origins"])})
        for key_id, sha256 in keys:
            await connection.execute(KEY, {"key_id": key_id, "merchant_id": merchant["id"], "secret_sha256": sha256})
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(seed(json.loads(Path(sys.argv[1]).read_text())["merchant"]))
