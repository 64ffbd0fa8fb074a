"""A world: payments that come, and gateways whose true rates change over time. docs/simulation.md has the format of its file."""

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULTS: Mapping[str, float] = {"success": 0.92, "user_decline": 0.05, "timeout": 0.01, "latency_ms_p50": 300.0, "latency_ms_p95": 900.0}
FIGURES = tuple(DEFAULTS)
CHARGED = 0.5  # of the timeouts without an answer; that of a slow success has always charged


@dataclass(frozen=True, slots=True)
class Piece:
    """From `from_s` until `to_s`, for the method and bank that it names (None: for all), the gateway has these `figures`.

    `end` are figures that change linearly until they have this value at `to_s`.
    """

    from_s: float
    to_s: float
    method: str | None
    bank: str | None
    figures: Mapping[str, float]
    end: Mapping[str, float]

    def at(self, figure: str, at_s: float) -> float:
        begin = self.figures[figure]
        if figure not in self.end:
            return begin
        return begin + (self.end[figure] - begin) * (at_s - self.from_s) / (self.to_s - self.from_s)

    def covers(self, at_s: float, method: str, bank: str | None) -> bool:
        return self.from_s <= at_s < self.to_s and self.method in (None, method) and self.bank in (None, bank)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The later of its pieces win, figure by figure; what none of them says is `DEFAULTS`."""

    name: str
    fee_rate: float
    fee_fixed_minor: int
    timeout_charged: float
    pieces: tuple[Piece, ...]

    def figures(self, at_s: float, method: str, bank: str | None) -> dict[str, float]:
        found = dict(DEFAULTS)
        for piece in self.pieces:
            if piece.covers(at_s, method, bank):
                found.update({figure: piece.at(figure, at_s) for figure in piece.figures})
        return found


@dataclass(frozen=True, slots=True)
class World:
    """`methods`, `banks` and `amounts_minor` are weights. `gateways` stand in the order that a fixed order tries them in."""

    name: str
    about: str
    duration_s: float
    payments_per_s: float
    methods: Mapping[str, float]
    banks: Mapping[str | None, float]
    amounts_minor: Mapping[int, float]
    gateways: tuple[Gateway, ...]

    @property
    def kinds(self) -> list[tuple[str, str | None]]:
        return [(method, bank) for method in self.methods for bank in self.banks]

    @property
    def changes_s(self) -> list[float]:
        """When a figure of any gateway jumps or begins or ends to drift, from 0 to the end."""
        ends = {one for gateway in self.gateways for piece in gateway.pieces for one in (piece.from_s, piece.to_s)}
        return sorted({0.0, self.duration_s} | {one for one in ends if 0 < one < self.duration_s})
