"""What a campaign is to do, as data, and the plan of faults that follows from its seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from deploy.local.programs import SERVICES

Act = Literal["kill", "restart", "strike", "cut-off", "unbind", "steal"]

# Where a deployment waits minutes, a campaign waits seconds: every wait of the mesh, compressed, and printed with the result.
SETTINGS: Mapping[str, str] = {
    "PAYMESH_GATEWAY_TIMEOUT_MS": "800",
    "PAYMESH_LATENCY_BUDGET_MS": "20000",
    "PAYMESH_RESUME_AFTER_S": "8",
    "PAYMESH_RESUME_EVERY_S": "5",
    "PAYMESH_ATTEMPT_MARGIN_S": "2",
    "PAYMESH_VERIFICATION_LADDER_S": "[0.5, 1, 1, 2, 2, 3, 3, 5, 5, 5, 10, 10, 10, 10, 10]",
    "PAYMESH_NOT_FOUND_GRACE_S": "4",
    "PAYMESH_ROUTING_POLICY": "fixed",
    "PAYMESH_WEBHOOK_SCHEDULE_S": "[0, 1, 1, 2, 2, 3, 3, 5, 5, 5, 10, 10, 10]",
    "PAYMESH_OPERATION_DEADLINE_S": "6",
    "PAYMESH_OPERATION_PAUSES_S": "[0.5, 1]",
    "PAYMESH_REVERSAL_PAUSES_S": "[0.5, 1, 1, 2, 2, 3, 3, 5, 5]",
    "PAYMESH_LINK_TTL_S": "30",
    "PAYMESH_LOG_LEVEL": "warning",
    "PAYMESH_RATE_LIMIT_PER_MIN": "0",
    "PAYMESH_RATE_LIMIT_KEY_PER_MIN": "0",
}
# What gateways do to the orders of a campaign, as shares; the rest succeeds.
MISBEHAVIOUR: Mapping[str, float] = {
    "fail": 0.06, "decline": 0.03, "issuer-unavailable": 0.02, "error-500": 0.02, "charge-then-500": 0.03, "cut": 0.02,
    "cut-charged": 0.02, "garbage": 0.01, "hang": 0.01, "hang-charged": 0.01, "late": 0.02, "accept-late": 0.01, "rate-limit": 0.01,
    "wrong-amount": 0.01,
}  # fmt: skip
# The same for captures, refunds and voids.
MOVES: Mapping[str, float] = {
    "fail": 0.06, "decline": 0.03, "error-500": 0.02, "charge-then-500": 0.03, "cut": 0.02, "cut-charged": 0.02, "garbage": 0.01,
    "hang": 0.01, "hang-charged": 0.01, "late": 0.02, "accept-late": 0.01, "rate-limit": 0.01, "wrong-amount": 0.01, "pending": 0.02,
}  # fmt: skip
GATEWAY: Mapping[str, Any] = {"late_s": 1.5, "hang_s": 3.0, "magic_amounts": False, "latency_ms_p50": 15, "latency_ms_p95": 40}
# Gateways tell the edge of everything, twice, and not at once: before and after what is known by then.
CALL_BACKS: Mapping[str, Any] = {"webhook_copies": 2, "webhook_delay_s": 0.3}


@dataclass(frozen=True, slots=True)
class Fault:
    """`at_s` after the load began, `act` is done to `target`: a service, a server, a routing key or a queue."""

    at_s: float
    act: Act
    target: str


@dataclass(frozen=True, kw_only=True)
class Order:
    """When the `kills` and the `restarts` of servers come is drawn from the seed; `faults` come as given. Shares lie between 0 and 1.

    `misbehaviour` and `gateway` are the sandbox's settings for every account, `shop` the ones of the merchant's webhook endpoint.
    """

    seed: int = 1
    payments: int = 2_000
    rate_per_s: float = 50.0
    kills: int = 22
    restarts: tuple[str, ...] = ("rabbitmq", "postgres")
    duplicates: float = 0.2  # share of messages that are delivered a second time
    hang_ups: float = 0.05  # share of POSTs whose client goes away before the answer, and asks again under the same key
    follow_ups: float = 0.45  # share of payments whose merchant captures, voids or refunds afterwards
    links: float = 0.1  # share of payments that are paid at a gateway's page, or are not
    replays: float = 0.1  # share of gateways' webhooks that the edge gets once more, long after
    forgeries: float = 0.1  # share of gateways' webhooks that come with a forged one beside them
    reversals: bool = False  # may charges come late and be given back? Otherwise a second charge is one too many, given back or not
    drain_s: float = 75.0
    misbehaviour: Mapping[str, float] = field(default_factory=lambda: dict(MISBEHAVIOUR))
    moves: Mapping[str, float] = field(default_factory=lambda: dict(MOVES))
    gateway: Mapping[str, Any] = field(default_factory=lambda: dict(GATEWAY))
    call_backs: Mapping[str, Any] = field(default_factory=lambda: dict(CALL_BACKS))  # of gateways to the edge; empty: they send none
    shop: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @property
    def seconds(self) -> float:
        """How long the load lasts."""
        return self.payments / self.rate_per_s

    def draw(self, what: str) -> Random:
        """Every part of a campaign draws for itself, so that one more draw of one changes nothing for the others."""
        return Random(f"{self.seed} {what}")


def plan(order: Order) -> list[Fault]:
    """The same order, the same plan. With six kills or more every service is killed at least once; servers are restarted in the middle
    part, so that load meets them going and coming."""
    draw = order.draw("plan")
    targets = [*SERVICES, *(draw.choice(SERVICES) for _ in range(max(0, order.kills - len(SERVICES))))]
    faults = [Fault(draw.uniform(0.03, 0.97) * order.seconds, "kill", target) for target in targets[: max(order.kills, 0)]]
    faults += [Fault(draw.uniform(0.15, 0.85) * order.seconds, "restart", server) for server in order.restarts]
    return sorted([*faults, *order.faults], key=lambda fault: (fault.at_s, fault.act, fault.target))
