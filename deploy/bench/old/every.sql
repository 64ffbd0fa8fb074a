INSERT INTO inbox (message_id, handled_at)
SELECT md5('i' || n || '-' || k)::uuid, now() - interval '3 days'
FROM generate_series($1::bigint, $2::bigint) AS n, generate_series(1, 2) AS k;
