"""The only service that speaks to gateways.

Hears    attempt.execute and, on queues of their own, attempt.lookup, attempt.identify, gateway.compare; all per gateway account
Decides  what the gateway's answer means
Says     attempt.succeeded, attempt.failed, attempt.unknown, attempt.action_required, attempt.expired, attempt.observed,
         attempt.identified; gateway.compared
Owns     attempts, audit, error_classes
"""
