"""The payments of a world and the luck of each at each gateway, drawn before anybody decides: policies are compared on the same luck."""

import math
from dataclasses import dataclass
from random import Random
from typing import Literal

from deploy.simulate.truth import TIMEOUT_MS, Rates
from deploy.simulate.world import World

End = Literal["success", "gateway_fault", "user_decline", "unknown"]


@dataclass(frozen=True, slots=True)
class Fate:
    """What an attempt comes to. `truth` is what is found out later of an unknown one."""

    end: End
    latency_ms: int
    truth: End


@dataclass(frozen=True, slots=True)
class Payment:
    """`number` is 128 bits, as an id is. `declines` in [0, 1) is the payer's: a wrong PIN is wrong at every gateway. `lucks` are, for
    each gateway, two numbers in [0, 1) and one of a standard normal."""

    number: int
    at_s: float
    method: str
    bank: str | None
    amount_minor: int
    declines: float
    lucks: tuple[tuple[float, float, float], ...]

    def fate(self, gateway: int, rates: Rates, charged: float) -> Fate:
        """At gateway number `gateway` with these true rates. The better the rates, the better the fate: luck is the same."""
        luck, late, z = self.lucks[gateway]
        latency_ms = math.exp(rates.log_ms + rates.log_spread * z)
        left = 1.0 - rates.user_decline
        if self.declines < rates.user_decline:
            end: End = "user_decline"
        elif luck * left < rates.success:
            end = "success"
        elif luck * left < 1.0 - rates.user_decline - rates.timeout:
            end = "gateway_fault"
        else:
            return Fate("unknown", round(TIMEOUT_MS), "success" if late < charged else "gateway_fault")
        if latency_ms > TIMEOUT_MS:
            return Fate("unknown", round(TIMEOUT_MS), end)
        return Fate(end, max(1, round(latency_ms)), end)


def payments_of(world: World, seed: int) -> list[Payment]:
    """They come as a Poisson process. The same world (its name), seed and gateways, the same payments."""
    chance = Random(f"{world.name}:{seed}")
    methods, banks, amounts = list(world.methods), list(world.banks), list(world.amounts_minor)
    found: list[Payment] = []
    at_s = chance.expovariate(world.payments_per_s)
    while at_s < world.duration_s:
        found.append(
            Payment(
                number=chance.getrandbits(128),
                at_s=at_s,
                method=chance.choices(methods, list(world.methods.values()))[0],
                bank=chance.choices(banks, list(world.banks.values()))[0],
                amount_minor=chance.choices(amounts, list(world.amounts_minor.values()))[0],
                declines=chance.random(),
                lucks=tuple((chance.random(), chance.random(), chance.gauss(0.0, 1.0)) for _ in world.gateways),
            )
        )
        at_s += chance.expovariate(world.payments_per_s)
    return found
