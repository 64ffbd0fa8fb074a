"""Request and reply: an answer, or a clear word on why there is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Literal

import pytest
from sqlalchemy.exc import TimeoutError as PoolExhausted
from structlog.testing import capture_logs

from shared import topology
from shared.clock import new_id
from shared.contracts import Frozen
from shared.contracts.questions import Question
from shared.messaging import answers as answering
from shared.messaging import ask as asking
from shared.messaging.answers import Answering, Answers, Refused
from shared.messaging.ask import Asker, Complained, Unanswered, Unreachable
from shared.messaging.rabbit import connect
from tests.kernel.proxy import wire_to
from tests.kernel.queues import Queues
from tests.kernel.waiting import until

OWNER = f"toy{new_id().hex}"  # others beside us on this broker have toys too


class Double(Question):
    owner: ClassVar[str] = OWNER
    kind: Literal["toy.double.v1"] = "toy.double.v1"
    number: int


class Add(Question):
    owner: ClassVar[str] = OWNER
    kind: Literal["toy.add.v1"] = "toy.add.v1"
    name: str


class Hang(Question):
    owner: ClassVar[str] = OWNER
    kind: Literal["toy.hang.v1"] = "toy.hang.v1"


class Newer(Question):
    owner: ClassVar[str] = OWNER
    kind: Literal["toy.newer.v1"] = "toy.newer.v1"


class Number(Frozen):
    number: int


class Desk:
    """What answers depend on."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.raises: Exception | None = None
        self.go_on = asyncio.Event()
        self.at_once = self.at_once_max = 0


answers = Answers(OWNER)


@answers
async def double(question: Double, desk: Desk) -> Number:
    if desk.raises is not None:
        raise desk.raises
    return Number(number=2 * question.number)


@answers
def add(question: Add, desk: Desk) -> list[Number]:
    desk.names.append(question.name)
    return [Number(number=len(desk.names))]


@answers
async def hang(question: Hang, desk: Desk) -> str:
    desk.at_once += 1
    desk.at_once_max = max(desk.at_once_max, desk.at_once)
    try:
        await desk.go_on.wait()
    finally:
        desk.at_once -= 1
    return "at last"


class Owner:
    """One replica of it."""

    def __init__(self, url: str, desk: Desk) -> None:
        self.ears, self.mouth = connect(url, service="toy"), connect(url, service="toy")
        self.answering = Answering(answers, ears=self.ears, mouth=self.mouth, given={"desk": desk})

    async def start(self) -> None:
        await self.ears.connect()
        await self.mouth.connect()
        await self.answering.open()

    async def stop(self) -> None:
        await self.answering.close()
        await self.die()

    async def die(self) -> None:
        for task in tuple(self.answering.running):
            task.cancel()
        await self.ears.stop()
        await self.mouth.stop()


@asynccontextmanager
async def owner(url: str, desk: Desk) -> AsyncIterator[Owner]:
    one = Owner(url, desk)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


@asynccontextmanager
async def asker(url: str, timeout_s: float = 30.0) -> AsyncIterator[Asker]:
    broker = connect(url, service="toy")
    await broker.connect()
    try:
        yield Asker(broker, timeout_s=timeout_s)
    finally:
        await broker.stop()


async def answered(one: Asker) -> Any:
    """None where there is no answer yet."""
    try:
        return await one.ask(Double(number=2))
    except (Unanswered, Unreachable):
        return None


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(autouse=True)
async def no_queue(queues: Queues) -> AsyncIterator[None]:
    """Nobody has ever answered on this broker."""
    yield
    channel = await queues.channel()
    await channel.queue_delete(topology.questions_of(OWNER))


async def test_a_question_has_an_answer(rabbitmq_url: str, desk: Desk) -> None:
    async with owner(rabbitmq_url, desk), asker(rabbitmq_url) as one:
        assert await one.ask(Double(number=21)) == {"number": 42}
        assert await one.ask(Add(name="a")) == [{"number": 1}]
        assert not one.waiting


async def test_a_complaint_says_why_there_is_none(rabbitmq_url: str, desk: Desk) -> None:
    desk.raises = Refused("NOT_FOUND", "There is no such number.", number=21)
    async with owner(rabbitmq_url, desk), asker(rabbitmq_url) as one:
        with pytest.raises(Complained) as raised:
            await one.ask(Double(number=21))
    assert raised.value.complaint.code == "NOT_FOUND"
    assert raised.value.complaint.message == "There is no such number."
    assert raised.value.complaint.details == {"number": 21}


