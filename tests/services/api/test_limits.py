"""The rate limit through the real edge: who is counted, what the answers say, and who is left out of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from services.api.http.access.limits import Limit, RateLimits, subscriber
from services.api.http.layer import Caller, Client, EdgeRunner, Problem, Role, Routes, mount

CALLER = Caller(Role.MERCHANT, "one", "key_one", "m_001")
routes = Routes(tag="test")


@routes.get("/open", needs=Role.PUBLIC)
async def look() -> str:
    """Anybody's."""
    return "seen"


@routes.get("/own", needs=Role.MERCHANT)
async def look_at_own(caller: Caller) -> str:
    """A merchant's."""
    return caller.merchant_id


@routes.get("/probe", needs=Role.PUBLIC, limited=False)
async def probe() -> str:
    """A supervisor's."""
    return "alive"


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


Serve = Callable[..., AbstractAsyncContextManager[aiohttp.ClientSession]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def serve(clock: Clock) -> Serve:
    @asynccontextmanager
    async def serving(*, per_address: int, per_key: int, trusted: tuple[str, ...] = ()) -> AsyncIterator[aiohttp.ClientSession]:
        async def who(headers: object) -> Caller:
            return CALLER

        app = web.Application()
        limits = RateLimits(per_address=per_address, per_key=per_key, clock=clock)
        mount(app, [routes], dependencies={}, authenticate=who, admit=limits.admit, trusted_proxies=trusted)
        runner = EdgeRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession(base_url=f"http://{host}:{port}") as session:
            yield session
        await runner.cleanup()

    return serving


async def statuses(http: aiohttp.ClientSession, path: str, times: int, **headers: str) -> list[int]:
    found = []
    for _ in range(times):
        async with http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}) as response:
            found.append(response.status)
    return found


async def test_an_address_is_let_in_so_often_and_then_told_when_to_come_again(serve: Serve, clock: Clock) -> None:
    async with serve(per_address=3, per_key=0) as http:
        async with http.get("/open") as first:
            told = {name: value for name, value in first.headers.items() if name.startswith("RateLimit")}
        assert told == {"RateLimit-Limit": "3", "RateLimit-Remaining": "2", "RateLimit-Reset": "20"}
        assert await statuses(http, "/api/v1/open", 2) == [200, 200]
        async with http.get("/open") as refused:
            body = await refused.json()
            assert (refused.status, body["error"]["code"]) == (429, "RATE_LIMITED")
            assert body["error"]["message"] == "More than 3 requests a minute from this address."
            assert (refused.headers["Retry-After"], refused.headers["RateLimit-Remaining"]) == ("20", "0")
        assert await statuses(http, "/probe", 5) == [200] * 5
        clock.now_s += 20
        assert await statuses(http, "/open", 2) == [200, 429]


def test_nobody_alone_uses_up_a_publishable_key(clock: Clock) -> None:
    """It is in everybody's hands. A merchant's own key has one budget, from wherever it is used."""
    limits = RateLimits(per_address=0, per_key=1, clock=clock)
    one, other = Client("192.0.2.1", ""), Client("192.0.2.2", "")
    for role in (Role.PUBLISHABLE, Role.PAYER):
        page = Caller(role, "one", f"pk_{role}", "m_001")
        assert limits.admit(one, page)
        with pytest.raises(Problem):
            limits.admit(one, page)
        assert limits.admit(other, page)
    assert limits.admit(one, CALLER)
    with pytest.raises(Problem):
        limits.admit(other, CALLER)


async def test_a_key_is_counted_beside_its_address(serve: Serve) -> None:
    async with serve(per_address=100, per_key=2) as http:
        assert await statuses(http, "/own", 3) == [200, 200, 429]
        assert await statuses(http, "/open", 3) == [200, 200, 200]
        async with http.get("/own") as refused:
            assert "this key" in (await refused.json())["error"]["message"]
            assert refused.headers["RateLimit-Limit"] == "2"


async def test_a_strangers_word_about_addresses_counts_for_nothing(serve: Serve) -> None:
    async with serve(per_address=1, per_key=0) as http:
        assert await statuses(http, "/open", 1, X_Forwarded_For="203.0.113.1") == [200]
        assert await statuses(http, "/open", 1, X_Forwarded_For="203.0.113.2") == [429]
    async with serve(per_address=1, per_key=0, trusted=("127.0.0.0/8",)) as http:
        assert await statuses(http, "/open", 2, X_Forwarded_For="203.0.113.1") == [200, 429]
        assert await statuses(http, "/open", 1, X_Forwarded_For="198.51.100.7, 203.0.113.1") == [429]
        assert await statuses(http, "/open", 1, X_Forwarded_For="203.0.113.2") == [200]


async def test_no_limit_says_nothing(serve: Serve) -> None:
    async with serve(per_address=0, per_key=0) as http, http.get("/own") as response:
        assert response.status == 200
        assert not [name for name in response.headers if name.startswith("RateLimit")]


def test_memory_is_bounded_and_forgets_whom_it_saw_longest_ago() -> None:
    limit = Limit(1, remembered_max=100)
    assert limit.take("busy", 0).admitted
    for number in range(1000):
        assert limit.take(f"stranger {number}", 0).admitted
        assert not limit.take("busy", 0).admitted
        assert len(limit.due_s) <= 100
    assert limit.take("stranger 0", 0).admitted


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_a_subscriber_is_an_address_or_a_network(one: str, other: str, same: bool) -> None:
    assert (subscriber(one) == subscriber(other)) is same


def test_a_key_has_one_budget_wherever_it_calls_from() -> None:
    limits = RateLimits(per_address=0, per_key=1, clock=Clock())
    assert limits.admit(Client("192.0.2.1", ""), CALLER)
    with pytest.raises(Exception, match="this key"):
        limits.admit(Client("192.0.2.2", ""), CALLER)
