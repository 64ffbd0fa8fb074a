"""The edge: HTTP in, the lifecycle of payments and of what follows them, HTTP out.

Hears    attempt.succeeded, attempt.failed, attempt.unknown, attempt.action_required, attempt.expired, attempt.verified; route.exhausted
Decides  accept or refuse; the payment's next state; captures, refunds, voids and reversals; what is overdue; whose webhook it is
Says     payment.route, payment.resume, attempt.execute, attempt.doubted, gateway.event; payment.succeeded, payment.failed,
         payment.pending_verification, payment.requires_action, payment.requires_capture, payment.conflicted,
         payment.partially_refunded, payment.refunded, payment.cancelled, payment.expired, payment.reversed;
         capture.succeeded, capture.failed, refund.succeeded, refund.failed, void.failed
Owns     merchants, api_keys, operator_keys, audit, idempotency, orders, payments, subscriptions, token_grants, operations, timeline
"""
