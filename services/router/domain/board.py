"""Everything a decision goes by, compiled: for each kind of payment the candidates with their factors, scores and order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from services.router.domain import eligibility
from services.router.domain.candidate import Facts, Figures
from services.router.domain.experiments import covering
from services.router.domain.factors import AMOUNT_FIT_COLD, METHOD_AFFINITY_COLD, TIME_COLD, WEIGHTS, bank_affinity
from services.router.domain.policy import DEFAULT
from services.router.domain.row import Row
from services.router.domain.trust import trust_of
from shared.contracts import ArmHealth, BreakerHealth, GatewayHealth, HealthPicture, amount_bucket
from shared.contracts.questions import ExperimentView, FeeView, GatewayView, ScoringView

ROWS_MAX = 4096  # kinds of payment kept; banks that nobody has heard of share one
OTHER_BANK = "?"
SCORING = ScoringView(policy=DEFAULT, weights=dict(WEIGHTS))
FREE = FeeView()

Key = tuple[str, str, str | None, str]  # method, currency, bank, amount bucket


@dataclass(slots=True, eq=False)
class Board:
    """Good until `valid_until` (an hour, a maintenance window, a breaker's time), until configuration or picture change, and as long as
    the picture is trusted as far as when it was compiled. Rows are made when first asked for: with 20 gateways one costs 0.3 ms, a
    decision from it a few µs. `wholes` are estimates of a gateway over all methods, `longs` a bandit's of a method over all amounts."""

    gateways: Sequence[GatewayView]
    scoring: ScoringView
    experiments: Sequence[ExperimentView]
    bandits: frozenset[str]
    as_of: datetime | None
    hour: int
    now: datetime
    valid_until: datetime
    banks: frozenset[str]
    health: dict[tuple[str, str, str | None], GatewayHealth]
    breakers: dict[tuple[str, str], BreakerHealth]
    arms: dict[tuple[str, str], ArmHealth]
    wholes: dict[str, Figures]
    longs: dict[tuple[str, str], tuple[float, float]]
    trust: float = 1.0
    rows: dict[Key, Row] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        gateways: Sequence[GatewayView],
        picture: HealthPicture | None = None,
        *,
        now: datetime,
        scoring: ScoringView = SCORING,
        experiments: Sequence[ExperimentView] = (),
        bandits: Iterable[str] = (),
    ) -> Self:
        """`bandits` are the segments whose flag is on. Without a picture everything is cold and every breaker closed."""
        health = picture.gateways if picture else ()
        breakers = picture.breakers if picture else ()
        arms = picture.arms if picture else ()
        configured = {bank for one in gateways for bank in (one.bank, *one.bank_affinity) if bank}
        return cls(
            gateways=tuple(sorted(gateways, key=lambda one: one.name)),
            scoring=scoring,
            experiments=tuple(one for one in experiments if one.status == "running"),
            bandits=frozenset(bandits),
            as_of=picture.as_of if picture else None,
            hour=now.astimezone(UTC).hour,
            now=now,
            valid_until=until(now, eligibility.instants(gateways, breakers)),
            banks=frozenset(configured | {one.bank for one in health if one.bank}),
            health={(one.gateway, one.method, one.bank): one for one in health},
            breakers={(one.gateway, one.method): one for one in breakers},
            arms={(one.segment, one.gateway): one for one in arms},
            wholes=wholes_of(health),
            longs=longs_of(arms),
            trust=trust_of((now - picture.as_of).total_seconds() if picture else None),
        )

    def row(self, method: str, currency: str, bank: str | None, amount_minor: int) -> Row:
        """What is known of payments like this one."""
        known = bank if bank is None or bank in self.banks else OTHER_BANK
        key = (method, currency, known, amount_bucket(amount_minor))
        found = self.rows.get(key)
        if found is None:
            if len(self.rows) >= ROWS_MAX:
                self.rows.clear()
            found = self.rows[key] = self._compile(*key)
        return found

    def experiment(self, merchant_id: str | None, method: str) -> ExperimentView | None:
        return covering(self.experiments, merchant_id, method) if self.experiments else None

    def good(self, now: datetime) -> bool:
        """Whether compiling again would give the same, as far as time goes."""
        return now < self.valid_until and trust_of(self.age_s(now)) == self.trust

    def age_s(self, now: datetime) -> float | None:
        return (now - self.as_of).total_seconds() if self.as_of else None

    def _compile(self, method: str, currency: str, bank: str | None, bucket: str) -> Row:
        segment = f"{method}:{bucket}"
        facts = [self._facts(gateway, method, currency, bank, bucket, segment) for gateway in self.gateways]
        return Row.of(facts, policy=self.scoring.policy, weights=self.scoring.weights, segment=segment, bandit=segment in self.bandits)

    def _facts(self, gateway: GatewayView, method: str, currency: str, bank: str | None, bucket: str, segment: str) -> Facts:
        said = self.breakers.get((gateway.name, method))
        breaker = eligibility.standing(said, self.now)
        arm = self.arms.get((segment, gateway.name))
        fee = fee_of(gateway.fees, method)
        long_successes, long_failures = self.longs.get((gateway.name, method), (0.0, 0.0))
        return Facts(
            gateway=gateway.name,
            priority=gateway.priority,
            amount_minor_min=gateway.amount_minor_min,
            amount_minor_max=gateway.amount_minor_max,
            unfit=eligibility.unfit(gateway, method, currency, self.now),
            breaker=breaker.state if breaker else "closed",
            breaker_reason=breaker.reason if breaker else "",
            epoch=said.epoch if said else 0,
            probe_share=breaker.probe_share if breaker else 0.0,
            by_bank=figures(self.health.get((gateway.name, method, bank))) if bank else None,
            by_method=figures(self.health.get((gateway.name, method, None))),
            by_gateway=self.wholes.get(gateway.name),
            method_affinity=gateway.method_affinity.get(method, METHOD_AFFINITY_COLD),  # type: ignore[call-overload]
            bank_affinity=bank_affinity(bank, gateway.bank, gateway.bank_affinity),
            amount_fit=gateway.amount_fit.get(bucket, AMOUNT_FIT_COLD),
            time=gateway.time_factor.get(self.hour, TIME_COLD),
            fee_rate=fee.rate,
            fee_fixed_minor=fee.fixed_minor,
            alpha=arm.alpha if arm else 1.0,
            beta=arm.beta if arm else 1.0,
            long_successes=long_successes,
            long_failures=long_failures,
            trust=self.trust,
        )


