"""A slice of a reconciliation: read the gateway's list, put it beside our attempts, and ask about each of ours that the list lacks."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import get_args
from uuid import UUID

from services.executor import store, testimony
from services.executor.calls import PATIENCE_S, find, forget
from services.executor.domain.comparison import Compared
from services.executor.domain.comparison import compare as beside
from services.executor.domain.testimony import TAKES_MONEY, Word, judge
from services.executor.gateways import Gateway, NotConnected, TimedOut, Unanswered
from services.executor.queries import Queries, Stored
from shared.contracts import ChargesCompared, CompareCharges, Difference, GatewayFinding, Refusal
from shared.gateways import Finding, Listed, NotFound, Page, Refused, Succeeded, Unclear, Unsupported, What, Window
from shared.messaging.failure import patiently
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import Work

PAGE_TRIES = 3  # a list that is interrupted by one bad answer is not given up
PAGE_PAUSE_S = 0.5
LISTED_MAX = 2_000  # of one slice: more is asked for in smaller slices
ASKED_MAX = 50  # lookups of one slice
DIFFERENCES_MAX = 200


class NotListed(Exception):
    """There is no list to compare with. Its text says why."""


class TooMany(Exception):
    """More than one answer may hold."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One attempt and one charge or refund, or one of them. `named` is what the pair goes by."""

    named: str
    ours: Stored | None
    theirs: Finding | None
    gateway_reference: str | None = None
    listed_as: What = "charge"

    @property
    def what(self) -> What:
        return self.ours.what if self.ours else self.listed_as

    @property
    def word(self) -> Word | None:
        match self.theirs:
            case None | NotFound():
                return None
            case Succeeded(reference=reference, confirmed=confirmed):
                return Word("succeeded", None, confirmed, reference)
            case Refused(reference=reference):
                return Word("failed", None, None, reference or self.gateway_reference)
            case unfinished:
                return Word("pending", None, None, unfinished.reference or self.gateway_reference)

    @property
    def refusal(self) -> Refusal | None:
        return self.theirs.refusal if isinstance(self.theirs, Refused) else None

    def is_news(self) -> bool:
        return bool(self.ours and self.word and judge(self.ours.ours, gateway=self.ours.attempt.gateway, word=self.word).match == "news")


@dataclass(slots=True)
class Slice:
    """What the pairs of a slice, or those looked at again, come to."""

    matched: int = 0
    expected: int = 0
    differences: list[Difference] = field(default_factory=list)
    evidence: list[Pair] = field(default_factory=list)


async def compare(command: CompareCharges, unit_of_work: UnitOfWork, gateway: Gateway, queries: Queries) -> None:
    """Says one gateway.compared, and before it attempt.observed of what the list proves of attempts that we know otherwise."""
    about = command.model_dump(include={"run_id", "gateway", "since", "until"})
    try:
        listed = await _list(gateway, Window(command.since, command.until))
        found = await _compared(await _pairs(command, listed, gateway, queries), queries)
        again = await _compared(await _pairs_again(command, gateway, queries), queries, keep_all=True)
        if len(found.differences) > DIFFERENCES_MAX:
            raise TooMany
    except NotListed as error:
        said = ChargesCompared.caused_by(command, **about, problem=str(error))
    except TooMany:
        said = ChargesCompared.caused_by(command, **about, too_many=True)
    else:
        for pair in (*found.evidence, *again.evidence):
            await _testify(command, unit_of_work, pair)
        said = ChargesCompared.caused_by(
            command,
            **about,
            matched=found.matched,
            expected=found.expected,
            differences=tuple(found.differences),
            again=tuple(again.differences),
        )
    said = said.model_copy(update={"correlation_id": command.run_id})
    await patiently(lambda: unit_of_work.apply(lambda work: work.publish(said)))


async def _list(gateway: Gateway, window: Window) -> list[Listed]:
    """All charges and refunds that the gateway has for the window, once each. Raises NotListed, TooMany."""
    items: dict[tuple[str | None, str], Listed] = {}
    for what in get_args(What):
        cursor, more = None, True
        while more:
            page = await _page(gateway, what, window, cursor)
            items |= {(one.reference, one.gateway_reference): one for one in page.items if window.start <= one.created_at < window.end}
            if len(items) > LISTED_MAX:
                raise TooMany
            cursor, more = page.cursor, page.cursor not in (None, cursor)
    return list(items.values())


async def _page(gateway: Gateway, what: What, window: Window, cursor: str | None) -> Page:
    reason = ""
    for number in range(PAGE_TRIES):
        if number:
            await asyncio.sleep(PAGE_PAUSE_S)
        if not await gateway.turn(PATIENCE_S + gateway.timeout_s):
            raise NotListed("the gateway takes no more calls at present")
        try:
            async with gateway.lookup_slots:
                request = gateway.codec.list_made(gateway.account, what, window, cursor)
                response = await gateway.call(request, timeout_s=gateway.timeout_s)
        except Unsupported as error:
            raise NotListed(f"this gateway has no list: {error}") from None
        except (NotConnected, Unanswered) as error:
            reason = f"no whole answer: {error or type(error).__name__}"
            continue
        if isinstance(response, TimedOut):
            forget(response)
            reason = "no answer in time"
            continue
        match gateway.read_list(response, cursor):
            case Page() as page:
                return page
            case Unclear(reason=reason):
                pass
    raise NotListed(f"the gateway's list cannot be read: {reason}")


