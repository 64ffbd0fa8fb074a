INSERT INTO verifications (attempt_id, payment_id, gateway, attempt, state, reason, lookups, not_found, opened_at, changed_at)
SELECT md5('a' || n)::uuid, md5('old' || n)::uuid, 'alpha', '{}', 'succeeded', 'the gateway says succeeded', 1, 0,
       now() - interval '30 days', now() - interval '30 days'
FROM generate_series($1::bigint, $2::bigint) AS n;

INSERT INTO gateway_events (evidence_id, gateway, event_id, event_type, body_sha256, finding, state, reason, received_at, settled_at)
SELECT md5('e' || n)::uuid, 'alpha', 'evt_' || n, 'charge.succeeded', md5('e' || n), 'succeeded', 'settled', 'nothing new',
       now() - interval '30 days', now() - interval '30 days'
FROM generate_series($1::bigint, $2::bigint) AS n;
INSERT INTO reconciliation_runs (run_id, gateway, since, until, covered_until, slice_s, state, reason, asked_by, again, started_at, finished_at)
SELECT md5('r' || n)::uuid, 'alpha', now() - interval '31 days', now() - interval '30 days', now() - interval '30 days', 300, 'finished',
       'compared', 'schedule', '[]', now() - interval '30 days', now() - interval '30 days'
FROM generate_series($1::bigint, $2::bigint) AS n;
INSERT INTO discrepancies (discrepancy_id, gateway, comparison, reference, state, reason, difference, run_id, found_at, seen_at, resolved_at)
SELECT md5('d' || n)::uuid, 'alpha', 'missing', 'ref_' || n, 'resolved', 'missing', '{}', md5('r' || n)::uuid,
       now() - interval '30 days', now() - interval '30 days', now() - interval '30 days'
FROM generate_series($1::bigint, $2::bigint) AS n;
