"""The owner's side of request and reply: plain functions from a question to its answer, at most once each.

A question is delivered once and to one replica (`no_ack`): what changes something is never done twice by the broker's doing, and who
gets no answer asks again. An exception is a complaint and a log line, never a lost reply.
"""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustQueue
from faststream.rabbit import QueueType, RabbitQueue
from pydantic import ValidationError
from pydantic_core import from_json, to_jsonable_python

from shared import topology
from shared.clock import monotonic_s
from shared.contracts.questions import Answer, Complaint, Question
from shared.contracts.questions.base import ComplaintCode
from shared.messaging.failure import reason_of
from shared.messaging.rabbit import EXCHANGES, Broker
from shared.storage.blame import Blame, blame

AT_ONCE = 4  # of nine database connections: operators who ask much must not starve the payments
IN_HAND_MAX = 1_000  # questions waiting here; more are dropped, and their askers told by their own timeout
ANSWER_BYTES_MAX = 1024 * 1024
TIMEOUT_S = 5.0  # of a question that does not say how long its asker waits
QUEUE_EXPIRES_S = 60  # how long a queue outlives its last consumer

Function = TypeVar("Function", bound=Callable[..., Any])

log = structlog.get_logger()


class Refused(Exception):
    """What an answering function raises where there is no answer: the asker gets it as a complaint."""

    def __init__(self, code: ComplaintCode, message: str, **details: Any) -> None:
        super().__init__(message)
        self.complaint = Complaint(code=code, message=message, details=details)


class Answers:
    """A service's register: `answers = Answers("router")`, then `@answers` on each function `(question, *dependencies)`, async or not.

    What a function returns (a model, a list of them, plain JSON) is the answer's `value`.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.functions: dict[str, tuple[type[Question], Callable[..., Any], tuple[str, ...]]] = {}

    def __call__(self, function: Function) -> Function:
        names = tuple(inspect.signature(function).parameters)
        question: type[Question] = get_type_hints(function)[names[0]]
        if question.owner != self.owner:
            raise TypeError(f"{function.__name__}: {question.__name__} is asked of {question.owner}")
        if question.kind_of() in self.functions:
            raise TypeError(f"{function.__name__}: {question.__name__} has an answer already")
        self.functions[question.kind_of()] = (question, function, names[1:])
        return function


class Answering:
    """One replica that answers. `given` are the dependencies that functions name after their first parameter."""

    def __init__(self, answers: Answers, *, ears: Broker, mouth: Broker, given: Mapping[str, Any]) -> None:
        self.owner, self.ears, self.mouth = answers.owner, ears, mouth
        self.functions = {
            kind: (question, function, [given[name] for name in names]) for kind, (question, function, names) in answers.functions.items()
        }
        self.room = asyncio.Semaphore(AT_ONCE)
        self.queue: AbstractRobustQueue | None = None
        self.tag = ""
        self.running: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """The queue is a quorum queue only because those outlive a node; what lies in it is worth nothing after seconds."""
        declared = await self.ears.declare_queue(
            RabbitQueue(topology.questions_of(self.owner), queue_type=QueueType.QUORUM, arguments={"x-expires": QUEUE_EXPIRES_S * 1000})
        )
        self.queue, self.tag = declared, await declared.consume(self._heard, no_ack=True)

    async def close(self) -> None:
        """Take no more questions, answer those in hand."""
        if self.queue is not None and self.tag:
            tag, self.tag = self.tag, ""
            try:
                async with asyncio.timeout(1.0):  # a broker that is away has cancelled it already
                    await self.queue.cancel(tag)
            except Exception as error:
                log.warning("questions_not_cancelled", owner=self.owner, error=type(error).__name__)
        await asyncio.gather(*self.running, return_exceptions=True)

    async def _heard(self, message: AbstractIncomingMessage) -> None:
        if message.reply_to is None or message.correlation_id is None:
            log.warning("question_without_asker", owner=self.owner)
        elif len(self.running) >= IN_HAND_MAX:
            log.warning("question_dropped", owner=self.owner, in_hand=len(self.running))
        else:
            task = asyncio.create_task(self._reply(message, message.reply_to, monotonic_s()))
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    async def _reply(self, message: AbstractIncomingMessage, reply_to: str, heard_at: float) -> None:
        timeout_s = message.expiration if isinstance(message.expiration, int | float) else TIMEOUT_S
        try:
            async with asyncio.timeout(timeout_s):  # its asker waits no longer
                async with self.room:
                    body = await self._answer(message.body)
                await self.mouth.publish(
                    body,
                    exchange=EXCHANGES[topology.DEFAULT],
                    routing_key=reply_to,
                    correlation_id=message.correlation_id,
                    expiration=timeout_s,
                    mandatory=False,  # an asker that is gone needs no answer
                    persist=False,
                )
        except Exception as error:
            log.warning("answer_not_given", owner=self.owner, waited_s=round(monotonic_s() - heard_at, 3), reason=reason_of(error))

    async def _answer(self, body: bytes) -> bytes:
        kind = "unreadable"
        try:
            kind = _kind_of(body)
            if kind not in self.functions:
                raise Refused("INTERNAL_ERROR", f"This {self.owner} does not know the question {kind}.")
            model, function, rest = self.functions[kind]
            value = function(_read(model, body), *rest)
            answer = Answer(value=to_jsonable_python(await value if inspect.isawaitable(value) else value, inf_nan_mode="null"))
        except Refused as refused:
            answer = Answer(complaint=refused.complaint)
        except Exception as error:
            answer = self._failed(kind, error)
        said = answer.model_dump_json().encode()
        if len(said) > ANSWER_BYTES_MAX:
            log.error("answer_too_large", owner=self.owner, kind=kind, size_bytes=len(said))
            return Answer(complaint=Complaint(code="INTERNAL_ERROR", message="The answer is too large.")).model_dump_json().encode()
        return said

    def _failed(self, kind: str, error: Exception) -> Answer:
        said = log.bind(owner=self.owner, kind=kind, reason=reason_of(error))
        if blame(error) is Blame.AWAY:
            said.warning("question_failed")
            return Answer(complaint=Complaint(code="TEMPORARILY_UNAVAILABLE", message=f"The {self.owner}'s database is away."))
        said.error("question_failed", exc_info=error)
        return Answer(complaint=Complaint(code="INTERNAL_ERROR", message=f"The {self.owner} failed to answer; its log says why."))


def _kind_of(body: bytes) -> str:
    try:
        return str(from_json(body)["kind"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("VALIDATION_ERROR", "This is no question.") from error


def _read(model: type[Question], body: bytes) -> Question:
    """What was sent is not quoted: it may be anything."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused("VALIDATION_ERROR", f"{where}: {first['msg']}") from error
