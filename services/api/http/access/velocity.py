"""The guard against card testing, in this replica's memory: behind n of them somebody may try n times as many cards."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import structlog

from services.api.domain.velocity import Count, Payer, Rule, counts_of, judge
from services.api.http.access.limits import subscriber
from services.api.http.layer import Code, Problem
from shared.clock import monotonic_s

REMEMBERED_MAX = 20_000  # subjects, up to a rule's limit of values each; beyond it those who tried longest ago are forgotten

log = structlog.get_logger()


class Velocity:
    """A rule whose limit is 0 counts nothing."""

    def __init__(
        self, rules: Iterable[Rule] = (), *, remembered_max: int = REMEMBERED_MAX, clock: Callable[[], float] = monotonic_s
    ) -> None:
        self.rules = {rule.kind: rule for rule in rules if rule.limit}
        self.remembered_max, self.clock = remembered_max, clock
        self.seen: dict[tuple[str, str], dict[str, float]] = {}  # who tried longest ago comes first

    @contextmanager
    def counted(self, payer: Payer | None) -> Iterator[None]:
        """Counts before the body runs, so that many at once are many; what was new in it is forgotten if the body raises. Raises
        Problem(VELOCITY_EXCEEDED)."""
        news = self._let_in(payer) if payer and self.rules else []
        try:
            yield
        except BaseException:
            for count in news:
                self.seen.get((count.kind, count.subject), {}).pop(count.value, None)
            raise

    def _let_in(self, payer: Payer) -> list[Count]:
        now_s, counts = self.clock(), [count for count in counts_of(payer) if count.kind in self.rules]
        for count in counts:
            rule = self.rules[count.kind]
            verdict = judge(self.seen.get((count.kind, count.subject), {}), count.value, now_s=now_s, rule=rule)
            if not verdict.admitted:
                log.warning("velocity_exceeded", rule=rule.kind, limit=rule.limit)
                wait_s = max(math.ceil(verdict.wait_s), 1)
                raise Problem(Code.VELOCITY_EXCEEDED, details={"rule": rule.kind}, headers={"Retry-After": str(wait_s)})
        return [count for count in counts if self._remember(count, now_s)]

    def _remember(self, count: Count, now_s: float) -> bool:
        """Whether it was new."""
        who, window_s = (count.kind, count.subject), self.rules[count.kind].window_s
        known = {value: at_s for value, at_s in self.seen.pop(who, {}).items() if now_s - at_s < window_s}
        is_new = count.value not in known
        self.seen[who] = {**known, count.value: now_s}
        if len(self.seen) > self.remembered_max:
            del self.seen[next(iter(self.seen))]
        return is_new


def payer_of(payment: str, card: str, *, caller: str, address: str | None, merchant_id: str, customer_id: str | None) -> Payer:
    """`card` is a fingerprint. IPv6 addresses count by their network, as they do for the rate limit."""
    customer = f"{merchant_id}\n{customer_id}" if customer_id else None
    return Payer(payment, card, subscriber(caller), subscriber(address) if address else None, customer)
