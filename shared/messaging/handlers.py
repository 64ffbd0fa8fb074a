"""Registers plain functions as the answers to messages, and binds them to a broker and a unit of work when the service starts.

Importing a service's consumers registers and does nothing else: no settings are read, nothing is connected.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import structlog
from faststream.exceptions import RejectMessage
from faststream.rabbit import Channel
from pydantic import Discriminator, TypeAdapter, ValidationError

from shared import measures, topology
from shared.contracts import Message
from shared.messaging import failure
from shared.messaging.envelope import Envelope
from shared.messaging.rabbit import EXCHANGES, Broker, queue
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import AlreadyHandled, Load, Work

Handler = TypeVar("Handler", bound=Callable[..., Any])
Settle = Callable[[Any], Awaitable[None]]

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One registered function: `(message, work, *dependencies)`, or `async (message, unit_of_work, *dependencies)`."""

    inlet: topology.Inlet
    function: Callable[..., Any]
    kinds: tuple[type[Message], ...]
    loads: Callable[[Any], Sequence[Load]]
    dependencies: tuple[str, ...]

    def bound(self, unit_of_work: UnitOfWork, given: Mapping[str, Any]) -> Settle:
        """What to await for one message. An async function commits for itself; a plain one runs inside the batch, once per message id."""
        rest = [given[name] for name in self.dependencies]
        if inspect.iscoroutinefunction(self.function):
            return lambda message: self.function(message, unit_of_work, *rest)
        return lambda message: unit_of_work.once(message, lambda work: self.function(message, work, *rest), loads=self.loads(message))


class Hears:
    """A service's register: `hears = Hears()`, then `@hears(topology.ROUTER_COMMANDS)` on each function."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def __call__(
        self, inlet: topology.Inlet, *, loads: Callable[[Any], Sequence[Load]] = lambda message: ()
    ) -> Callable[[Handler], Handler]:
        def register(function: Handler) -> Handler:
            names = tuple(inspect.signature(function).parameters)
            kinds = _kinds(get_type_hints(function)[names[0]])
            if stray := set(kinds) - set(inlet.hears):
                raise TypeError(f"{function.__name__}: {inlet.queue} does not hear {', '.join(kind.__name__ for kind in stray)}")
            self.heard.append(Heard(inlet=inlet, function=function, kinds=kinds, loads=loads, dependencies=names[2:]))
            return function

        return register

    def bind(
        self, broker: Broker, unit_of_work: UnitOfWork, *, gateways: Iterable[str] = (), given: Mapping[str, Any]
    ) -> list[topology.Inlet]:
        """One subscriber per queue, handing each message to the function of its kind. `gateways` fills the templates;
        `given` are the dependencies that functions name after their second parameter.

        Returns the queues bound. Raises TypeError where a queue hears a kind that no function answers.
        """
        bound: list[topology.Inlet] = []
        for template in dict.fromkeys(heard.inlet for heard in self.heard):
            answering = [heard for heard in self.heard if heard.inlet is template]
            by_kind = {kind.kind_of(): heard.bound(unit_of_work, given) for heard in answering for kind in heard.kinds}
            if missing := [kind.__name__ for kind in template.hears if kind.kind_of() not in by_kind]:
                raise TypeError(f"{template.queue}: nobody answers {', '.join(missing)}")
            for inlet in [template] if template.gateway is None else map(template.of, gateways):
                subscription = Subscription(inlet, by_kind, unit_of_work)
                channel = Channel(prefetch_count=inlet.prefetch)  # one a subscriber, so that one slow queue holds up no other
                broker.subscriber(queue(inlet), EXCHANGES[inlet.exchange], channel=channel, no_reply=True)(subscription.handle)
                bound.append(inlet)
        return bound


class Subscription:
    """What happens to the contracts of one queue. Each has its own fate; the envelope is acknowledged when all are settled."""

    def __init__(self, inlet: topology.Inlet, by_kind: Mapping[str, Settle], unit_of_work: UnitOfWork) -> None:
        self.inlet, self.by_kind, self.unit_of_work = inlet, by_kind, unit_of_work
        contract = inlet.hears[0] if len(inlet.hears) == 1 else Annotated[Union[inlet.hears], Discriminator("kind")]  # noqa: UP007
        self.contracts: TypeAdapter[list[Message]] = TypeAdapter(list[contract])  # type: ignore[valid-type]

    async def handle(self, envelope: Envelope) -> None:
        try:
            messages = self.contracts.validate_json(envelope.body)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]["type"]
            log.error("malformed_envelope", queue=self.inlet.queue, errors=error.error_count(), first=first)
            raise RejectMessage from error  # the queue's own dead-letter exchange takes it as it is
        if len(messages) == 1:
            await self._settle(messages[0], envelope.rung)
        else:
            await asyncio.gather(*(self._settle(one, envelope.rung) for one in messages))

    async def _settle(self, message: Message, rung: int) -> None:
        """Returns when the message is done, waits in the outbox for its next try, or is on its way to the dead letters."""
        await failure.patiently(lambda: self._try(message, rung))

    async def _try(self, message: Message, rung: int) -> None:
        try:
            await self.by_kind[message.kind](message)
        except AlreadyHandled:
            return
        except Exception as error:
            fate, reason = failure.fate(error, rung), failure.reason_of(error)
            if fate is failure.Fate.AWAY:
                raise
            said = log.bind(
                queue=self.inlet.queue, kind=message.kind, message_id=str(message.message_id), payment_id=str(message.correlation_id)
            )
            if fate is failure.Fate.DEAD:
                measures.DEAD_LETTERED.labels(self.inlet.queue).inc()
                said.error("dead_lettered", rung=rung, reason=reason)
                await self.unit_of_work.apply(lambda work: self._bury(work, message, rung, reason))
            else:
                measures.TRIED_LATER.labels(self.inlet.queue).inc()
                said.warning("tried_later", rung=rung, reason=reason, exc_info=error)
                await self.unit_of_work.apply(lambda work: self._postpone(work, message, rung, reason))

    def _bury(self, work: Work, message: Message, rung: int, reason: str) -> None:
        work.bury(message, dead_queue=self.inlet.dead_queue, rung=rung, reason=reason)

    def _postpone(self, work: Work, message: Message, rung: int, reason: str) -> None:
        work.again(message, queue=self.inlet.queue, rung=rung + 1, reason=reason, delay_s=topology.DELAY_LADDER_S[rung])


def _kinds(annotation: Any) -> tuple[type[Message], ...]:
    return tuple(get_args(annotation)) if get_origin(annotation) in (Union, UnionType) else (annotation,)
