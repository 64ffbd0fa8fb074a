"""What every attempt teaches.

Hears    attempt.succeeded, attempt.failed, attempt.unknown, attempt.verified
Decides  how gateways do, which breakers open and close, what experiments prove; one leader folds, judges and broadcasts
Says     circuit.opened, circuit.half_open, circuit.closed; reliability.success_rate_drop; experiment.guardrail_violation;
         broadcasts health.picture every second, and at once when a breaker moves
Owns     outcomes, minutes, latencies, breakers, estimates, arms, history, experiments, experiment_counts, experiment_latencies,
         silences, audit, leader, windows
"""
