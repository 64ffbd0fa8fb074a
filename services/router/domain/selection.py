"""Choose a gateway for one attempt. Same inputs, same decision; every decision carries its reason and its ranked losers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.contracts import Money

RATE_MIN = 0.5  # below this share of attributable successes a gateway goes behind those that do better
SAMPLES_MIN = 10  # fewer say nothing


@dataclass(frozen=True, slots=True)
class Gateway:
    """What is known of one account: configuration, which may change while running."""

    name: str
    methods: frozenset[str]
    currencies: frozenset[str]
    priority: int
    amount_minor_min: int
    amount_minor_max: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class Health:
    attributable: int
    succeeded: int

    @property
    def rate(self) -> float:
        return self.succeeded / self.attributable if self.attributable >= SAMPLES_MIN else 1.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What the payment asks of a gateway. `tried` are accounts that have had their chance."""

    amount: Money
    method: str
    preferred: str | None = None
    tried: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ranked:
    """One account's place: `rank` from 1, or None with the reason why it is no candidate."""

    gateway: str
    rank: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Route:
    gateway: str
    reason: str
    ranked: tuple[Ranked, ...]


@dataclass(frozen=True, slots=True)
class NoRoute:
    reason: str
    ranked: tuple[Ranked, ...]


def choose(wish: Wish, gateways: Sequence[Gateway], health: Mapping[str, Health], *, picture_age_s: float | None) -> Route | NoRoute:
    """The preferred account if it is eligible, then those that are doing well, then the rest; each by configured priority."""
    unfit = {gateway.name: why for gateway in gateways if (why := unfitness(gateway, wish))}
    fit = [gateway for gateway in gateways if gateway.name not in unfit]

    def order(gateway: Gateway) -> tuple[bool, bool, int, str]:
        rate = health.get(gateway.name, Health(0, 0)).rate
        return gateway.name != wish.preferred, rate < RATE_MIN, gateway.priority, gateway.name

    ordered = sorted(fit, key=order)
    places = [Ranked(gateway.name, rank, describe(gateway, health)) for rank, gateway in enumerate(ordered, 1)]
    losers = [Ranked(name, None, why) for name, why in sorted(unfit.items())]
    ranked = (*places, *losers)
    if not ordered:
        return NoRoute(
            f"no gateway of {len(gateways)} takes it: {'; '.join(f'{name}: {why}' for name, why in sorted(unfit.items()))}", ranked
        )
    return Route(
        ordered[0].name, f"{why_first(ordered[0], wish)} among {len(ordered)} of {len(gateways)}{staleness(picture_age_s)}", ranked
    )


def unfitness(gateway: Gateway, wish: Wish) -> str | None:
    if not gateway.enabled:
        return "disabled"
    if gateway.name in wish.tried:
        return "already tried"
    if wish.method not in gateway.methods:
        return f"does not take {wish.method}"
    if wish.amount.currency not in gateway.currencies:
        return f"does not take {wish.amount.currency}"
    if not gateway.amount_minor_min <= wish.amount.amount_minor <= gateway.amount_minor_max:
        return "amount outside its limits"
    return None


def describe(gateway: Gateway, health: Mapping[str, Health]) -> str:
    seen = health.get(gateway.name)
    if seen is None or seen.attributable < SAMPLES_MIN:
        return f"priority {gateway.priority}, too few samples to judge"
    return f"priority {gateway.priority}, {seen.rate:.3f} of {seen.attributable} succeeded"


def why_first(gateway: Gateway, wish: Wish) -> str:
    return "asked for" if gateway.name == wish.preferred else f"priority {gateway.priority}, first"


def staleness(picture_age_s: float | None) -> str:
    if picture_age_s is None:
        return "; no health picture yet"
    return f"; health picture {picture_age_s:.0f} s old" if picture_age_s > 10 else ""
