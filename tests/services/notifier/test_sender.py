"""One try: how it is signed, what of its answer is kept, and how endpoints that misbehave are cut off."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from services.notifier import sender as module
from services.notifier.domain.schedule import Answer
from services.notifier.domain.signature import hex_signature, key_of
from services.notifier.secrets import Secrets
from services.notifier.sender import SHOWN_BYTES, Sender
from services.notifier.store import Due
from shared.clock import utc_now
from shared.storage.unit_of_work import UnitOfWork
from tests.mesh.receiver import Receiver
from tests.servers import Database
from tests.services.notifier.conftest import KEY
from tests.services.notifier.server import due_to, saying

NEW, OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"
OK = b"HTTP/1.1 200 OK\r\n"


@pytest_asyncio.fixture
async def hasty(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, empty: Database, unit_of_work: UnitOfWork
) -> AsyncIterator[Sender]:
    """Waits 0.6 s in all, or as long as the test says, and half as long for a byte."""
    timeout_s = getattr(request, "param", 0.6)
    monkeypatch.setattr(module, "FIRST_BYTE_TIMEOUT_S", timeout_s / 2)
    monkeypatch.setattr(module, "TIMEOUT_S", timeout_s)
    found = Sender(empty.engine, unit_of_work, Secrets(KEY), schedule_s=[0], allow_loopback=True)
    await found.open()
    yield found
    await found.close()


async def post(sender: Sender, due: Due) -> Answer:
    return await sender._post(due, int(utc_now().timestamp()))


async def tried(sender: Sender, url: str) -> Answer:
    return await post(sender, due_to(url, sender.secrets, NEW))


async def test_during_a_rotation_both_secrets_verify_and_the_older_header_is_the_newest(sender: Sender, receiver: Receiver) -> None:
    due = due_to(receiver.url, sender.secrets, NEW, OLD, body='{"type":"payment.succeeded","name":"₹"}'.encode())
    assert (await post(sender, due)).status == 204
    (heard,) = receiver.all
    assert [one[:3] for one in heard.headers["webhook-signature"].split(" ")] == ["v1,", "v1,"]
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(heard.body, heard.headers)["type"] == "payment.succeeded"
    assert heard.headers["X-Webhook-Signature"] == hex_signature(key_of(NEW), due.body)
    assert (heard.headers["webhook-id"], heard.body) == (str(due.delivery_id), due.body)


async def test_a_secret_that_cannot_be_read_is_a_failed_try(sender: Sender, receiver: Receiver) -> None:
    answer = await post(sender, due_to(receiver.url, Secrets(KEY.replace("A", "B")), NEW))
    assert (answer.status, answer.error) == (None, "InvalidTag")
    assert receiver.all == []


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"thanks", "thanks"),
        (b"", ""),
        (b"\xff\x00ok\xe2\x82", "�ok�"),  # neither UTF-8 nor what a text column holds
        ("é".encode() * SHOWN_BYTES, "é" * (SHOWN_BYTES // 2)),
        (b"x" * 5000, "x" * SHOWN_BYTES),
    ],
)
async def test_what_begins_an_answer_is_kept(sender: Sender, body: bytes, kept: str) -> None:
    async with saying(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body) as server:
        assert await tried(sender, server.url) == Answer(200, body=kept)


async def test_a_connection_serves_again(sender: Sender) -> None:
    async def in_pieces(writer: asyncio.StreamWriter) -> None:
        for piece in (OK, b"Content-Length: 4\r\n\r\n", b"fi", b"ne"):
            writer.write(piece)
            await writer.drain()

    async with saying(in_pieces) as server:
        assert [(await tried(sender, server.url)).body for _ in range(5)] == ["fine"] * 5
    assert (len(server.requests), server.connections) == (5, 1)


async def test_a_bomb_is_neither_asked_for_nor_inflated(sender: Sender) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    async with saying(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb) as server:
        answer = await tried(sender, server.url)
    assert answer.status == 200
    assert len(answer.body or "") <= SHOWN_BYTES
    assert (answer.body or "").startswith("\x1f")
    assert "Accept-Encoding: identity\r\n" in server.requests[0]


async def test_an_answer_without_end_is_cut_off(sender: Sender) -> None:
    """Long before its time is over."""

    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with saying(flood) as server, asyncio.timeout(0.9 * module.TIMEOUT_S):
        assert await tried(sender, server.url) == Answer(200, body="x" * SHOWN_BYTES)
        await server.left.wait()


async def drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("hasty", [3.0], indirect=True)
async def test_an_answer_that_drips_is_cut_off_and_its_status_stands(hasty: Sender) -> None:
    async def slowly(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 1000\r\n\r\n")
        await drip(writer)

    async with saying(slowly) as server, asyncio.timeout(40):  # it drips for 50
        answer = await tried(hasty, server.url)
    assert answer.status == 200
    assert set(answer.body or "") == {"x"}


async def silence(writer: asyncio.StreamWriter) -> None:
    pass


async def dripping_head(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"X-More: ")
    await drip(writer)


async def hints_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def a_long_line(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(OK + b"X-More: " + b"x" * 1_000_000)
        await writer.drain()


async def many_lines(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    while True:
        writer.write(b"X-More: x\r\n" * 10_000)
        await writer.drain()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


@pytest.mark.parametrize(
    "say", [silence, dripping_head, hints_for_ever, a_long_line, many_lines, hang_up, nonsense], ids=lambda say: say.__name__
)
async def test_what_is_no_answer_is_a_failed_try_and_cut_off(hasty: Sender, say: object) -> None:
    async with saying(say) as server, asyncio.timeout(30):  # type: ignore[arg-type]
        answer = await tried(hasty, server.url)
        assert answer.status is None
        assert answer.error
        await server.left.wait()
