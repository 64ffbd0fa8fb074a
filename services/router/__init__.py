"""Which gateway, and which next when one fails.

Hears    payment.route, payment.resume; attempt.failed, attempt.expired, attempt.verified
Decides  candidates and their order; next try or give up
Says     attempt.execute, route.exhausted, attempt.doubted
Owns     gateways, routes, decisions
"""
