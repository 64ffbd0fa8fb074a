"""The asker's side of request and reply: one question, one answer, within a timeout.

FastStream's own `request` is not used: it holds a lock for the whole round trip, so that one slow owner would stop every other
question, and it takes the next message for the answer whatever its correlation id, so that an answer that came too late would be given
to somebody else. Here all questions of a process share one exclusive queue, and answers are told apart by correlation id.
"""

import asyncio
from typing import Any

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, ChannelNotFoundEntity, PublishError
from faststream.rabbit import RabbitQueue
from pydantic import ValidationError

from shared import topology
from shared.clock import new_id
from shared.contracts.questions import Answer, Complaint, Question
from shared.messaging.rabbit import EXCHANGES, Broker

QUESTION_BYTES_MAX = 64 * 1024
UNDER_WAY_MAX = 500
SILENCE_S = 0.5  # answers take milliseconds; after this long it is looked up whether anybody is there to answer
AWAY = (AMQPError, ChannelInvalidStateError, ConnectionError)  # a connection that is lost, or not yet whole again

log = structlog.get_logger()


class Unanswered(Exception):
    """Nobody answered in time. What was asked for may have been done."""


class Unreachable(Exception):
    """Nobody is there to answer, or the broker is away."""


class Complained(Exception):
    """The owner's answer is that there is none."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(f"{complaint.code}: {complaint.message}")
        self.complaint = complaint


class Asker:
    """Asks over `broker`, a connection that publishes. The queue for answers is made with the first question, and restored after a loss."""

    def __init__(self, broker: Broker, *, timeout_s: float = 5.0) -> None:
        self.broker, self.timeout_s = broker, timeout_s
        self.waiting: dict[str, asyncio.Future[Answer]] = {}
        self.reply_to = ""
        self.opening = asyncio.Lock()

    async def ask(self, question: Question) -> Any:
        """The answer's JSON value. Raises Complained, Unanswered or Unreachable."""
        body = question.model_dump_json().encode()
        if len(body) > QUESTION_BYTES_MAX:
            raise Complained(Complaint(code="VALIDATION_ERROR", message=f"A question has at most {QUESTION_BYTES_MAX} bytes."))
        if len(self.waiting) >= UNDER_WAY_MAX:
            raise Unreachable(f"{UNDER_WAY_MAX} questions are under way already")
        if not _is_up(self.broker):
            raise Unreachable("the broker is away")
        asked = str(new_id())
        answered = self.waiting[asked] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._send(question.owner, body, asked)
                answer = await self._answer(question.owner, answered)
        except TimeoutError as error:
            raise Unanswered(f"{question.owner} did not answer {question.kind} within {self.timeout_s:g} s") from error
        finally:
            del self.waiting[asked]
        if answer.complaint is not None:
            raise Complained(answer.complaint)
        return answer.value

    async def _send(self, owner: str, body: bytes, asked: str) -> None:
        try:
            await self._open()
            await self.broker.publish(
                body,
                exchange=EXCHANGES[topology.DEFAULT],
                routing_key=topology.questions_of(owner),
                reply_to=self.reply_to,
                correlation_id=asked,
                expiration=self.timeout_s,
                mandatory=True,
                persist=False,
            )
        except PublishError as error:
            raise Unreachable(f"{owner} has no queue for questions") from error
        except AWAY as error:
            raise Unreachable("the broker is away") from error

    async def _answer(self, owner: str, answered: "asyncio.Future[Answer]") -> Answer:
        done, _ = await asyncio.wait({answered}, timeout=SILENCE_S)
        if not done and not await self._anybody(owner) and not answered.done():
            raise Unreachable(f"no {owner} is there to answer")
        return await answered

    async def _anybody(self, owner: str) -> bool:
        """Whether somebody consumes the owner's questions: the queue outlives its last consumer by a minute. In doubt, yes."""
        try:
            channel = await _connection(self.broker).channel()
            try:
                queue = await channel.declare_queue(topology.questions_of(owner), passive=True)
                return bool(queue.declaration_result.consumer_count)
            finally:
                await channel.close()
        except ChannelNotFoundEntity:
            return False
        except AWAY:
            return True

    async def _open(self) -> None:
        async with self.opening:
            if not self.reply_to:
                declared = await self.broker.declare_queue(
                    RabbitQueue(f"replies.{new_id()}", exclusive=True, durable=False, auto_delete=True)
                )
                await declared.consume(self._heard, no_ack=True)
                self.reply_to = declared.name

    async def _heard(self, message: AbstractIncomingMessage) -> None:
        waiting = self.waiting.get(message.correlation_id or "")
        if waiting is None or waiting.done():
            return  # it came too late
        try:
            waiting.set_result(Answer.model_validate_json(message.body))
        except ValidationError as error:
            log.error("unreadable_answer", errors=error.error_count())
            waiting.set_result(Answer(complaint=Complaint(code="INTERNAL_ERROR", message="The answer cannot be read.")))


def _connection(broker: Broker) -> Any:
    return broker._connection


def _is_up(broker: Broker) -> bool:
    connection = _connection(broker)
    return connection is not None and connection.connected.is_set()