async def _pairs(command: CompareCharges, listed: Iterable[Listed], gateway: Gateway, queries: Queries) -> list[Pair]:
    """What the gateway lists, and what of ours it does not list and was asked about one by one."""
    by_attempt = [(testimony.attempt_of(one.reference), one) for one in listed]
    ours = await queries.by_ids(one for one, _ in by_attempt if one)
    both = [(ours.get(attempt_id) if attempt_id else None, one) for attempt_id, one in by_attempt]
    pairs, met = [], set[UUID]()
    for stored, one in sorted(both, key=lambda pair: _is_ours(*pair), reverse=True):
        mine = stored if stored and stored.attempt.gateway == command.gateway and stored.what == one.what else None
        named = str(mine.attempt.attempt_id) if mine and mine.attempt.attempt_id not in met else one.gateway_reference
        pairs.append(Pair(named, mine, one.finding, one.gateway_reference, one.what))
        met |= {mine.attempt.attempt_id} if mine else set()
    held = await queries.of_window(command.gateway, command.since, command.until, limit=LISTED_MAX + 1)
    if len(held) > LISTED_MAX:
        raise TooMany
    unlisted = [one for one in held if one.attempt.attempt_id not in met]
    asked = [one for one in unlisted if one.state == "succeeded"]
    if len(asked) > ASKED_MAX:
        raise TooMany
    waiting = [Pair(str(one.attempt.attempt_id), one, None) for one in unlisted if one.state != "succeeded"]
    return [*pairs, *waiting, *[await _asked(gateway, one) for one in asked]]


def _is_ours(stored: Stored | None, one: Listed) -> bool:
    """Of several charges under one reference, the one we know of is compared first; the others are beyond it."""
    return bool(stored and stored.ours.reference == one.gateway_reference)


async def _pairs_again(command: CompareCharges, gateway: Gateway, queries: Queries) -> list[Pair]:
    """What was found before and has an attempt of ours: the gateway is asked how it is now."""
    wanted = [one for one in map(testimony.attempt_of, command.again) if one]
    held = (await queries.by_ids(wanted)).values() if wanted else ()
    return [await _asked(gateway, one) for one in held if one.attempt.gateway == command.gateway]


async def _asked(gateway: Gateway, stored: Stored) -> Pair:
    async with gateway.lookup_slots:
        finding = await find(gateway, stored.attempt, stored.ours.reference)
    return Pair(str(stored.attempt.attempt_id), stored, finding, getattr(finding, "reference", None))


async def _compared(pairs: Iterable[Pair], queries: Queries, *, keep_all: bool = False) -> Slice:
    """`keep_all`: what agrees is told as well, because somebody waits to hear it."""
    found, taken = Slice(), list(pairs)
    payments = {pair.ours.attempt.payment_id for pair in taken if pair.ours and pair.ours.state == "succeeded" and _ended(pair)}
    undone = {
        one.attempt.payment_id
        for one in (await queries.of_payments(payments) if payments else ())
        if one.attempt.operation not in (*TAKES_MONEY, "capture") and one.state not in ("failed", "expired")
    }
    for pair in taken:
        ours = pair.ours
        compared = beside(
            ours.ours if ours else None,
            pair.word,
            asked=ours.attempt.amount if ours else None,
            undone=bool(ours and ours.attempt.operation in TAKES_MONEY and ours.attempt.payment_id in undone),
            what=pair.what,
        )
        found.matched += compared.comparison == "matched"
        found.expected += compared.comparison == "expected"
        if compared.comparison and (keep_all or compared.comparison not in ("matched", "expected")):
            found.differences.append(_difference(pair, compared))
        if pair.is_news():
            found.evidence.append(pair)
    return found


def _ended(pair: Pair) -> bool:
    return pair.word is None or pair.word.finding == "failed"


def _difference(pair: Pair, compared: Compared) -> Difference:
    ours, word = pair.ours, pair.word
    finding: GatewayFinding | None = word.finding if word else None
    return Difference(
        reference=pair.named,
        comparison=compared.comparison or "matched",
        reason=compared.reason,
        attempt_id=ours and ours.attempt.attempt_id,
        payment_id=ours and ours.attempt.payment_id,
        operation=ours.attempt.operation if ours else "refund" if pair.what == "refund" else None,
        our_state=ours and ours.state,
        our_amount=(ours.ours.confirmed or ours.attempt.amount) if ours else None,
        gateway_reference=(word.reference if word else None) or pair.gateway_reference,
        gateway_state=finding or "not_found",
        gateway_amount=word.confirmed if word else None,
    )


async def _testify(command: CompareCharges, unit_of_work: UnitOfWork, pair: Pair) -> None:
    """The row is asked again, under its lock, whether it is still news."""
    stored, word = pair.ours, pair.word
    if stored is None or word is None:
        return

    def change(work: Work) -> None:
        row = store.read(work, stored.attempt.attempt_id)
        if row and judge(row.ours, gateway=command.gateway, word=word).match == "news":
            testimony.testify(work, row, word, cause=command, source="reconciliation", refusal=pair.refusal)

    await patiently(lambda: unit_of_work.apply(change, loads=store.load_of(stored.attempt)))
