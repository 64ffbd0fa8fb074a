"""The picture that routers decide by, from what has been learnt."""

from datetime import UTC, datetime
from typing import Final

from services.metrics.domain.learner import Learner
from shared.contracts import ArmHealth, BreakerHealth, GatewayHealth, HealthPicture

BANK_SAMPLES_MIN: Final = 10  # attributable outcomes of five minutes, below which a bank's own figures are chance
LATENCIES_MIN: Final = 5  # below which a 95th percentile is one call's latency
WEIGHT_MIN: Final = 0.01  # an estimate below it is no longer told


def picture_of(learner: Learner, now: datetime, epoch: int) -> HealthPicture:
    learner.forget(now.timestamp())
    return HealthPicture(epoch=epoch, as_of=now, gateways=_gateways(learner, now), breakers=_breakers(learner), arms=_arms(learner, now))


def _gateways(learner: Learner, now: datetime) -> tuple[GatewayHealth, ...]:
    total, estimates, found = learner.rates.counts.totals[5], learner.estimates, []
    factor = estimates.factor(now.timestamp())
    silences = {key: (late, timeouts) for key, late, timeouts in learner.silences.all(now.timestamp())}
    for key, first in learner.rates.keys.items():
        gateway, method, bank = key
        attributable, succeeded = total[first], total[first + 1]
        if bank is not None and attributable < BANK_SAMPLES_MIN:
            continue
        kept = estimates.weights.get(key)
        successes, failures = (kept[0] * factor, kept[1] * factor) if kept else (0.0, 0.0)
        if attributable <= 0 and successes + failures < WEIGHT_MIN:
            continue
        late, timeouts = silences.get(key, (0.0, 0.0))
        latencies, latency_ms_p95 = learner.latencies.p95(key)
        found.append(
            GatewayHealth(
                gateway=gateway,
                method=method,
                bank=bank,
                attributable=attributable if attributable > 0 else 0,
                succeeded=succeeded if 0 < succeeded <= attributable else max(0, min(succeeded, attributable)),
                latency_ms_p95=latency_ms_p95 if latencies >= LATENCIES_MIN else None,
                successes=successes if successes > 0 else 0.0,
                failures=failures if failures > 0 else 0.0,
                timeouts=timeouts,
                late=min(late, timeouts),
            )
        )
    return tuple(found)


def _breakers(learner: Learner) -> tuple[BreakerHealth, ...]:
    """A closed one that has ever moved is told too: attempts carry its epoch, and an older one's would not count."""
    found = []
    for breaker in learner.breakers.values():
        if breaker.epoch == 0:
            continue
        share = 0.0
        if breaker.state == "half_open":
            share = breaker.share_let_through(learner.windows.attempts(1, breaker.method) / 60)
        found.append(
            BreakerHealth(
                gateway=breaker.gateway,
                method=breaker.method,
                state=breaker.state,
                epoch=breaker.epoch,
                probe_share=share,
                until=None if breaker.until_s is None else datetime.fromtimestamp(breaker.until_s, UTC),
                reason=breaker.reason,
            )
        )
    return tuple(found)


def _arms(learner: Learner, now: datetime) -> tuple[ArmHealth, ...]:
    """Beta(1, 1) is what is believed of a gateway of which nothing is known, and what everything fades to."""
    return tuple(
        ArmHealth(segment=segment, gateway=gateway, alpha=1 + successes, beta=1 + failures)
        for (segment, gateway), successes, failures in learner.arms.all(now.timestamp())
        if successes + failures >= WEIGHT_MIN
    )
