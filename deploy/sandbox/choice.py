"""Which behaviour an order meets: magic first, else the account's settings and a draw. Pure: the same order always meets the same."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist

from deploy.sandbox import magic
from deploy.sandbox.behaviour import BEHAVIOURS, SUCCEED, Behaviour
from deploy.sandbox.moves import MoveKind
from deploy.sandbox.order import Instrument
from deploy.sandbox.settings import Settings

_STEPS = 1_024
_NORMAL = tuple(NormalDist().inv_cdf((step + 0.5) / _STEPS) for step in range(_STEPS))  # inv_cdf itself takes 10 µs, a tenth of an order
_Z95 = NormalDist().inv_cdf(0.95)
LATENCY_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Draw:
    """Two independent numbers in [0, 1), the same ones for a reference in every run."""

    behaviour: float
    latency: float

    @classmethod
    def of(cls, seed: int, account: str, reference: str) -> "Draw":
        digest = blake2b(f"{seed}:{account}:{reference}".encode(), digest_size=16).digest()
        first, second = int.from_bytes(digest[:6], "big"), int.from_bytes(digest[6:12], "big")
        return cls(first / 2**48, second / 2**48)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an order met: how the account behaves and how many seconds it takes to answer."""

    behaviour: Behaviour
    wait_s: float


def choose(settings: Settings, account: str, instrument: Instrument, amount_minor: int, draw: float) -> Behaviour:
    """Magic VPA, magic card, magic amount, then the account's rates. Raises magic.UnknownMagic."""
    found = magic.by_vpa(instrument.vpa, account) or magic.by_card(instrument.number)
    if found is None and settings.magic_amounts:
        found = magic.by_amount(amount_minor)
    return found or _by_rates(settings.rates, draw)


def choose_move(settings: Settings, kind: MoveKind, amount_minor: int, draw: float) -> Behaviour:
    """For a capture, refund or void: magic amount, then the account's rates of its kind."""
    found = magic.by_amount(amount_minor) if settings.magic_amounts else None
    return found or _by_rates(settings.move_rates.get(kind, {}), draw)


def _by_rates(rates: Mapping[str, float], draw: float) -> Behaviour:
    ceiling = 0.0
    for name, rate in rates.items():
        ceiling += rate
        if draw < ceiling:
            return BEHAVIOURS[name]
    return SUCCEED


def wait_s(settings: Settings, behaviour: Behaviour, draw: float) -> float:
    """Seconds between the order and its answer."""
    if behaviour.waits == "slow":
        return settings.slow_s
    if behaviour.waits == "late":
        return settings.late_s
    p50, p95 = settings.latency_ms_p50, settings.latency_ms_p95
    if p50 is None or p95 is None:
        return settings.latency_ms / 1000
    sigma = math.log(p95 / p50) / _Z95
    return min(LATENCY_S_MAX, p50 / 1000 * math.exp(sigma * _NORMAL[int(draw * _STEPS)]))
