INSERT INTO attempts (attempt_id, payment_id, gateway, operation, state, token, attempt, outcome, started_at, concluded_at)
SELECT md5('a' || n)::uuid, md5('old' || n)::uuid, 'alpha', 'charge', 'succeeded', md5('old' || n)::uuid, '{}', '{}',
       now() - interval '30 days', now() - interval '30 days'
FROM generate_series($1::bigint, $2::bigint) AS n;
