"""What other services know, asked of them over the broker; what goes wrong on the way is an answer of the edge's own."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import TypeAdapter

from services.api.http.layer import Code, Problem
from shared.contracts.questions import GatewayView, ListGateways, Question
from shared.messaging.ask import Complained, Unanswered, Unreachable

T = TypeVar("T")
ASKING = (Code.TEMPORARILY_UNAVAILABLE, Code.TIMED_OUT)  # what every route that asks may answer


class Owners:
    """`ask` is an Asker's."""

    def __init__(self, ask: Callable[[Question], Awaitable[Any]]) -> None:
        self.put = ask
        self.adapters: dict[Any, TypeAdapter[Any]] = {}

    async def ask(self, question: Question, answer: type[T]) -> T:
        """The answer as the type that the question's docstring names. Raises Problem."""
        try:
            value = await self.put(question)
        except Complained as complained:
            complaint = complained.complaint
            raise Problem(Code[complaint.code], complaint.message, complaint.details) from None
        except Unanswered as error:
            said = f"The {question.owner} did not answer in time. What was asked for may have been done."
            raise Problem(Code.TIMED_OUT, said, {"service": question.owner}) from error
        except Unreachable as error:
            raise Problem(Code.TEMPORARILY_UNAVAILABLE, f"The {question.owner} is away. Try again.", {"service": question.owner}) from error
        if answer not in self.adapters:
            self.adapters[answer] = TypeAdapter(answer)
        read: T = self.adapters[answer].validate_python(value)
        return read

    async def gateway(self, name: str) -> GatewayView:
        """The router knows every account. Raises Problem(NOT_FOUND) for a name that is none."""
        for one in await self.ask(ListGateways(), list[GatewayView]):
            if one.name == name:
                return one
        raise Problem(Code.NOT_FOUND, "There is no such gateway.")
