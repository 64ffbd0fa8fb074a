"""What is agreed before money moves: orders, payment intents, payment links. Harmless, and on disk before their answer like charges."""

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from deploy.sandbox.charge import Wire
from deploy.sandbox.journal import Journal

IntentKind = Literal["order", "intent", "link"]
INTENTS_MAX = 1_000_000


class IntentsFull(Exception):
    """A limit of the sandbox is reached."""


@dataclass(frozen=True, slots=True)
class Intent:
    """`options` are what its format asks for beyond that: a receipt, whether several captures are wanted."""

    intent_id: str
    wire: Wire
    kind: IntentKind
    reference: str
    operation: Literal["charge", "authorize"]
    amount_minor: int
    currency: str
    created_at: str
    notes: Mapping[str, str] = field(default_factory=dict)
    status: Literal["open", "cancelled", "expired"] = "open"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def paid_as(self) -> str:
        """What its charges name as theirs: itself, or the intent that a Checkout session brings along."""
        return str(self.options.get("intent_id", self.intent_id))


class Intents:
    """One account's."""

    def __init__(self, account: str, journal: Journal) -> None:
        self._account, self._journal = account, journal
        self._intents: dict[str, Intent] = {}
        self._by_reference: dict[str, tuple[str, ...]] = {}
        self._by_time: list[tuple[str, str]] = []

    async def add(self, intent: Intent) -> Intent:
        """Done when it is on disk. Raises IntentsFull, JournalError."""
        if len(self._intents) >= INTENTS_MAX:
            raise IntentsFull
        await self._journal.append({"account": self._account, **asdict(intent)})
        self._put(intent)
        return intent

    async def change(self, intent: Intent, **fields: Any) -> Intent:
        return await self.add(replace(intent, **fields))

    def replay(self, record: Mapping[str, Any]) -> None:
        self._put(Intent(**{name: value for name, value in record.items() if name != "account"}))

    def _put(self, intent: Intent) -> None:
        known = intent.intent_id in self._intents
        self._intents[intent.intent_id] = intent
        if not known:
            self._by_reference[intent.reference] = (*self._by_reference.get(intent.reference, ()), intent.intent_id)
            insort(self._by_time, (intent.created_at, intent.intent_id))

    def get(self, intent_id: str, wire: Wire, kind: IntentKind) -> Intent | None:
        found = self._intents.get(intent_id)
        return found if found and (found.wire, found.kind) == (wire, kind) else None

    def by_reference(self, reference: str, wire: Wire, kind: IntentKind, visible_until: str) -> list[Intent]:
        """Oldest first."""
        found = (self._intents[intent_id] for intent_id in self._by_reference.get(reference, ()))
        return [one for one in found if (one.wire, one.kind) == (wire, kind) and one.created_at <= visible_until]

    def newest(self, wire: Wire, kind: IntentKind, start: str, end: str) -> list[Intent]:
        """With start ≤ created_at < end, newest first."""
        first, last = bisect_left(self._by_time, (start, "")), bisect_left(self._by_time, (end, ""))
        found = (self._intents[intent_id] for _, intent_id in reversed(self._by_time[first:last]))
        return [one for one in found if (one.wire, one.kind) == (wire, kind)]
