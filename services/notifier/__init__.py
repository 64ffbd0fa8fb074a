"""Tells merchants, with signed webhooks, and keeps trying until they hear or the delivery is visibly parked.

Hears    payment.succeeded, payment.failed, payment.pending_verification, payment.requires_action, payment.requires_capture,
         payment.conflicted
Decides  whom to tell, when to try again, when to stop
Says     nothing through its outbox; POSTs to merchants' endpoints
Owns     endpoints, deliveries, delivery_attempts
"""
