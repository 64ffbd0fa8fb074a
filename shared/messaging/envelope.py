"""What travels: one AMQP message carries one to fifty contracts of one kind, alone under light load, batched when there is a backlog.

Measured on two cores, one service hop (consume, group commit, relay): 389 µs of CPU a contract alone, 161 in fives, 120 in twenties.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from faststream.message import StreamMessage

from shared.storage.work import Outgoing

ITEMS_MAX = 50
RUNG = "x-rung"
REASON = "x-reason"


@dataclass(frozen=True, slots=True)
class Envelope:
    body: bytes  # a JSON array of contracts
    rung: int  # how many tries have failed before this one


def pack(bodies: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(bodies) + b"]"


def address(row: Outgoing) -> tuple[str, str, int, str]:
    return row.exchange, row.routing_key, row.rung, row.reason or ""


def envelopes(rows: Iterable[Outgoing], items_max: int = ITEMS_MAX) -> Iterator[Sequence[Outgoing]]:
    """Rows of one address share an envelope; what goes to the ladder or the dead letters goes alone."""
    for (_, _, rung, reason), same in groupby(sorted(rows, key=address), key=address):
        together = list(same)
        size = 1 if rung or reason else items_max
        for start in range(0, len(together), size):
            yield together[start : start + size]


async def unpack(message: "StreamMessage[object]") -> Envelope:
    rung = message.headers.get(RUNG, 0)
    return Envelope(message.body, max(rung, 0) if isinstance(rung, int) else 0)  # whoever redrives by hand may write anything there
