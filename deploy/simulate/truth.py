"""What a gateway truly does to payments of a kind at a time: shares of outcomes, before and after the timeout has cut the slow ones."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from statistics import NormalDist

from deploy.simulate.world import Gateway, World

TIMEOUT_MS = 2_500.0  # the executor's: what answers later has not answered
Z_95 = NormalDist().inv_cdf(0.95)
DRIFT_S = 5.0  # what drifts is taken anew this often


@dataclass(frozen=True, slots=True)
class Rates:
    """Before the timeout cuts: shares of a payment's outcomes, and the lognormal of the latency in ms."""

    success: float
    user_decline: float
    timeout: float
    log_ms: float
    log_spread: float

    @property
    def in_time(self) -> float:
        """Share of answers that come before the timeout."""
        if self.log_spread == 0.0:
            return 1.0 if math.exp(self.log_ms) <= TIMEOUT_MS else 0.0
        return NormalDist().cdf((math.log(TIMEOUT_MS) - self.log_ms) / self.log_spread)

    @property
    def succeeds(self) -> float:
        """Share of payments that a first attempt here brings through in time."""
        return self.success * self.in_time

    @property
    def fails_over(self) -> float:
        """Share that it fails in time and provably, so that another gateway may try."""
        return max(0.0, 1.0 - self.success - self.user_decline - self.timeout) * self.in_time

    @property
    def health(self) -> float:
        """Successes in time among what is not the payer's doing."""
        return self.succeeds / (1.0 - self.user_decline) if self.user_decline < 1.0 else 0.0


class Truth:
    """Rates of every gateway by time, method and bank; each looked up once a stretch in which nothing changes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.changes_s = world.changes_s
        self.drifts = [
            any(piece.end and piece.from_s < end and piece.to_s > begin for gateway in world.gateways for piece in gateway.pieces)
            for begin, end in zip(self.changes_s, self.changes_s[1:], strict=False)
        ]
        self.known: dict[tuple[float, str, str | None], tuple[Rates, ...]] = {}

    def stretch(self, at_s: float) -> float:
        """When the stretch began that `at_s` is in; all that is asked of it has one answer."""
        number = min(bisect_right(self.changes_s, at_s), len(self.changes_s) - 1) - 1
        begin = self.changes_s[number]
        return begin + (at_s - begin) // DRIFT_S * DRIFT_S if self.drifts[number] else begin

    def rates(self, at_s: float, method: str, bank: str | None) -> tuple[Rates, ...]:
        """Of each gateway of the world, in its order."""
        key = (self.stretch(at_s), method, bank)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = tuple(rates_of(gateway, *key) for gateway in self.world.gateways)
        return found


def rates_of(gateway: Gateway, at_s: float, method: str, bank: str | None) -> Rates:
    found = gateway.figures(at_s, method, bank)
    p50, p95 = found["latency_ms_p50"], found["latency_ms_p95"]
    return Rates(found["success"], found["user_decline"], found["timeout"], math.log(p50), math.log(p95 / p50) / Z_95)
