"""A table of payments as a large installation has it: one merchant with most of them, states and methods as they fall."""

from collections.abc import Iterator
from typing import Any

import asyncpg

CHUNK = 500_000
TIMEOUT_S = 900.0
MERCHANTS = 20
INDEXES = (
    "SELECT indexname AS name, indexdef AS definition FROM pg_indexes"
    " WHERE tablename = 'payments' AND indexname NOT IN (SELECT conname FROM pg_constraint)"
)
# Two years of them. m_1 has six in ten; of a thousand 900 succeeded, 80 failed, 18 were refunded; 1 is a wallet's. The newest 500 are
# under way.
FILL = """
INSERT INTO payments (payment_id, merchant_id, status, sequence, amount_minor, currency, method, capture, gateway, order_id, metadata,
                      evidence, created_at, updated_at, due_at)
SELECT ('0197f3a0' || lpad(to_hex(n), 8, '0') || md5(n::text))::char(32)::uuid,
       CASE WHEN h % 10 < 6 THEN 'm_1' ELSE 'm_' || (2 + h % 19) END,
       CASE WHEN n > $3 - 500 THEN 'processing' WHEN s < 900 THEN 'succeeded' WHEN s < 980 THEN 'failed' WHEN s < 998 THEN 'refunded'
            ELSE 'requires_capture' END,
       1, 100 + h % 100000, 'INR',
       CASE WHEN k < 700 THEN 'UPI' WHEN k < 950 THEN 'CARD' WHEN k < 999 THEN 'NETBANKING' ELSE 'WALLET' END, 'automatic',
       (ARRAY['alpha', 'beta', 'gamma'])[1 + h % 3], 'o' || n / 2, '{}', '{}',
       timestamptz '2024-11-21' + n * (interval '2 years' / $3), timestamptz '2024-11-21' + n * (interval '2 years' / $3),
       CASE WHEN n > $3 - 500 THEN now() + interval '1 hour' END
FROM (SELECT n, abs(hashint8(n)) AS h, abs(hashint8(n + 1)) % 1000 AS s, abs(hashint8(n + 2)) % 1000 AS k
      FROM generate_series($1::bigint, $2::bigint) AS n) AS drawn
"""


async def fill(connection: "asyncpg.Connection[Any]", rows: int) -> None:
    """Into an empty table. Its indexes are made afterwards: ten million rows take minutes, not an hour."""
    await connection.execute(
        "INSERT INTO merchants (merchant_id, name, currency) SELECT 'm_' || n, 'm', 'INR' FROM generate_series(1, $1) n", MERCHANTS
    )
    indexes = await connection.fetch(INDEXES)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    for first, last in chunks(rows):
        await connection.execute(FILL, first, last, rows, timeout=TIMEOUT_S)
    for index in indexes:
        await connection.execute(index["definition"], timeout=TIMEOUT_S)
    await connection.execute("VACUUM ANALYZE payments", timeout=TIMEOUT_S)


def chunks(rows: int) -> Iterator[tuple[int, int]]:
    for first in range(1, rows + 1, CHUNK):
        yield first, min(first + CHUNK - 1, rows)
