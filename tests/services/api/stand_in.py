"""Stands in for router, metrics and executor: answers every question over the real broker, and remembers what it was asked."""

from collections.abc import Callable
from typing import Any

from shared.contracts import questions
from shared.contracts.questions import Complaint, Question
from shared.messaging.answers import Answering, Answers, Refused
from shared.messaging.rabbit import connect

KINDS: dict[str, type[Question]] = {
    one.kind_of(): one
    for name in questions.__all__
    if isinstance(one := getattr(questions, name), type) and issubclass(one, Question) and one is not Question
}


class StandIn:
    """`says` is what a kind of question is answered with: a value, a complaint, or a function of the question."""

    def __init__(self, url: str) -> None:
        self.ears, self.mouth = connect(url, service="stand-in"), connect(url, service="stand-in")
        self.asked: list[Question] = []
        self.says: dict[type[Question], Any] = {}
        self.answering = {
            owner: Answering(self._answers(owner), ears=self.ears, mouth=self.mouth, given={})
            for owner in sorted({kind.owner for kind in KINDS.values()})
        }

    async def open(self) -> None:
        await self.ears.connect()
        await self.mouth.connect()
        await self.renew()

    async def renew(self) -> None:
        """As if it had just been made; who was away is back."""
        self.asked, self.says = [], {}
        for one in self.answering.values():
            if not one.tag:
                await one.open()

    async def away(self, owner: str) -> None:
        """One of them takes no questions any more."""
        await self.answering[owner].close()

    async def close(self) -> None:
        for one in self.answering.values():
            await one.close()
        await self.ears.stop()
        await self.mouth.stop()

    def answer(self, question: Question) -> Any:
        self.asked.append(question)
        said = self.says.get(type(question))
        if isinstance(said, Complaint):
            raise Refused(said.code, said.message, **said.details)
        if said is None:
            raise Refused("NOT_FOUND", f"Nobody has told the stand-in what to say to {question.kind}.")
        return said(question) if callable(said) else said

    def _answers(self, owner: str) -> Answers:
        answers = Answers(owner)
        for kind in KINDS.values():
            if kind.owner == owner:
                answers(self._answer_to(kind))
        return answers

    def _answer_to(self, kind: type[Question]) -> Callable[[Any], Any]:
        def answer(question: Any) -> Any:
            return self.answer(question)

        answer.__annotations__ = {"question": kind, "return": Any}
        return answer
