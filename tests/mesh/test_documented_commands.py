"""The commands in the documentation, run as they stand there: only the ports are this mesh's."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from aiohttp import web

from deploy.local.mesh import Mesh
from tests.mesh.merchant import Merchant

pytestmark = pytest.mark.timeout(180)
DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("openapi-python-client generate", "./paymesh test")  # test_generated_client.py does the one, whoever runs this the other
# A refusal ends the script. 28 is a stream that --max-time has ended.
PRELUDE = """set -euo pipefail
curl() { command curl --fail-with-body "$@" || [ $? = 28 ]; }
paymesh() { "$PYTHON" -m deploy.local "$@"; }
"""


def script(page: str, ports: dict[str, str]) -> str:
    """All commands of a page, one after another, as somebody types them who reads it from the top."""
    blocks = [block for block in BLOCK.findall((DOCS / page).read_text()) if not any(other in block for other in ELSEWHERE)]
    assert blocks
    typed = PRELUDE + "\n".join(f"echo; echo '--- {number}'\n{block}" for number, block in enumerate(blocks, 1))
    for written, ours in ports.items():
        typed = typed.replace(written, ours)
    return typed.replace("./paymesh ", "paymesh ")


async def run(typed: str) -> tuple[int, str]:
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHON": sys.executable, "PAYMESH_INSTANCE": "mesh-tests"}
    pipe, both = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    process = await asyncio.create_subprocess_exec("bash", "-c", typed, cwd=DOCS.parent, env=env, stdout=pipe, stderr=both)
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.fixture
def ports(mesh: Mesh, unused_tcp_port: int) -> dict[str, str]:
    """What is written → what is here."""
    edge, shop = (mesh.blueprint.url(name).rpartition(":")[2] for name in ("api", "sandbox"))
    return {"localhost:8080": f"localhost:{edge}", "localhost:8081": f"localhost:{shop}", "127.0.0.1:9099": f"127.0.0.1:{unused_tcp_port}"}


@pytest.mark.parametrize("page", ["api.md", "snippets.md", "gateways.md"])
async def test_commands(page: str, ports: dict[str, str]) -> None:
    status, said = await run(script(page, ports))
    assert status == 0, said


async def test_commands_about_webhooks(ports: dict[str, str], merchant: Merchant) -> None:
    """Somebody takes what is sent there, and it is gone afterwards: nothing of it stays owed."""

    async def take(request: web.Request) -> web.Response:
        return web.Response(status=204)

    receiver = web.Application()
    receiver.router.add_post("/", take)
    runner = web.AppRunner(receiver)
    await runner.setup()
    address = ports["127.0.0.1:9099"]
    await web.TCPSite(runner, "127.0.0.1", int(address.partition(":")[2])).start()
    try:
        status, said = await run(script("webhooks.md", ports))
        [made] = [one for one in (await merchant.call("GET", "/webhook-endpoints")).body["items"] if address in one["url"]]
        await merchant.call("DELETE", f"/webhook-endpoints/{made['endpoint_id']}")
    finally:
        await runner.cleanup()
    assert status == 0, said
    assert made["ordered"]
