"""Chance that can be had again: numbers that follow from a message's id, so that a decision replays to the same answer."""

import math
from hashlib import shake_128
from struct import unpack

UNIT = 2.0**-53
FIRST, NEXT = 4, 128  # most decisions need one number; a bandit of 20 gateways some 120


class Draw:
    """Uniform numbers from SHAKE-128 of the seed (any integer below 2^128), and what can be made of them."""

    __slots__ = ("blocks", "left", "seed", "spare")

    def __init__(self, seed: int) -> None:
        self.seed = seed.to_bytes(16, "big")
        self.blocks = 0
        self.left: list[float] = []
        self.spare: float | None = None

    def uniform(self) -> float:
        """The next number in [0, 1)."""
        if not self.left:
            number = NEXT if self.blocks else FIRST
            digest = shake_128(self.seed + bytes([self.blocks & 255, self.blocks >> 8])).digest(8 * number)
            self.blocks += 1
            self.left = [(word >> 11) * UNIT for word in unpack(f"<{number}Q", digest)]
        return self.left.pop()

    def normal(self) -> float:
        """Of mean 0 and variance 1, two at a time (Box and Muller, 1958)."""
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        radius, angle = math.sqrt(-2.0 * math.log(1.0 - self.uniform())), 2.0 * math.pi * self.uniform()
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def gamma(self, shape: float) -> float:
        """Of scale 1, for `shape` > 0 (Marsaglia and Tsang, 2000: at most 1.05 tries on average)."""
        if shape < 1.0:
            return self.gamma(shape + 1.0) * math.pow(1.0 - self.uniform(), 1.0 / shape)
        d = shape - 1.0 / 3.0
        c = 1.0 / math.sqrt(9.0 * d)
        while True:
            x = self.normal()
            t = 1.0 + c * x
            v = t * t * t
            if v > 0.0:
                u = 1.0 - self.uniform()
                if u < 1.0 - 0.0331 * x * x * x * x or math.log(u) < 0.5 * x * x + d * (1.0 - v + math.log(v)):
                    return d * v

    def beta(self, alpha: float, beta: float) -> float:
        """A share in [0, 1], for `alpha` and `beta` > 0."""
        a, b = self.gamma(alpha), self.gamma(beta)
        return a / (a + b) if a + b > 0.0 else 0.5
