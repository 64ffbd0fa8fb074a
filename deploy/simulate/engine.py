"""Plays one world: payments arrive, are decided, attempted and heard of, in the order of a virtual clock."""

from dataclasses import dataclass
from datetime import timedelta
from heapq import heappop, heappush
from typing import Literal

from deploy.simulate.luck import Payment
from deploy.simulate.seat import BEGIN, ROUND_S, Choice, Seat
from deploy.simulate.truth import Truth
from deploy.simulate.world import World
from services.router.domain.retry import Policy, TryNext, after_failure
from shared.contracts import OutcomeClass

RETRY = Policy()  # three attempts within ten seconds, and none after a timeout
FOUND_CHARGED_S = 2.0  # the verifier's first question finds a charge
FOUND_NOTHING_S = 300.0  # "not found" counts after 120 s and twice: at the ladder's rung of five minutes
Ended = Literal["success", "gateway_fault", "user_decline", "unknown", "nobody"]


@dataclass(slots=True)
class Trip:
    """How one payment went. `first` is the gateway it was sent to first, `late` a success that only the verifier found."""

    first: int | None = None
    attempts: int = 0
    ended: Ended = "nobody"
    late: bool = False


class Play:
    """`trips` stand in the order of the payments."""

    def __init__(self, world: World, truth: Truth, payments: list[Payment], seat: Seat) -> None:
        self.world, self.truth, self.payments, self.seat = world, truth, payments, seat
        self.trips = [Trip() for _ in payments]
        self.events: list[tuple[float, int, int, Choice, OutcomeClass, int | None, OutcomeClass | None]] = []
        self.order = 0
        self.tried: dict[int, tuple[int, ...]] = {}

    def run(self) -> list[Trip]:
        arrivals, events, next_round = 0, self.events, 0
        total = len(self.payments)
        while arrivals < total or events:
            arrives_s = self.payments[arrivals].at_s if arrivals < total else float("inf")
            happens_s = events[0][0] if events else float("inf")
            round_s = next_round * ROUND_S
            if round_s <= arrives_s and round_s <= happens_s:
                self.seat.round(round_s)
                next_round += 1
            elif arrives_s <= happens_s:
                self._attempt(arrivals, 1, arrives_s)
                arrivals += 1
            else:
                self._hear(*heappop(events))
            if arrivals == total and not self.tried:
                break  # what is found out later changes no payment
        return self.trips

    def _attempt(self, at: int, number: int, at_s: float) -> None:
        payment, trip = self.payments[at], self.trips[at]
        tried = self.tried.get(at, ())
        choice = self.seat.choose(payment, number, tried, at_s)
        if choice.gateway is None:
            self.tried.pop(at, None)
            return
        trip.attempts = number
        if number == 1:
            trip.first = choice.gateway
        self.tried[at] = (*tried, choice.gateway)
        gateway = self.world.gateways[choice.gateway]
        rates = self.truth.rates(at_s, payment.method, payment.bank)[choice.gateway]
        fate = payment.fate(choice.gateway, rates, gateway.timeout_charged)
        heard_s = at_s + fate.latency_ms / 1000
        self._later(heard_s, at, choice, fate.end, fate.latency_ms, None)
        if fate.end == "unknown":
            trip.late = fate.truth == "success"
            self._later(heard_s + (FOUND_CHARGED_S if trip.late else FOUND_NOTHING_S), at, choice, fate.truth, None, "unknown")

    def _later(self, at_s: float, at: int, choice: Choice, end: OutcomeClass, latency_ms: int | None, was: OutcomeClass | None) -> None:
        self.order += 1
        heappush(self.events, (at_s, self.order, at, choice, end, latency_ms, was))

    def _hear(
        self, at_s: float, order: int, at: int, choice: Choice, end: OutcomeClass, latency_ms: int | None, was: OutcomeClass | None
    ) -> None:
        payment, trip = self.payments[at], self.trips[at]
        if was is not None:  # counts in the minute that it corrects
            heard_s = at_s - (FOUND_CHARGED_S if end == "success" else FOUND_NOTHING_S)
            self.seat.hear(payment, choice, end, None, heard_s, was)
            return
        self.seat.hear(payment, choice, end, latency_ms, at_s)
        trip.ended = end  # type: ignore[assignment]
        if end == "gateway_fault":
            said = after_failure(
                number=trip.attempts,
                code="GATEWAY_FAULT",
                retryable=True,
                created_at=BEGIN + timedelta(seconds=payment.at_s),
                now=BEGIN + timedelta(seconds=at_s),
                policy=RETRY,
            )
            if isinstance(said, TryNext):
                self._attempt(at, said.number, at_s)
                return
        self.tried.pop(at, None)
