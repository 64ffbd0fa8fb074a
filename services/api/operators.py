"""Operators' keys as rows. A name stays for good, because the audit speaks of it; who was revoked may get another key."""

OPERATORS = "SELECT name, note, created_at, revoked_at FROM operator_keys ORDER BY revoked_at IS NOT NULL, name LIMIT 1000"
# No row comes back where somebody works under this name.
CREATE = (
    "INSERT INTO operator_keys (name, sha256, note) VALUES (:name, :sha256, :note) ON CONFLICT (name) DO UPDATE SET"
    " sha256 = excluded.sha256, note = excluded.note, created_at = now(), revoked_at = NULL WHERE operator_keys.revoked_at IS NOT NULL"
    " RETURNING name, note, created_at, revoked_at"
)
ONE = "SELECT name, note, created_at, revoked_at FROM operator_keys WHERE name = :name FOR UPDATE"
REVOKE = "UPDATE operator_keys SET revoked_at = now() WHERE name = :name RETURNING name, note, created_at, revoked_at"
