INSERT INTO routes (payment_id, merchant_id, request, attempts)
SELECT md5('old' || n)::uuid, 'm_001', '{"method": "UPI", "capture": "automatic"}', '[]'
FROM generate_series($1::bigint, $2::bigint) AS n;

INSERT INTO decisions (payment_id, number, gateway, reason, ranked)
SELECT md5('old' || n)::uuid, 1, 'alpha', 'priority 1, first', '[]'
FROM generate_series($1::bigint, $2::bigint) AS n;
