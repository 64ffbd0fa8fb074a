"""Every boundary on a payment's path at which a process may die: what has been done, and what has not been done yet."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pamqp.commands import Basic

from deploy.faults.swap import swap

Crash = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Point:
    """`arm(crash)` makes every passage call `crash`, which returns unless this is the one. `of`: services that have this boundary."""

    name: str
    says: str
    of: tuple[str, ...]
    arm: Callable[[Crash], None]


def before(target: str, takes: str, when: Callable[..., bool] = lambda *arguments, **more: True) -> Callable[[Crash], None]:
    """Passed when the function is called with arguments for which `when` holds."""

    def arm(crash: Crash) -> None:
        def make(original: Any) -> Any:
            def function(*arguments: Any, **more: Any) -> Any:
                if when(*arguments, **more):
                    crash()
                return original(*arguments, **more)

            return function

        swap(target, make, takes=takes)

    return arm


def after(target: str, takes: str, when: Callable[..., bool] = lambda *arguments, **more: True) -> Callable[[Crash], None]:
    """Passed when the asynchronous function has done its work without an error; `when` sees what it was called with and its answer."""

    def arm(crash: Crash) -> None:
        def make(original: Any) -> Any:
            async def function(*arguments: Any, **more: Any) -> Any:
                answer = await original(*arguments, **more)
                if when(*arguments, answer=answer, **more):
                    crash()
                return answer

            return function

        swap(target, make, takes=takes)

    return arm


def arm_sweeper(crash: Crash) -> None:
    """Between a sweep's commit and the moment its relay hears of it."""

    def make(original: Any) -> Any:
        def init(self: Any, *arguments: Any, **more: Any) -> None:
            original(self, *arguments, **more)
            said = self.said

            def crash_first(rows: Any) -> None:
                crash()
                said(rows)

            self.said = crash_first

        return init

    swap("shared.storage.sweeper:Sweeper.__init__", make, takes="self engine writer take sweep said every_s settings")


def something(writer: Any, transaction: Any, applied: Any, **more: Any) -> bool:
    return any(work.writes or work.outgoing for work in applied)


def confirmed(relay: Any, rows: Any, *, answer: Any) -> bool:
    return isinstance(answer, Basic.Ack)


def asks_to_charge(gateway: Any, request: Any, **more: Any) -> bool:
    return bool(request.method == "POST")


def asks_what_happened(gateway: Any, request: Any, **more: Any) -> bool:
    return bool(request.method == "GET")


def is_late(cause: Any, unit_of_work: Any, attempt: Any, seen: Any, source: str) -> bool:
    return source == "late_answer"


SAYING = ("api", "router", "executor", "verifier")
HEARING = (*SAYING, "notifier", "metrics")
CALL, CALL_TAKES = "services.executor.gateways:Gateway.call", "self request timeout_s"

POINTS = {
    point.name: point
    for point in (
        Point("accepted-not-answered", "a payment is committed, its merchant has no answer", ("api",),
              after("shared.storage.unit_of_work:UnitOfWork.win", "self claim change loads")),
        Point("claimed-not-called", "an attempt is started, its gateway has not been called", ("executor",),
              before(CALL, CALL_TAKES, asks_to_charge)),
        # Next after a crash that leaves an attempt started: that attempt is what the executor's sweep then finds overdue.
        Point("swept-not-said", "a sweep is committed, its relay has not heard of what it says", ("api", "executor", "verifier"),
              arm_sweeper),
        Point("charged-not-recorded", "the gateway has answered, the outcome is not committed", ("executor",),
              after(CALL, CALL_TAKES, asks_to_charge)),
        Point("late-not-recorded", "an answer came after the attempt was given up, and is not recorded", ("executor",),
              before("services.executor.consumers:_observe", "cause unit_of_work attempt seen source", is_late)),
        Point("found-not-said", "a gateway has answered a lookup, what it said is not committed", ("executor",),
              after(CALL, CALL_TAKES, asks_what_happened)),
        Point("owed-not-sent", "a delivery is committed, its webhook is not sent", ("notifier",),
              before("services.notifier.sender:Sender._post", "self due timestamp_s")),
        Point("delivered-not-settled", "the shop has answered, the delivery is still due", ("notifier",),
              after("services.notifier.sender:Sender._post", "self due timestamp_s")),
        Point("taken-not-sent", "a delivery that is due again is leased, its webhook is not sent", ("notifier",),
              after("services.notifier.store:take_due", "engine lease_s most each held", lambda *_, answer, **more: bool(answer))),
        Point("written-not-committed", "state, claims and outbox rows are written, the transaction is not committed", HEARING,
              after("shared.storage.writer:Writer.speak", "self transaction applied", something)),
        Point("committed-not-said", "a change is committed, its relay has not heard of what it says", SAYING,
              before("shared.messaging.relay:Relay.offer", "self rows")),
        Point("confirmed-not-deleted", "the broker has confirmed a message, its outbox row is still there", SAYING,
              after("shared.messaging.relay:Relay._publish", "self rows", confirmed)),
        Point("committed-not-acknowledged", "everything in an envelope is committed, the envelope is not acknowledged", HEARING,
              after("shared.messaging.handlers:Subscription.handle", "self envelope")),
    )
}  # fmt: skip
