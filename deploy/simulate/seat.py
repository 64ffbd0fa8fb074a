"""Who decides: the router with the health picture of metrics, put together as in the mesh but with a virtual clock, or an oracle."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from deploy.simulate.luck import Payment
from deploy.simulate.oracle import best_first
from deploy.simulate.truth import Truth
from deploy.simulate.world import Gateway, World
from services.metrics.domain.learner import Learner
from services.metrics.domain.outcome import FIRST, Outcome
from services.metrics.domain.picture import picture_of
from services.router.domain.board import SCORING, Board
from services.router.domain.decision import Wish, decide
from shared.contracts import AMOUNT_MAX, OutcomeClass, amount_bucket
from shared.contracts.money import BUCKETS
from shared.contracts.questions import FeeView, GatewayView

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
BEGIN_S = BEGIN.timestamp()
PICTURE_S = 1.0
ROUND_S = 0.25  # how often the leader of metrics folds what it has heard
ARMED = ("bandit", "adaptive")  # policies that read what is learnt by segment; for others it is not kept
NOBODY = UUID(int=0)  # an attempt's id matters only to who stores it
SPREAD = 0x9E3779B97F4A7C15  # makes another seed of each attempt's number


class Choice(NamedTuple):
    """`gateway` is its number in the world, None where nobody takes the payment."""

    gateway: int | None
    probe: bool = False
    epoch: int = 0
    segment: str | None = None


class Seat(Protocol):
    def choose(self, payment: Payment, number: int, tried: tuple[int, ...], at_s: float) -> Choice: ...

    def hear(
        self, payment: Payment, choice: Choice, end: OutcomeClass, latency_ms: int | None, at_s: float, was: OutcomeClass | None = None
    ) -> None: ...

    def round(self, at_s: float) -> None: ...


class Oracle:
    """Knows the true rates at every moment; hears nothing."""

    def __init__(self, world: World, truth: Truth) -> None:
        self.truth = truth
        self.known: dict[tuple[int, tuple[int, ...]], int | None] = {}
        self.kept: list[object] = []

    def choose(self, payment: Payment, number: int, tried: tuple[int, ...], at_s: float) -> Choice:
        rates = self.truth.rates(at_s, payment.method, payment.bank)
        key = (id(rates), tried)
        if key not in self.known:
            self.kept.append(rates)  # so that its id stays its own
            self.known[key] = best_first(rates, frozenset(tried), 4 - number)
        return Choice(self.known[key])

    def hear(self, *_: object, **__: object) -> None:
        pass

    def round(self, at_s: float) -> None:
        pass


class Router:
    """`policy` as routers know it; "bandit" switches every segment's flag on. `learns` False: no health picture is ever sent."""

    def __init__(self, world: World, policy: str, *, learns: bool = True, breakers: bool = True) -> None:
        self.names = {gateway.name: number for number, gateway in enumerate(world.gateways)}
        self.views = [view_of(world, gateway, number) for number, gateway in enumerate(world.gateways)]
        self.scoring = SCORING.model_copy(update={"policy": policy})
        self.bandits = [f"{method}:{bucket}" for method in world.methods for bucket in BUCKETS] if policy == "bandit" else []
        self.learns, self.breakers = learns, breakers
        self.arms = policy in ARMED
        self.learner = Learner()
        self.heard: list[Outcome] = []
        self.due_s = 0.0
        self.show(0.0)

    def choose(self, payment: Payment, number: int, tried: tuple[int, ...], at_s: float) -> Choice:
        names = frozenset(self.views[one].name for one in tried)
        wish = Wish(payment.amount_minor, "INR", payment.method, bank=payment.bank, tried=names)
        made = decide(self.board, wish, (payment.number ^ number * SPREAD) % (1 << 128), BEGIN + timedelta(seconds=at_s))
        return Choice(
            None if made.gateway is None else self.names[made.gateway], made.probe, made.epoch, made.segment if self.arms else None
        )

    def hear(
        self, payment: Payment, choice: Choice, end: OutcomeClass, latency_ms: int | None, at_s: float, was: OutcomeClass | None = None
    ) -> None:
        if not self.learns or choice.gateway is None:
            return
        self.heard.append(
            Outcome(
                NOBODY,
                FIRST,
                self.views[choice.gateway].name,
                payment.method,
                end,
                latency_ms,
                bank=payment.bank,
                amount_bucket=amount_bucket(payment.amount_minor),
                segment=choice.segment,
                probe=choice.probe,
                epoch=choice.epoch,
                at_s=BEGIN_S + at_s,
                was=was,
            )
        )

    def round(self, at_s: float) -> None:
        """As the leader does: fold, and send a picture every second and whenever a breaker has moved."""
        if not self.learns:
            return
        now = BEGIN + timedelta(seconds=at_s)
        facts = []
        if self.heard:
            facts += self.learner.learn(self.heard, now).facts
            self.heard = []
        facts += self.learner.advance(now)
        if at_s >= self.due_s or facts:
            self.due_s = at_s + PICTURE_S
            self.show(at_s)

    def show(self, at_s: float) -> None:
        now = BEGIN + timedelta(seconds=at_s)
        picture = picture_of(self.learner, now, 1) if self.learns else None
        if picture and not self.breakers:
            picture = picture.model_copy(update={"breakers": ()})
        self.board = Board.of(self.views, picture, now=now, scoring=self.scoring, bandits=self.bandits)


def view_of(world: World, gateway: Gateway, number: int) -> GatewayView:
    return GatewayView(
        name=gateway.name,
        methods=tuple(world.methods),
        currencies=("INR",),
        priority=number,
        amount_minor_min=1,
        amount_minor_max=AMOUNT_MAX,
        enabled=True,
        fees=(FeeView(rate=gateway.fee_rate, fixed_minor=gateway.fee_fixed_minor),),
    )
