"""What really happened: unknown outcomes are asked about until they are known, and gateways' own words are weighed.

Hears    attempt.unknown, attempt.observed, attempt.doubted, attempt.expired, attempt.identified; gateway.event, gateway.compared
Decides  is it settled, when to ask again, what disagrees
Says     attempt.lookup, attempt.identify, attempt.verified; gateway.compare, reconciliation.discrepancy
Owns     verifications, gateway_events, reconciliation_schedule, reconciliation_runs, discrepancies, audit
"""
