"""Merchants and their keys as rows: what operators see of them, and the statements that change them."""

from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql import insert

from services.api.tables import api_keys, merchants

SHOWN = [merchants.c[name] for name in ("merchant_id", "name", "currency", "answer_wait_s", "derive_idempotency_key", "active")]
SHOWN += [merchants.c.allowed_origins, merchants.c.created_at]
MERCHANT = f"SELECT {', '.join(column.name for column in SHOWN)} FROM merchants"
ONE = f"{MERCHANT} WHERE merchant_id = :merchant_id"
LOCKED = f"{ONE} FOR NO KEY UPDATE"  # the payments that refer to it go on
PAGE = f"{MERCHANT} WHERE merchant_id > :after ORDER BY merchant_id LIMIT :limit"

KEY = (
    "SELECT key_id, merchant_id, CASE WHEN secret_sha256 IS NULL THEN 'publishable' ELSE 'secret' END AS kind, publishable, created_at,"
    " revoked_at, CASE WHEN previous_until > now() THEN previous_until END AS previous_until FROM api_keys"
)
ONE_KEY = f"{KEY} WHERE key_id = :key_id"
LOCKED_KEY = f"{ONE_KEY} FOR UPDATE"
KEYS = f"{KEY} WHERE merchant_id = :merchant_id ORDER BY revoked_at IS NOT NULL, created_at, key_id LIMIT 500"  # those that work first
WORKING = "SELECT count(*) AS working FROM api_keys WHERE merchant_id = :merchant_id AND revoked_at IS NULL"
# The digest before is kept only where it is to work on. All its expressions see the row as it was.
ROLL = (
    "UPDATE api_keys SET secret_sha256 = :sha256, previous_sha256 = CASE WHEN :overlap_s > 0 THEN secret_sha256 END,"
    " previous_until = CASE WHEN :overlap_s > 0 THEN now() + make_interval(secs => :overlap_s) END"
    " WHERE key_id = :key_id RETURNING key_id"
)
REVOKE = "UPDATE api_keys SET revoked_at = now(), previous_sha256 = NULL, previous_until = NULL WHERE key_id = :key_id RETURNING key_id"


def created(settings: dict[str, Any]) -> Executable:
    """No row comes back where the id is taken."""
    return insert(merchants).values(**settings).on_conflict_do_nothing().returning(*SHOWN)


def changed(merchant_id: str, settings: dict[str, Any]) -> Executable:
    return merchants.update().where(merchants.c.merchant_id == merchant_id).values(**settings).returning(*SHOWN)


def added(key_id: str, merchant_id: str, sha256: bytes | None) -> Executable:
    """A key without a secret is a publishable one."""
    row = {"key_id": key_id, "merchant_id": merchant_id, "secret_sha256": sha256, "publishable": sha256 is None}
    return api_keys.insert().values(**row).returning(api_keys.c.key_id)
