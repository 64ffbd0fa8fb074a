"""No webhook reaches what lies inside: not by a name, an odd number, a redirect, a proxy or a name that changes its mind."""

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from aiohttp.abc import AbstractResolver, ResolveResult

from services.notifier.addresses import refused
from services.notifier.domain.schedule import Answer, Retry, judge
from services.notifier.secrets import Secrets
from services.notifier.sender import Sender
from shared.storage.unit_of_work import UnitOfWork
from tests.mesh.receiver import Receiver
from tests.servers import Database
from tests.services.notifier.conftest import KEY
from tests.services.notifier.server import due_to, saying

LOOPBACK = [
    "127.0.0.1", "[::1]", "[::ffff:7f00:1]", "localhost", "127.0.0.1.", "localhost.",
    "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.1", "①②⑦.0.0.1", "127。0。0。1",
]  # fmt: skip
INSIDE = ["169.254.169.254", "10.0.0.1", "[fe80::1%25lo]", "[fd00:ec2::254]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "0.0.0.0", "[::]", "0"]


class Scripted(AbstractResolver):
    """Answers one list of addresses after the other, and the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        kinds = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in found]
        return [
            ResolveResult(hostname=host, host=one, port=port, family=kind, proto=0, flags=0) for one, kind in zip(found, kinds, strict=True)
        ]

    async def close(self) -> None:
        pass


def sender_of(empty: Database, unit_of_work: UnitOfWork, names: AbstractResolver | None = None) -> Sender:
    return Sender(empty.engine, unit_of_work, Secrets(KEY), schedule_s=[0, 5], allow_loopback=False, names=names)


@pytest_asyncio.fixture
async def strict(empty: Database, unit_of_work: UnitOfWork) -> AsyncIterator[Sender]:
    """As in a deployment: loopback is inside, too."""
    found = sender_of(empty, unit_of_work)
    await found.open()
    yield found
    await found.close()


async def tried(sender: Sender, url: str) -> Answer:
    return await sender._post(due_to(url, sender.secrets, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 1_700_000_000)


@pytest.mark.parametrize("host", LOOPBACK + INSIDE)
async def test_a_host_that_leads_inside_is_never_connected_to(strict: Sender, receiver: Receiver, host: str) -> None:
    answer = await tried(strict, f"https://{host}:{urlsplit(receiver.url).port}/hooks")
    assert answer.status is None
    assert answer.error in ("InvalidUrlClientError", "ClientConnectorDNSError") or str(answer.error).startswith("address refused: ")
    assert receiver.all == []


async def test_plain_http_is_not_sent(strict: Sender, receiver: Receiver) -> None:
    assert (await tried(strict, "http://shop.example/hooks")).error == "not https"
    assert (await tried(strict, receiver.url)).error == "not https"
    assert receiver.all == []


async def test_a_name_that_changes_its_mind_is_judged_by_what_is_connected_to(
    empty: Database, unit_of_work: UnitOfWork, receiver: Receiver
) -> None:
    names = Scripted(["93.184.216.34"], ["127.0.0.1"])
    (checked,) = await names.resolve("rebind.example")
    assert refused(checked["host"], allow_loopback=False) is None
    sender = sender_of(empty, unit_of_work, names)
    await sender.open()
    answer = await tried(sender, f"https://rebind.example:{urlsplit(receiver.url).port}/hooks")
    assert answer.error == "address refused: loopback"
    assert receiver.all == []
    await sender.close()


@pytest.mark.parametrize("addresses", [["10.0.0.1", "192.168.0.1"], ["10.0.0.1", "fd00::1", "::1"], ["169.254.169.254"]])
async def test_a_name_with_nothing_but_refused_addresses_is_a_failed_try(
    empty: Database, unit_of_work: UnitOfWork, addresses: list[str]
) -> None:
    sender = sender_of(empty, unit_of_work, Scripted(addresses))
    await sender.open()
    answer = await tried(sender, "https://several.example/hooks")
    assert answer.status is None
    assert str(answer.error).startswith("address refused: ")
    await sender.close()


@pytest.mark.parametrize("inside", ["http://169.254.169.254/latest/meta-data", "/elsewhere"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_is_a_failed_try(sender: Sender, inside: str, status: int) -> None:
    async with saying(f"HTTP/1.1 {status} Elsewhere\r\nLocation: {inside}\r\nContent-Length: 0\r\n\r\n".encode()) as server:
        answer = await tried(sender, server.url)
    assert (answer.status, len(server.requests)) == (status, 1)
    assert isinstance(judge(answer, tries=1, schedule_s=[0, 5], now=datetime.now(UTC), draw=0.5), Retry)


async def test_proxies_of_the_environment_are_not_asked(
    monkeypatch: pytest.MonkeyPatch, empty: Database, unit_of_work: UnitOfWork, receiver: Receiver
) -> None:
    async with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        sender = Sender(empty.engine, unit_of_work, Secrets(KEY), schedule_s=[0], allow_loopback=True)
        await sender.open()
        assert (await tried(sender, receiver.url)).status == 204
        await sender.close()
    assert proxy.requests == []


async def test_cookies_are_not_kept(sender: Sender) -> None:
    async with saying(b"HTTP/1.1 200 OK\r\nSet-Cookie: who=me; Path=/\r\nContent-Length: 0\r\n\r\n") as server:
        for _ in range(2):
            await tried(sender, server.url.replace("127.0.0.1", "localhost"))
    assert len(server.requests) == 2
    assert "cookie" not in "".join(server.requests).lower()
