"""The edge: HTTP in, the lifecycle of payments, HTTP out.

Hears    attempt.succeeded, attempt.failed, attempt.unknown, attempt.action_required, attempt.expired, attempt.verified; route.exhausted
Decides  accept or refuse; the payment's next state; what is overdue
Says     payment.route, payment.resume; payment.succeeded, payment.failed, payment.pending_verification, payment.requires_action,
         payment.requires_capture, payment.conflicted
Owns     merchants, api_keys, idempotency, payments, timeline
"""
