"""Captures, refunds and voids stay within the sums whatever is asked, and are the same again after a kill."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.behaviour import BEHAVIOURS, SUCCEED
from deploy.sandbox.book import Book
from deploy.sandbox.charge import Charge
from deploy.sandbox.gateway import Gateway
from deploy.sandbox.journal import Journal
from deploy.sandbox.mover import MoveOrder
from deploy.sandbox.moves import Move, MoveKind, sums, unpayable
from deploy.sandbox.settings import Settings
from shared.gateways import ActionRequired, NotFound, Pending, Succeeded
from tests.sandbox.test_process import running
from tests.sandbox.wires import KINDS, Merchant, account_of, card, new_attempt

HELD = Charge("ch_0", "ref", None, "authorize", 100, 100, "INR", "CARD", "succeed", "authorized", "2026-01-01T00:00:00.000000Z")
KINDS_OF_MOVE: list[MoveKind] = ["capture", "refund", "void"]


def move(number: int, kind: MoveKind, amount: int, *, failed: bool = False, final: bool = False) -> Move:
    status = "failed" if failed else "succeeded"
    made = "2026-01-01T00:00:00.000000Z"
    return Move(f"m_{number}", "ch_0", kind, f"r_{number}", None, amount, amount, "INR", "succeed", status, made, final=final)  # type: ignore[arg-type]


@given(asked=st.lists(st.tuples(st.sampled_from(KINDS_OF_MOVE), st.integers(1, 120), st.booleans(), st.booleans()), max_size=20))
def test_no_sequence_of_moves_passes_the_sums(asked: list[tuple[MoveKind, int, bool, bool]]) -> None:
    done: list[Move] = []
    for number, (kind, amount, failed, final) in enumerate(asked):
        amount = sums(HELD, done).capturable if kind == "void" else amount
        if unpayable(HELD, done, kind, max(1, amount)) is None:
            done.append(move(number, kind, max(1, amount), failed=failed, final=final))
        now = sums(HELD, done)
        assert 0 <= now.refunded <= now.captured <= now.held == 100
        assert 0 <= now.capturable <= now.held - now.captured


@given(asked=st.lists(st.tuples(st.sampled_from(KINDS_OF_MOVE), st.integers(1, 120), st.booleans()), max_size=8))
def test_a_book_has_the_moves_that_its_journal_says(asked: list[tuple[MoveKind, int, bool]]) -> None:
    made = [move(number, kind, amount, failed=failed) for number, (kind, amount, failed) in enumerate(asked)]
    pending = replace(move(99, "refund", 1), status="pending")
    book = Book()
    book.replay(HELD.record("alpha", HELD.created_at))
    for one in [*made, pending, replace(pending, status="succeeded")]:
        book.replay(one.record("alpha", one.created_at))
    assert book.moves_of("ch_0") == [*made, replace(pending, status="succeeded")]
    assert book.pending_moves() == []


async def test_orders_links_and_moves_survive_a_kill(tmp_path: Path) -> None:
    async with running(tmp_path, tmp_path / "log") as (process, sandbox):
        merchants = [Merchant(kind, sandbox, account_of(kind, sandbox.url)) for kind in KINDS]
        before = []
        for merchant in merchants:
            held, lost = new_attempt("authorize"), new_attempt()
            done = await merchant.done(held, card())
            capture = new_attempt("capture", target=done.reference)
            captured = await merchant.execute(capture)
            link = new_attempt("link", method="PAYMENT_LINK")
            paper = await merchant.execute(link)
            await merchant.execute(lost, card("error-500"))
            assert isinstance(captured, Succeeded)
            assert isinstance(paper, ActionRequired)
            before.append((held, done, capture, captured, link, paper, lost))
        process.kill()
        await process.wait()
    async with running(tmp_path, tmp_path / "log") as (_, sandbox):
        for kind, old, (held, done, capture, captured, link, paper, lost) in zip(KINDS, merchants, before, strict=True):
            merchant = Merchant(kind, sandbox, account_of(kind, sandbox.url), old.prepared)
            assert await merchant.find(held) == done
            assert await merchant.find(capture) == captured
            assert isinstance(await merchant.find(link, paper.reference), Pending)
            assert await merchant.find(lost, old.prepared.get(lost.attempt_id)) == NotFound()
            refund = new_attempt("refund", 100, done.reference)
            assert isinstance(await merchant.execute(refund), Succeeded)
            again = ActionRequired(paper.reference, (paper.url or "").replace(old.sandbox.url, sandbox.url))
            await merchant.pay(again)
            assert isinstance(await merchant.find(link, paper.reference), Succeeded)
            assert (await merchant.done(lost)).confirmed == lost.amount


async def test_a_void_takes_what_no_capture_on_its_way_has(tmp_path: Path) -> None:
    """Both were asked for before either was on the disk; whoever asked for the void believed that all of it was still held."""
    journal, intents = Journal(tmp_path / "journal.jsonl", "reference"), Journal(tmp_path / "intents.jsonl", "reference")
    journal.open()
    gateway = Gateway("alpha", Settings(late_s=2.0), journal, intents)
    gateway.book.put(HELD)
    told: asyncio.Queue[Any] = asyncio.Queue()
    gateway.tell = told.put_nowait
    capture = MoveOrder("capture", "ch_0", "r_capture", 30, "cap")
    assert await gateway.mover.submit(capture, "k_capture", BEHAVIOURS["accept-late"]) == (None, False)
    void, replayed = await gateway.mover.submit(MoveOrder("void", "ch_0", "r_void", 100, "void"), "k_void", SUCCEED)
    assert void is not None
    assert (void.amount_minor, replayed) == (70, False)
    assert await gateway.mover.submit(MoveOrder("void", "ch_0", "r_void", 70, "void"), "k_void", SUCCEED) == (void, True)
    async with asyncio.timeout(60):
        assert [await told.get(), (await told.get()).reference] == [void, "r_capture"]  # the capture is booked late
    assert sums(HELD, gateway.book.moves_of("ch_0")).captured + void.amount_minor == HELD.amount_minor
    await gateway.close()
