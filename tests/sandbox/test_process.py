"""The real process: what it answered survives `kill -9`, it says no instrument anywhere, and it says why when it cannot start."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from deploy.sandbox import magic
from tests.sandbox.client import SECRET, Sandbox

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "deploy.sandbox", "--port", "0")


@asynccontextmanager
async def running(journal: Path, log: Path, *more: str) -> AsyncIterator[tuple[Process, Sandbox]]:
    """A sandbox of its own, killed at the end if nobody did."""
    with log.open("ab") as errors:
        command = (*COMMAND, "--journal", str(journal), "--webhook-secret", SECRET, *more)
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=errors, cwd=ROOT)
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
            yield process, Sandbox(line.decode().split()[-1], http)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    answered: dict[str, str] = {}

    async def pay(sandbox: Sandbox, process: Process, reference: str) -> None:
        answer = await sandbox.charge(reference=reference, vpa="succeed@sandbox")
        if answer.status == 200:
            answered[reference] = answer.json()["id"]
        if len(answered) == 60 and process.returncode is None:
            process.kill()

    async with running(tmp_path, tmp_path / "log") as (process, sandbox):
        await sandbox.put("/gateways/alpha/settings", latency_ms_p50=None, latency_ms_p95=None)
        await asyncio.gather(*(pay(sandbox, process, f"r-{n}") for n in range(200)))
        assert await process.wait() == -signal.SIGKILL
    assert 60 <= len(answered) < 200

    with (tmp_path / "charges.jsonl").open("ab") as file:
        file.write(b'{"at":"2026-01-01T00:00:00.000000Z","account":"al')  # what a crash within a write leaves
    async with running(tmp_path, tmp_path / "log") as (process, sandbox):
        for reference, charge_id in answered.items():
            assert [charge["id"] for charge in await sandbox.found(reference)] == [charge_id]
        again = await asyncio.gather(*(sandbox.charge(reference=reference) for reference in answered))
        assert [one.json()["id"] for one in again] == list(answered.values())
        assert (await sandbox.charge(reference="new")).status == 200
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0


def everything_in(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.iterdir())


async def test_no_instrument_reaches_a_file_or_a_log(tmp_path: Path) -> None:
    secrets = ["asha.rao", "4100280000001007", "4100 2800 0000 1007", "succeed.alpha", magic.card_of(11), "clear-secret"]
    async with running(tmp_path, tmp_path / "log") as (process, sandbox):
        for number in ("4100280000001007", "4100 2800 0000 1007", magic.card_of(11), "clear-secret"):
            await sandbox.charge(number=number, method="CARD")
        for vpa in ("asha.rao@okbank", "succeed.alpha@sandbox", "asha.rao@sandbox", "clear-secret"):
            await sandbox.charge(vpa=vpa)
        assert len(await sandbox.journal()) == 5  # the other three were no valid orders
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0
    written = everything_in(tmp_path)
    assert '"behaviour":"charge-then-500"' in written
    assert [secret for secret in secrets if secret in written] == []


async def test_it_stops_at_once_although_somebody_hangs(tmp_path: Path) -> None:
    async with running(tmp_path, tmp_path / "log") as (process, sandbox):
        await sandbox.put("/gateways/alpha/settings", hang_s=120)
        hanging = asyncio.create_task(sandbox.charge(reference="h", vpa="hang-charged@sandbox"))
        assert len(await sandbox.journal(reference="h", wait_s=10)) == 1
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0
        assert (await hanging).status == 0


async def said(*arguments: str) -> tuple[int | None, str]:
    """Exit status and output of a command that ends by itself."""
    process = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=PIPE, stderr=STDOUT, cwd=ROOT)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, output.decode()


async def test_it_says_why_it_cannot_start(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.toml"
    accounts.write_text("[alpha]\nlatencyms = 3\n")
    journal = ("--journal", str(tmp_path / "journal"))
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "charges.jsonl").write_text("nonsense\n")
    outcomes = await asyncio.gather(
        said(*journal, "--accounts", str(accounts)),
        said(*journal, "--webhook-secret", "whsec_§"),
        said("--journal", str(tmp_path / "damaged")),
        said("--help"),
    )
    assert [status for status, _ in outcomes] == [1, 1, 1, 0]
    for word, (_, output) in zip(("latencyms", "whsec_", "byte 0", "--webhook-secret"), outcomes, strict=True):
        assert word in output
        assert "Traceback" not in output
