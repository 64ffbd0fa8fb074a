"""The broadcast picture of how gateways do: transient, repeated at least every second, heard by every router."""

from datetime import datetime
from typing import Literal

from shared.contracts.base import Frozen

BreakerState = Literal["closed", "open", "half_open", "forced_open", "forced_closed"]


class GatewayHealth(Frozen):
    """`attributable`, `succeeded` and `latency_ms_p95` are over the last five minutes; `attributable` leaves out what is not the
    gateway's fault (user declines, fraud blocks). `bank` None speaks of all banks. `successes` and `failures` are the same outcomes
    decayed (weights, not counts), for estimates that follow a gateway faster than a window does. `timeouts` are those of them that did
    not answer in time, whatever was found out later; `late` the timeouts that were found to have succeeded, which are among `successes`.
    """

    gateway: str
    method: str
    bank: str | None = None
    attributable: int
    succeeded: int
    latency_ms_p95: int | None = None
    successes: float = 0.0
    failures: float = 0.0
    timeouts: float = 0.0
    late: float = 0.0


class BreakerHealth(Frozen):
    """One breaker that is not simply closed. `probe_share` of the payments that could use it may, while it is half open."""

    gateway: str
    method: str
    state: BreakerState
    epoch: int
    probe_share: float = 0.0
    until: datetime | None = None
    reason: str = ""


class ArmHealth(Frozen):
    """What a bandit has learnt of one gateway in one segment (`METHOD:bucket`): Beta(alpha, beta)."""

    segment: str
    gateway: str
    alpha: float
    beta: float


class HealthPicture(Frozen):
    """`epoch` grows with every new metrics leader; a router ignores a picture of an older one while there is a newer."""

    kind: Literal["health.picture.v1"] = "health.picture.v1"
    epoch: int
    as_of: datetime
    gateways: tuple[GatewayHealth, ...]
    breakers: tuple[BreakerHealth, ...] = ()
    arms: tuple[ArmHealth, ...] = ()
