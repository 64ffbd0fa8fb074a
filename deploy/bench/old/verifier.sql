INSERT INTO verifications (attempt_id, payment_id, gateway, attempt, state, reason, lookups, not_found, opened_at, changed_at)
SELECT md5('a' || n)::uuid, md5('old' || n)::uuid, 'alpha', '{}', 'succeeded', 'the gateway says succeeded', 1, 0,
       now() - interval '30 days', now() - interval '30 days'
FROM generate_series($1::bigint, $2::bigint) AS n;
