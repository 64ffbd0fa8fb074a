"""One mesh for the whole folder: six services, PostgreSQL, RabbitMQ and the sandbox, each a process, with hours compressed to seconds.

The servers are its own even where others are given: tests end them, and queue names would meet those of another mesh.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import aiohttp
import pytest

from deploy.local import demo
from deploy.local.errors import LocalError
from deploy.local.instance import Instance
from deploy.local.leftovers import end_programs, end_servers, remove
from deploy.local.mesh import Mesh
from deploy.sandbox.webhooks import secret_of
from services.api.seed import seed as seed_api
from services.notifier.seed import seed as seed_notifier
from tests.mesh.inside import Inside
from tests.mesh.merchant import Merchant
from tests.mesh.outside import Outside
from tests.mesh.receiver import Receiver

ORDER = (
    "success",
    "idempotency",
    "refusals",
    "outcomes",
    "money",
    "overdue",
    "expiry",
    "kills",
    "outages",
    "routing",
    "afterwards",
    "schemathesis",
)
# Timeouts, grace and ladder fit together: given up at 2.5 s; asked 2.0, 2.5, 3.0 … s later; "not found" counts from 5.0 s on. Of what
# must follow each other nothing is less than a second apart, because the machine may be slow.
SETTINGS = {
    "PAYMESH_GATEWAY_TIMEOUT_MS": "2500",
    "PAYMESH_LATENCY_BUDGET_MS": "80000",
    "PAYMESH_ATTEMPT_MARGIN_S": "1",
    "PAYMESH_PAYMENT_TTL_S": "80",
    "PAYMESH_RESUME_AFTER_S": "90",
    "PAYMESH_SWEEP_EVERY_S": "0.3",
    "PAYMESH_ROUTING_POLICY": "fixed",  # alpha before beta before gamma, whatever the tests before have done to them
    "PAYMESH_VERIFICATION_LADDER_S": "[2, 0.5, 0.5, 0.5, 1, 1, 2, 2, 3, 5, 5, 5, 5, 5]",
    "PAYMESH_NOT_FOUND_GRACE_S": "5",
    "PAYMESH_RECONCILE_EVERY_S": "0",  # by command only
    "PAYMESH_OPERATION_PAUSES_S": "[0.5, 1]",
    "PAYMESH_REVERSAL_PAUSES_S": "[0.5, 1, 1, 2, 2]",
    "PAYMESH_OPERATION_DEADLINE_S": "20",
    "PAYMESH_WEBHOOK_SCHEDULE_S": "[0, 0.5, 1, 1, 2, 2, 3, 3, 5, 5, 5, 5]",
    "PAYMESH_RATE_LIMIT_PER_MIN": "0",
    "PAYMESH_RATE_LIMIT_KEY_PER_MIN": "0",
    "PAYMESH_LOG_FORMAT": "json",
    "PAYMESH_LOG_LEVEL": "info",
}
# `closed` has nobody listening. It alone would be first for KWD, so no other payment ever meets it.
GATEWAYS = "\n".join(
    f"""\
[{name}]
kind = "sandbox"
base_url = "{base}"
api_key = "sk_sandbox_{name}"
webhook_secret = "{secret_of(name)}"
methods = ["UPI", "CARD", "PAYMENT_LINK"]
currencies = {currencies}
priority = {priority}
"""
    for priority, (name, base, currencies) in enumerate(
        [
            ("closed", "http://127.0.0.1:1", '["KWD"]'),
            *((name, f"${{PAYMESH_SANDBOX_URL}}/gateways/{name}", '["INR", "KWD"]') for name in ("alpha", "beta", "gamma")),
        ]
    )
)
# Spoken to as the real ones are. No other payment meets them: each alone takes its currency. Asked so late that webhooks come first.
REAL = {
    "razorpay": ("SGD", 'api_key = "rzp_test_razorpay"\nkey_secret = "sk_sandbox_razorpay"'),
    "stripe": ("EUR", 'api_key = "sk_test_stripe"'),
}
GATEWAYS += "\n".join(
    f"""\
[{name}]
kind = "{name}"
base_url = "${{PAYMESH_SANDBOX_URL}}/{name}/{name}"
{keys}
webhook_secret = "{secret_of(name)}"
return_url = "https://shop.example/thanks"
ladder_s = [5, 1, 1, 2, 2, 5, 5, 5]
methods = ["UPI", "CARD", "PAYMENT_LINK"]
currencies = ["{currency}"]
priority = {priority}
"""
    for priority, (name, (currency, keys)) in enumerate(REAL.items(), 4)
)
# No gateway is so kind as to notice a repeated order. At gamma a charge that comes late comes after the first question, within the grace.
LATE_S = {"alpha": 3.5, "beta": 3.5, "gamma": 6.0}
ACCOUNTS = "\n".join(
    f"[{name}]\nlatency_ms = 5\nslow_s = 0.6\nlate_s = {late_s}\nhang_s = 20\nignores_idempotency_keys = true\n"
    for name, late_s in LATE_S.items()
)
ACCOUNTS += "".join(f"[{name}]\nlatency_ms = 5\nlate_s = 3.5\nhang_s = 6\n" for name in REAL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Simple things first, what ends processes late, what looks at the remains, and last what leaves nothing as it was."""
    folder = Path(__file__).parent
    ours = [item for item in items if item.path.parent == folder]
    rank = {name: place for place, name in enumerate(ORDER)}
    ours.sort(key=lambda item: rank.get(item.path.stem.removeprefix("test_"), len(ORDER) - 2.5))
    items[:] = [item for item in items if item.path.parent != folder] + ours


