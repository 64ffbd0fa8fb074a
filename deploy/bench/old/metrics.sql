INSERT INTO outcomes (attempt_id, phase, gateway, method, outcome_class, latency_ms, heard_at, folded_at)
SELECT md5('a' || n)::uuid, 0, 'alpha', 'UPI', 'success', 30, now() - interval '30 days', now() - interval '30 days'
FROM generate_series($1::bigint, $2::bigint) AS n;