def wholes_of(health: Iterable[GatewayHealth]) -> dict[str, Figures]:
    """Of each gateway what is known of it over all methods."""
    sums: dict[str, tuple[float, float, float, float]] = {}
    for one in health:
        if one.bank is None:
            a, b, c, d = sums.get(one.gateway, (0.0, 0.0, 0.0, 0.0))
            sums[one.gateway] = a + one.successes, b + one.failures, c + one.timeouts, d + one.late
    return {gateway: Figures(0, 0, None, *found) for gateway, found in sums.items()}


def longs_of(arms: Iterable[ArmHealth]) -> dict[tuple[str, str], tuple[float, float]]:
    """Successes and failures of (gateway, method), of all its segments together."""
    sums: dict[tuple[str, str], tuple[float, float]] = {}
    for one in arms:
        key = one.gateway, one.segment.partition(":")[0]
        successes, failures = sums.get(key, (0.0, 0.0))
        sums[key] = successes + max(0.0, one.alpha - 1.0), failures + max(0.0, one.beta - 1.0)
    return sums


def figures(health: GatewayHealth | None) -> Figures | None:
    if health is None:
        return None
    return Figures(
        health.attributable, health.succeeded, health.latency_ms_p95, health.successes, health.failures, health.timeouts, health.late
    )


def fee_of(fees: Sequence[FeeView], method: str) -> FeeView:
    """The method's own, else that of methods not named, else none."""
    for named in (method, None):
        for fee in fees:
            if fee.method == named:
                return fee
    return FREE


def until(now: datetime, instants: Iterable[datetime]) -> datetime:
    """The next of them, or the full hour that comes first."""
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return min([hour, *(one for one in instants if one > now)])