@pytest.mark.parametrize(
    ("error", "code", "level"),
    [(ZeroDivisionError("with a secret"), "INTERNAL_ERROR", "error"), (PoolExhausted(), "TEMPORARILY_UNAVAILABLE", "warning")],
    ids=["a bug", "the database is away"],
)
async def test_a_crash_is_a_complaint_and_a_line_in_the_log(rabbitmq_url: str, desk: Desk, error: Exception, code: str, level: str) -> None:
    desk.raises = error
    async with owner(rabbitmq_url, desk), asker(rabbitmq_url) as one:
        with capture_logs() as said, pytest.raises(Complained) as raised:
            await one.ask(Double(number=1))
        assert raised.value.complaint.code == code
        assert "secret" not in raised.value.complaint.message
        assert [(line["event"], line["kind"], line["log_level"]) for line in said] == [("question_failed", "toy.double.v1", level)]
        desk.raises = None
        assert await one.ask(Double(number=1)) == {"number": 2}


async def test_what_this_version_does_not_know_is_a_complaint(rabbitmq_url: str, desk: Desk) -> None:
    class Wrong(Question):
        owner: ClassVar[str] = OWNER
        kind: Literal["toy.double.v1"] = "toy.double.v1"
        number: str

    async with owner(rabbitmq_url, desk), asker(rabbitmq_url) as one:
        with pytest.raises(Complained, match=r"INTERNAL_ERROR.*toy\.newer\.v1"):
            await one.ask(Newer())
        with pytest.raises(Complained, match=r"VALIDATION_ERROR: number: ") as raised:
            await one.ask(Wrong(number="confidential"))
        assert "confidential" not in str(raised.value)


async def test_nobody_there_is_said_at_once(rabbitmq_url: str) -> None:
    async with asker(rabbitmq_url, timeout_s=60) as one:
        with pytest.raises(Unreachable, match="has no queue"):
            await one.ask(Double(number=1))
        assert not one.waiting


async def test_nobody_there_any_more_is_said_soon(rabbitmq_url: str, desk: Desk) -> None:
    """The queue is still there, and nobody consumes it."""
    async with asker(rabbitmq_url, timeout_s=60) as one:
        async with owner(rabbitmq_url, desk):
            assert await one.ask(Double(number=1)) == {"number": 2}
        with pytest.raises(Unreachable, match="is there to answer"):
            await one.ask(Double(number=1))


async def test_a_broker_that_is_away_is_said_at_once(rabbitmq_url: str, desk: Desk) -> None:
    async with owner(rabbitmq_url, desk), wire_to(rabbitmq_url) as wire, asker(wire.url(rabbitmq_url), timeout_s=60) as one:
        assert await one.ask(Double(number=1)) == {"number": 2}
        wire.cut()
        await until(lambda: not asking._is_up(one.broker))
        with pytest.raises(Unreachable, match="the broker is away"):
            await one.ask(Double(number=1))
        assert await until(lambda: answered(one)) == {"number": 4}


async def test_a_slow_owner_is_a_timeout_and_its_late_answer_is_nobodys(rabbitmq_url: str, desk: Desk) -> None:
    async with owner(rabbitmq_url, desk) as there, asker(rabbitmq_url, timeout_s=0.7) as one:
        with capture_logs() as said, pytest.raises(Unanswered, match=r"toy\.hang\.v1 within 0\.7 s"):
            await one.ask(Hang())
        one.timeout_s = 30.0
        await until(lambda: not there.answering.running)  # nobody waits for it, so it is not worked on
        assert desk.at_once == 0
        assert [line["event"] for line in said] in ([], ["answer_not_given"])
        desk.go_on.set()
        assert await one.ask(Double(number=3)) == {"number": 6}


async def test_two_hundred_at_once_each_have_their_own_answer(rabbitmq_url: str, desk: Desk) -> None:
    async with owner(rabbitmq_url, desk), owner(rabbitmq_url, desk), asker(rabbitmq_url) as one, asker(rabbitmq_url) as other:
        found = await asyncio.gather(*((one, other)[number % 2].ask(Double(number=number)) for number in range(200)))
        assert found == [{"number": 2 * number} for number in range(200)]


