"""Tells merchants and operators, with signed webhooks, and keeps trying until they hear or the delivery is visibly parked.

Hears    payment.succeeded, payment.failed, payment.pending_verification, payment.requires_action, payment.requires_capture,
         payment.conflicted, payment.partially_refunded, payment.refunded, payment.cancelled, payment.expired, payment.reversed;
         capture.succeeded, capture.failed, refund.succeeded, refund.failed, void.failed;
         for operators circuit.opened, circuit.half_open, circuit.closed, reliability.success_rate_drop,
         experiment.guardrail_violation, reconciliation.discrepancy;
         endpoint.failing, endpoint.disabled
Decides  whom to tell, when to try again, when to stop
Says     endpoint.failing, endpoint.disabled; POSTs to merchants' and operators' endpoints
Owns     endpoints, deliveries, delivery_attempts, audit
"""
