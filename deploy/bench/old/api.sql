INSERT INTO payments (payment_id, merchant_id, status, sequence, amount_minor, currency, method, capture, gateway, order_id,
                      metadata, evidence, created_at, updated_at, authorized_minor, captured_minor)
SELECT md5('old' || n)::uuid, 'm_001', 'succeeded', 1, 1000, 'INR', 'UPI', 'automatic', 'alpha', 'old-' || n, '{}',
       jsonb_build_object('attempts', jsonb_build_object(md5('a' || n)::uuid::text, '{"number": 1, "gateway": "alpha"}'::jsonb)),
       now() - interval '30 days' - n * interval '10 seconds', now() - interval '30 days', 1000, 1000
FROM generate_series($1::bigint, $2::bigint) AS n;

INSERT INTO orders (order_id, merchant_id, reference, amount_minor, currency, metadata, created_at, expires_at)
SELECT md5('order' || n)::uuid, 'm_001', 'old-' || n, 1000, 'INR', '{}', now() - interval '30 days', now() - interval '30 days'
FROM generate_series($1::bigint, $2::bigint) AS n;

INSERT INTO operations (operation_id, payment_id, merchant_id, kind, origin, does, gateway, charge_id, method, amount_minor, currency,
                        closes, releases, status, number, evidence, created_at, updated_at)
SELECT md5('refund' || n)::uuid, md5('old' || n)::uuid, 'm_001', 'refund', 'merchant', 'refund', 'alpha', 'a', 'UPI', 100, 'INR',
       false, false, 'failed', 1, '{}', now() - interval '30 days', now() - interval '30 days'
FROM generate_series($1::bigint, $2::bigint) AS n;

INSERT INTO idempotency (claim, fingerprint, payment_id, created_at)
SELECT 'm_001' || chr(10) || 'payments.create' || chr(10) || 'old-' || n, repeat('f', 64), md5('old' || n)::uuid, now() - interval '20 days'
FROM generate_series($1::bigint, $2::bigint) AS n;

INSERT INTO timeline (id, payment_id, at, event, detail)
SELECT md5('t' || n || '-' || k)::uuid, md5('old' || n)::uuid, now() - interval '30 days', 'payment.created', '{"amount": 1000}'
FROM generate_series($1::bigint, $2::bigint) AS n, generate_series(1, 3) AS k;

INSERT INTO subscriptions (own_id, merchant_id, subscription_id, tokens, tokens_first, created_at, updated_at)
SELECT md5('subscription' || n)::uuid, 'm_001', 'old-' || n, 0, 100, now() - interval '30 days', now() - interval '30 days'
FROM generate_series($1::bigint, $2::bigint) AS n;

INSERT INTO token_grants (grant_id, own_id, tokens)
SELECT md5('grant' || n)::uuid, md5('subscription' || n)::uuid, 100 FROM generate_series($1::bigint, $2::bigint) AS n;