async def test_an_owner_works_at_few_and_an_asker_asks_not_too_many(rabbitmq_url: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "UNDER_WAY_MAX", 20)
    async with owner(rabbitmq_url, desk), asker(rabbitmq_url) as one:
        under_way = [asyncio.create_task(one.ask(Hang())) for _ in range(20)]
        await until(lambda: len(one.waiting) == 20 and desk.at_once == answering.AT_ONCE)
        with pytest.raises(Unreachable, match="under way"):
            await one.ask(Double(number=1))
        desk.go_on.set()
        assert set(await asyncio.gather(*under_way)) == {"at last"}
        assert desk.at_once_max == answering.AT_ONCE


async def test_replicas_share_the_questions_and_each_is_answered_once(rabbitmq_url: str) -> None:
    desks = [Desk(), Desk()]
    async with owner(rabbitmq_url, desks[0]), owner(rabbitmq_url, desks[1]), asker(rabbitmq_url) as one:
        await asyncio.gather(*(one.ask(Add(name=str(number))) for number in range(20)))
    assert all(desk.names for desk in desks)
    assert sorted(desks[0].names + desks[1].names, key=int) == [str(number) for number in range(20)]


async def test_an_owner_that_dies_in_an_answer_is_not_asked_twice(rabbitmq_url: str, desk: Desk) -> None:
    """Whoever gets no answer asks again: the broker must not do it for him."""
    first = Owner(rabbitmq_url, desk)
    await first.start()
    async with asker(rabbitmq_url, timeout_s=3.0) as one:
        asked = asyncio.create_task(one.ask(Hang()))
        await until(lambda: desk.at_once == 1)
        one.timeout_s, after = 30.0, Desk()
        async with owner(rabbitmq_url, after):
            await first.die()
            assert await one.ask(Double(number=4)) == {"number": 8}
            with pytest.raises(Unanswered):
                await asked
            assert after.at_once_max == 0


async def test_a_stop_answers_what_is_in_hand(rabbitmq_url: str, desk: Desk) -> None:
    async with asker(rabbitmq_url) as one:
        there = Owner(rabbitmq_url, desk)
        await there.start()
        asked = asyncio.create_task(one.ask(Hang()))
        await until(lambda: desk.at_once == 1)
        stopping = asyncio.create_task(there.stop())
        await until(lambda: not there.answering.tag)
        desk.go_on.set()
        await stopping
        assert await asked == "at last"


async def test_questions_survive_the_loss_of_a_connection(rabbitmq_url: str, desk: Desk) -> None:
    async with wire_to(rabbitmq_url) as wire, owner(wire.url(rabbitmq_url), desk), asker(wire.url(rabbitmq_url)) as one:
        assert await one.ask(Double(number=1)) == {"number": 2}
        one.timeout_s = 1.0
        wire.cut()
        assert await until(lambda: answered(one)) == {"number": 4}


async def test_sizes_are_limited(rabbitmq_url: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "ANSWER_BYTES_MAX", 1000)
    async with owner(rabbitmq_url, desk), asker(rabbitmq_url) as one:
        with pytest.raises(Complained, match="VALIDATION_ERROR"):
            await one.ask(Add(name="a" * asking.QUESTION_BYTES_MAX))
        assert desk.names == []
        desk.raises = Refused("NOT_FOUND", "a" * 1000)
        with pytest.raises(Complained, match="INTERNAL_ERROR: The answer is too large"):
            await one.ask(Double(number=1))


async def test_a_question_that_waited_too_long_is_not_answered_any_more(rabbitmq_url: str, queues: Queues, desk: Desk) -> None:
    """Its asker was told that nobody answered, so nothing may change behind his back long afterwards."""

    async def nothing_waits() -> bool:
        return await queues.length(topology.questions_of(OWNER)) == 0

    async with asker(rabbitmq_url) as one:
        async with owner(rabbitmq_url, desk):
            pass
        one.timeout_s = 0.3
        with pytest.raises((Unanswered, Unreachable)):
            await one.ask(Add(name="late"))
        one.timeout_s = 10.0
        await until(nothing_waits, 30)
        async with owner(rabbitmq_url, desk):
            assert await one.ask(Double(number=1)) == {"number": 2}
        assert desk.names == []


def test_a_question_is_asked_of_its_owner_and_has_one_answer() -> None:
    mine = Answers("somebody")
    with pytest.raises(TypeError, match="is asked of"):
        mine(double)
    with pytest.raises(TypeError, match="has an answer already"):
        answers(double)
