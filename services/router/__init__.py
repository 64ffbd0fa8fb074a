"""Which gateway, and which next when one fails.

Hears    payment.route, payment.resume; attempt.failed, attempt.expired, attempt.verified; experiment.guardrail_violation; route.shadow
Decides  candidates and their order; next try or give up; which arm of an experiment; what another policy would have decided
Says     attempt.execute, route.exhausted, attempt.doubted, route.shadow; broadcasts routing.changed
Owns     gateways, retry_policies, scoring, experiments, bandits, shadow, shadow_decisions, audit, routes, decisions

Its operators' questions are answered in `answers/`.
"""
