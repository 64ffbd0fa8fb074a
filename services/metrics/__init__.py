"""What every attempt teaches.

Hears    attempt.succeeded, attempt.failed, attempt.unknown, attempt.verified
Decides  how gateways do; one leader folds and broadcasts
Says     nothing through its outbox; broadcasts health.picture every second
Owns     outcomes, windows, leader
"""
