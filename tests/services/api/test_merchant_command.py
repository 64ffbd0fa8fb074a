"""`./paymesh merchant` against the real edge: what it prints opens the doors that it says."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from deploy.local.commands import merchant
from deploy.local.errors import LocalError
from deploy.local.status import MeshStatus
from tests.services.api.conftest import OPERATOR, Client
from tests.services.api.test_keys import a_second_later


class Shell:
    """Runs a command beside the loop, for it blocks."""

    def __init__(self, capsys: pytest.CaptureFixture[str], printed: list[str]) -> None:
        self.capsys, self.printed = capsys, printed

    async def text(self, *words: str) -> str:
        self.capsys.readouterr()
        await asyncio.to_thread(merchant.app, [*words], result_action="return_value")
        return self.capsys.readouterr().out

    async def json(self, *words: str) -> Any:
        await self.text(*words, "--json")
        return json.loads(self.printed.pop())  # not from standard output, where the edge may log


@pytest.fixture
def shell(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    url = str(http._base_url).rstrip("/")
    status = MeshStatus(instance="x", state="running", api=url, shop=f"{url}/shop", internal_api_key=OPERATOR["X-Internal-Api-Key"])
    printed: list[str] = []
    monkeypatch.setattr(merchant, "running", lambda instance: status)
    monkeypatch.setattr(merchant, "print", printed.append, raising=False)
    return Shell(capsys, printed)


def sent(key: dict[str, str]) -> dict[str, str]:
    return {"X-Api-Key": key["key_id"], "X-Api-Secret": key["secret"]}


async def test_a_merchant_from_its_first_key_to_its_last(shell: Shell, http: aiohttp.ClientSession) -> None:
    made = await shell.json("create", "Corner shop", "--id", "m_shell", "--currency", "EUR", "--origin", "https://shop.example")
    assert (made["merchant_id"], made["currency"], made["allowed_origins"]) == ("m_shell", "EUR", ["https://shop.example"])
    assert (await Client(http, sent(made["key"])).get("/keys")).status == 200
    rolled = await shell.json("roll", made["key"]["key_id"], "--overlap-s", "60", "--reason", "a year has passed")
    page = await shell.json("key", "m_shell", "--publishable")
    assert (page["kind"], page["secret"]) == ("publishable", None)
    shown = await shell.json("show", "m_shell")
    assert {one["key_id"] for one in shown["keys"]} == {rolled["key_id"], page["key_id"]}
    assert "secret" not in shown["keys"][0]
    assert (await shell.json("update", "m_shell", "--no-origins", "--answer-wait-s", "3"))["allowed_origins"] == []
    assert (await shell.json("revoke", rolled["key_id"]))["revoked_at"]
    await a_second_later()
    assert (await Client(http, sent(rolled)).get("/keys")).status == 401


async def test_people_read_tables_and_the_secret_once(shell: Shell) -> None:
    made = await shell.text("create", "Corner shop", "--id", "m_people")
    assert "m_people" in made
    assert "X-Api-Secret: secret_live_" in made
    key_id = made.partition("X-Api-Key: ")[2].split()[0]
    shown = await shell.text("show", "m_people")
    assert key_id in shown
    assert "secret_live_" not in shown
    assert "m_people" in await shell.text("list")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "m_nobody"], "NOT_FOUND"),
        (["update", "m_001"], "VALIDATION_ERROR"),
        (["update", "m_001", "--origin", "shop.example"], "VALIDATION_ERROR"),
        (["revoke", "key_nobody"], "NOT_FOUND"),
    ],
    ids=str,
)
async def test_a_refusal_is_one_line(shell: Shell, words: list[str], says: str) -> None:
    with pytest.raises(LocalError, match=says):
        await shell.text(*words)
