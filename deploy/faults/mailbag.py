"""The verdict on gateways' webhooks: what was carried to the edge, against what the mesh has kept of it. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Letter:
    """One webhook, whoever carried it and however often."""

    account: str
    event_id: str
    body_sha256: str

    def __str__(self) -> str:
        return f"{self.event_id} of {self.account}"


@dataclass(slots=True)
class Mailbag:
    """`taken`: how often the edge answered a genuine one with 2xx; `replayed` of these answers were to replays.

    `forged`: what became of each, as the status it was answered with, 0 where nobody did.
    """

    genuine: set[Letter] = field(default_factory=set)
    taken: Counter[Letter] = field(default_factory=Counter)
    forged: list[tuple[Letter, int]] = field(default_factory=list)
    replayed: int = 0


def lost(mailbag: Mailbag, kept: Iterable[Letter]) -> Iterator[str]:
    """What the edge took, and nobody has."""
    for letter in sorted(mailbag.taken.keys() - set(kept), key=str):
        yield f"webhook {letter} was taken, and is not kept"


def invented(mailbag: Mailbag, kept: Iterable[Letter]) -> Iterator[str]:
    """What was believed and is not true, or kept more than once."""
    for letter, status in mailbag.forged:
        if status not in (0, 401):
            yield f"forged webhook {letter} was answered with {status}"
    for letter, times in Counter(kept).items():
        if letter not in mailbag.genuine:
            yield f"webhook {letter} is kept, and no gateway sent it"
        elif times > 1:
            yield f"webhook {letter} is kept {times} times"
