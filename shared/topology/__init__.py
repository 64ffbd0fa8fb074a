"""The broker on one page. Data only: `shared.messaging.declare` makes it true, `python -m shared.topology` draws it.

payments.commands  ──direct──▶  <service>.<queue>          ──reject──▶  payments.dead ──▶ <queue>.dead
payments.events    ──topic───▶  <service>.<queue>
mesh.broadcast     ──topic───▶  a replica's own exclusive queue, transient
a question         ──▶ <owner>.questions, declared by the owner ──▶ an answer to the asker's own exclusive queue, transient
a failed change    ──▶ its service's outbox, due later ──▶ straight back to its queue, or to the dead letters
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from shared import contracts as say
from shared.contracts import Message

COMMANDS = "payments.commands"
EVENTS = "payments.events"
DEAD = "payments.dead"
BROADCAST = "mesh.broadcast"
DEFAULT = ""  # the exchange that knows every queue by its name

DELAY_LADDER_S = (1.0, 10.0, 60.0)  # tries of a change that failed through nobody's known fault; then the dead letters
DELIVERY_LIMIT = 20  # a broker restart counts as a delivery, so this is far above the ladder


@dataclass(frozen=True, kw_only=True)
class Inlet:
    """One queue: what it hears and how many envelopes a consumer may hold unacknowledged.

    `gateway` is None for an ordinary queue and "*" for a template, which `of(gateway)` turns into one account's queue.
    """

    queue: str
    exchange: str
    hears: tuple[type[Message], ...]
    prefetch: int
    gateway: str | None = None

    @property
    def dead_queue(self) -> str:
        return f"{self.queue}.dead"

    @property
    def routing_keys(self) -> tuple[str, ...]:
        return tuple(f"{kind.kind_of()}.{self.gateway}" if self.gateway else kind.kind_of() for kind in self.hears)

    def of(self, gateway: str) -> "Inlet":
        return replace(self, queue=f"{self.queue}.{gateway}", gateway=gateway)


# fmt: off
API_EVIDENCE      = Inlet(queue="api.evidence",      exchange=EVENTS,   prefetch=100, hears=(say.AttemptSucceeded, say.AttemptFailed, say.AttemptUnknown, say.AttemptActionRequired, say.AttemptExpired, say.AttemptVerified, say.RouteExhausted))
ROUTER_COMMANDS   = Inlet(queue="router.commands",   exchange=COMMANDS, prefetch=100, hears=(say.RoutePayment, say.ResumePayment))
ROUTER_OUTCOMES   = Inlet(queue="router.outcomes",   exchange=EVENTS,   prefetch=100, hears=(say.AttemptFailed, say.AttemptExpired, say.AttemptVerified))
EXECUTOR_EXECUTE  = Inlet(queue="executor.execute",  exchange=COMMANDS, prefetch=64,  hears=(say.ExecuteAttempt,), gateway="*")
EXECUTOR_LOOKUP   = Inlet(queue="executor.lookup",   exchange=COMMANDS, prefetch=16,  hears=(say.LookupAttempt, say.IdentifyAttempt, say.CompareCharges), gateway="*")
METRICS_OUTCOMES  = Inlet(queue="metrics.outcomes",  exchange=EVENTS,   prefetch=100, hears=(say.AttemptSucceeded, say.AttemptFailed, say.AttemptUnknown, say.AttemptVerified))
VERIFIER_EVIDENCE = Inlet(queue="verifier.evidence", exchange=EVENTS,   prefetch=100, hears=(say.AttemptUnknown, say.AttemptObserved, say.AttemptDoubted, say.AttemptExpired, say.AttemptIdentified))
VERIFIER_GATEWAY_EVENTS = Inlet(queue="verifier.gateway_events", exchange=COMMANDS, prefetch=100, hears=(say.ReceiveGatewayEvent,))
VERIFIER_RECONCILIATION = Inlet(queue="verifier.reconciliation", exchange=EVENTS, prefetch=10, hears=(say.ChargesCompared,))
ROUTER_SHADOW     = Inlet(queue="router.shadow",     exchange=COMMANDS, prefetch=50,  hears=(say.RouteShadow,))
ROUTER_OPERATORS  = Inlet(queue="router.operators",  exchange=EVENTS,   prefetch=10,  hears=(say.GuardrailViolated,))
NOTIFIER_OPERATORS = Inlet(queue="notifier.operators", exchange=EVENTS, prefetch=20, hears=(*say.OPERATORS_EVENTS, *say.ENDPOINT_EVENTS))
NOTIFIER_EVENTS   = Inlet(queue="notifier.events",   exchange=EVENTS,   prefetch=100, hears=(*say.EVENT_OF.values(), *say.MONEY_EVENTS))
# fmt: on

TEMPLATES = (
    API_EVIDENCE,
    ROUTER_COMMANDS,
    ROUTER_OUTCOMES,
    EXECUTOR_EXECUTE,
    EXECUTOR_LOOKUP,
    METRICS_OUTCOMES,
    VERIFIER_EVIDENCE,
    VERIFIER_GATEWAY_EVENTS,
    VERIFIER_RECONCILIATION,
    NOTIFIER_EVENTS,
    NOTIFIER_OPERATORS,
    ROUTER_OPERATORS,
    ROUTER_SHADOW,
)

SAYS: dict[str, tuple[type[Message], ...]] = {
    "api": (
        say.RoutePayment,
        say.ResumePayment,
        say.ExecuteAttempt,
        say.AttemptDoubted,
        say.ReceiveGatewayEvent,
        *say.EVENT_OF.values(),
        *say.MONEY_EVENTS,
    ),
    "router": (say.ExecuteAttempt, say.RouteExhausted, say.AttemptDoubted, say.RouteShadow),
    "executor": (
        say.AttemptSucceeded,
        say.AttemptFailed,
        say.AttemptUnknown,
        say.AttemptActionRequired,
        say.AttemptExpired,
        say.AttemptObserved,
        say.AttemptIdentified,
        say.ChargesCompared,
    ),
    "metrics": say.METRICS_EVENTS,
    "verifier": (say.LookupAttempt, say.AttemptVerified, say.IdentifyAttempt, say.CompareCharges, say.DiscrepancyFound),
    "notifier": say.ENDPOINT_EVENTS,
}


ANSWER = (
    "router",
    "metrics",
    "executor",
    "verifier",
    "notifier",
)  # services that others may ask; their replicas share one queue for questions


def questions_of(owner: str) -> str:
    return f"{owner}.questions"


def inlets(gateways: Iterable[str]) -> Iterator[Inlet]:
    """Every queue of a mesh with these gateway accounts."""
    accounts = tuple(gateways)
    for inlet in TEMPLATES:
        if inlet.gateway is None:
            yield inlet
        else:
            yield from map(inlet.of, accounts)


def exchange_of(message: type[Message]) -> str:
    return COMMANDS if issubclass(message, say.Command) else EVENTS


def service_of(inlet: Inlet) -> str:
    return inlet.queue.split(".", 1)[0]
