"""When a delivery is tried again, from what the endpoint answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

JITTER = 0.2  # of each pause, either way, so that an endpoint that comes back is not met by everybody at once
RETRY_AFTER_MAX_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` None: no answer, and `error` says why. `body` is how the answer begins, at most 1 KiB of it."""

    status: int | None
    error: str | None = None
    retry_after_s: float | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    due_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """No further try by itself: shown to merchant and operator, who can have it tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone(Parked):
    """The endpoint says that it is no more (410): it is disabled, and this delivery parked."""


Verdict = Delivered | Retry | Parked


def judge(answer: Answer, *, tries: int, schedule_s: Sequence[float], now: datetime, draw: float) -> Verdict:
    """`tries` made so far, this one included; `schedule_s[n]` is the pause before try n + 1; `draw` ∈ [0, 1) is the jitter."""
    why = answer.error or f"answered {answer.status}"
    if answer.status is not None and 200 <= answer.status < 300:
        return Delivered(why)
    if answer.status == 410:
        return Gone(f"{why}; the endpoint is disabled")
    if tries >= len(schedule_s):
        return Parked(f"{why}; {tries} tries made")
    pause_s = schedule_s[tries] * (1 + JITTER * (2 * draw - 1))
    if answer.status in (429, 503) and answer.retry_after_s is not None:
        pause_s = max(pause_s, min(answer.retry_after_s, RETRY_AFTER_MAX_S))
    return Retry(now + timedelta(seconds=pause_s), why)


def retry_after_s(header: str | None, *, now: datetime) -> float | None:
    """`Retry-After` (RFC 9110, 10.2.3), seconds or an HTTP date, as seconds from now; None where it is neither, and the schedule holds."""
    header = (header or "").strip()[:64]
    if not header.isascii():
        return None
    if header.isdigit():
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
