"""Every policy on the same worlds and the same luck, and what became of it."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from statistics import fmean, stdev
from typing import Literal

from deploy.simulate.engine import Play, Trip
from deploy.simulate.incident import Incident, Reaction, incidents_of, reaction
from deploy.simulate.luck import Payment, payments_of
from deploy.simulate.seat import Oracle, Router, Seat
from deploy.simulate.truth import Truth
from deploy.simulate.world import World

DEFAULT, SEEDS, FIXED, ORACLE = "adaptive", "score", "fixed", "oracle"
MINUTE_S = 60.0
SEEDS_ENOUGH = 5  # from which on their differences have an error worth the name

POLICIES: Mapping[str, Callable[[World, Truth], Seat]] = {
    FIXED: lambda world, truth: Router(world, "fixed", learns=False),
    SEEDS: lambda world, truth: Router(world, "score", breakers=False),
    "score_breaker": lambda world, truth: Router(world, "score"),
    "bandit": lambda world, truth: Router(world, "bandit"),
    DEFAULT: lambda world, truth: Router(world, DEFAULT),
    ORACLE: Oracle,
}


@dataclass(slots=True)
class Run:
    """One policy in one world, over one or more seeds. `came_through` holds a byte for each payment, 1 for success, `by_seed` payments and
    successes of each seed, `firsts` payments by minute and the gateway they were sent to first, of the first seed."""

    payments: int = 0
    succeeded: int = 0
    late: int = 0
    attempts: int = 0
    came_through: bytes = b""
    by_seed: list[tuple[int, int]] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    firsts: list[list[int]] = field(default_factory=list)

    def add(self, other: "Run") -> None:
        self.payments += other.payments
        self.succeeded += other.succeeded
        self.late += other.late
        self.attempts += other.attempts
        self.came_through += other.came_through
        self.by_seed += other.by_seed
        self.reactions += other.reactions
        self.firsts = self.firsts or other.firsts

    @property
    def success_rate(self) -> float:
        return self.succeeded / self.payments

    @property
    def sent_to_broken(self) -> float | None:
        """Share of the payments of the kinds concerned that a gateway was given first while it was broken."""
        payments = sum(one.payments for one in self.reactions)
        return sum(one.sent for one in self.reactions) / payments if payments else None

    @property
    def left_s(self) -> float | None:
        return mean(one.left_s for one in self.reactions)

    @property
    def back_s(self) -> float | None:
        return mean(one.back_s for one in self.reactions)


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two policies' success rates on the same payments, and its standard error.

    The error is that of the seeds' own differences where there are enough of them: it knows that what a policy believes makes its payments
    alike. Of two or three seeds such an error is itself chance, so it is that of payments then, which counts each as independent.
    """

    mean: float
    error: float
    over: Literal["seeds", "payments"]

    @property
    def behind(self) -> bool:
        return self.mean < -2.0 * self.error

    @classmethod
    def of(cls, one: Run, other: Run) -> "Difference":
        """Paired: both had the same payments and the same luck."""
        gaps = Counter(a - b for a, b in zip(one.came_through, other.came_through, strict=True))
        centre = (gaps[1] - gaps[-1]) / one.payments
        if len(one.by_seed) >= SEEDS_ENOUGH:
            pairs = zip(one.by_seed, other.by_seed, strict=True)
            by_seed = [(ours - theirs) / payments for (payments, ours), (_, theirs) in pairs]
            return cls(centre, stdev(by_seed) / math.sqrt(len(by_seed)), "seeds")
        return cls(centre, math.sqrt(((gaps[1] + gaps[-1]) / one.payments - centre**2) / one.payments), "payments")


def mean(found: Iterator[float | None]) -> float | None:
    known = [one for one in found if one is not None]
    return fmean(known) if known else None


def played(world: World, seed: int, policies: Sequence[str]) -> dict[str, Run]:
    truth, payments = Truth(world), payments_of(world, seed)
    incidents = incidents_of(world, truth)
    return {name: run_of(world, payments, Play(world, truth, payments, POLICIES[name](world, truth)).run(), incidents) for name in policies}


def run_of(world: World, payments: Sequence[Payment], trips: Sequence[Trip], incidents: Sequence[Incident]) -> Run:
    firsts = [[0] * len(world.gateways) for _ in range(math.ceil(world.duration_s / MINUTE_S))]
    for payment, trip in zip(payments, trips, strict=True):
        if trip.first is not None:
            firsts[int(payment.at_s // MINUTE_S)][trip.first] += 1
    came_through = bytes(trip.ended == "success" for trip in trips)
    return Run(
        payments=len(payments),
        succeeded=sum(came_through),
        late=sum(trip.ended == "unknown" and trip.late for trip in trips),
        attempts=sum(trip.attempts for trip in trips),
        came_through=came_through,
        by_seed=[(len(payments), sum(came_through))],
        reactions=[reaction(one, payments, trips) for one in incidents],
        firsts=firsts,
    )


def measure(
    worlds: Sequence[World], seeds: Sequence[int], policies: Sequence[str], *, jobs: int, tell: Callable[[str], None]
) -> dict[str, dict[str, Run]]:
    """World → policy → run over all seeds. `jobs` processes; the answer does not depend on how many."""
    tasks = [(world, seed, policies) for seed in seeds for world in worlds]
    found: dict[str, dict[str, Run]] = {world.name: {name: Run() for name in policies} for world in worlds}
    with get_context("spawn").Pool(jobs) as pool:
        results = pool.imap(task, tasks) if jobs > 1 else map(task, tasks)
        for done, ((world, seed, _), runs) in enumerate(zip(tasks, results, strict=True), 1):
            for name, run in runs.items():
                found[world.name][name].add(run)
            tell(f"{done}/{len(tasks)} {world.name}, seed {seed}")
    return found


def task(order: tuple[World, int, Sequence[str]]) -> dict[str, Run]:
    return played(*order)
