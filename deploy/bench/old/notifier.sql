INSERT INTO deliveries (delivery_id, event_id, endpoint_id, merchant_id, payment_id, type, body, state, tries, created_at)
SELECT md5('d' || n)::uuid, md5('old' || n)::uuid, 'we_demo', 'm_001', md5('old' || n)::uuid, 'payment.succeeded',
       convert_to(repeat('b', 600), 'UTF8'), 'delivered', 1, now() - interval '20 days'
FROM generate_series($1::bigint, $2::bigint) AS n;

INSERT INTO delivery_attempts (delivery_id, number, at, status, latency_ms)
SELECT md5('d' || n)::uuid, 1, now() - interval '20 days', 204, 3
FROM generate_series($1::bigint, $2::bigint) AS n;