@pytest.fixture(scope="session")
def _no_settings_of_others() -> Iterator[None]:
    """What this shell is set to must change no result; the mesh reads the environment whenever it starts a process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PAYMESH_") and not name.startswith("PAYMESH_TEST_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def mesh(_no_settings_of_others: None) -> Iterator[Mesh]:
    """Started with fresh data, and everything of it gone afterwards."""
    instance = Instance.named("mesh-tests")
    if instance.is_held():
        pytest.fail("another run of these tests holds the instance mesh-tests")
    if instance.folder.exists():
        end_programs(instance)
        end_servers(instance)
        remove(instance)
    instance.folder.mkdir(parents=True)
    gateways, accounts = instance.folder / "gateways.toml", instance.folder / "accounts.toml"
    gateways.write_text(GATEWAYS)
    accounts.write_text(ACCOUNTS)
    given = {"PAYMESH_GATEWAYS_FILE": str(gateways), "PAYMESH_SANDBOX_ACCOUNTS_FILE": str(accounts)}
    found = Mesh(instance.folder, SETTINGS | given)
    try:
        found.start()
    except LocalError as error:
        pytest.fail(f"{error}\n{error.detail}")
    hold_breakers_closed(found)
    yield found
    found.abandon()  # nobody needs the data any more
    found.stop()
    remove(instance)


def hold_breakers_closed(mesh: Mesh) -> None:
    """These tests break gateways by the dozen, and each wants to meet the one that it names."""
    for gateway in LATE_S:
        for method in ("UPI", "CARD"):
            url = f"{mesh.blueprint.url('api')}/circuit-breaker/force-close/{gateway}/{method}"
            headers = {"X-Internal-Api-Key": mesh.blueprint.internal_api_key, "Content-Type": "application/json"}
            with urlopen(Request(url, method="POST", headers=headers, data=b'{"reason": "tests"}'), timeout=30) as answer:
                assert answer.status == 200


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections are not kept: a process that was killed must not look alive through an old one."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=90)) as session:
        yield session


@pytest.fixture(scope="session")
def inside(mesh: Mesh) -> Inside:
    return Inside(mesh)


@pytest.fixture(scope="session")
def outside(mesh: Mesh, http: aiohttp.ClientSession) -> Outside:
    return Outside(http, mesh.blueprint.url("sandbox"))


@pytest.fixture(scope="session")
def merchant(mesh: Mesh, http: aiohttp.ClientSession) -> Merchant:
    """The demo merchant."""
    return Merchant(http, mesh.blueprint.url("api"), {"X-Api-Key": demo.API_KEY, "X-Api-Secret": demo.API_SECRET})


@pytest.fixture(scope="session")
def operator(mesh: Mesh) -> dict[str, str]:
    """The headers of an operator."""
    return {"X-Internal-Api-Key": mesh.blueprint.internal_api_key}


@pytest.fixture(scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook endpoint in this process."""
    found = Receiver()
    await found.open()
    yield found
    await found.close()


@pytest.fixture(scope="session")
async def neighbour(mesh: Mesh, http: aiohttp.ClientSession, receiver: Receiver) -> Merchant:
    """Another merchant, told by webhook to `receiver`; its keys derive nothing and wait for nothing."""
    keys = {"X-Api-Key": "key_test_neighbour", "X-Api-Secret": "secret_test_neighbour"}
    merchant = {"id": "m_002", "name": "Neighbour", "currency": "INR", "answer_wait_s": 0, "derive_idempotency_key": False}
    merchant |= {"api_key": keys["X-Api-Key"], "api_secret": keys["X-Api-Secret"], "publishable_key": "pk_test_neighbour"}
    merchant["allowed_origins"] = []
    endpoint = {"id": "we_neighbour", "url": receiver.url, "secret": receiver.secret}
    seeds = {"api": seed_api(merchant), "notifier": seed_notifier({"merchant": merchant, "endpoint": endpoint})}
    for service, seed in seeds.items():
        with pytest.MonkeyPatch.context() as patch:
            for name, value in mesh.blueprint.environment(service).items():
                patch.setenv(name, value)
            await seed
    return Merchant(http, mesh.blueprint.url("api"), keys)
