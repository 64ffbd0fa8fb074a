"""How fast an account may be called after it said that it is called too fast: additive increase, multiplicative decrease.

Until the first 429 an account is not paced at all. Then nothing is sent before `Retry-After` has passed, and calls go out one after the
other at half the rate that was too much; each second without another 429 adds a tenth of that. Once it is twice what was refused, the
account is free again. (Chiu and Jain 1989: this is the rule under which several senders converge to a fair share.)
"""

from dataclasses import dataclass, replace

RATE_MIN = 0.5  # calls/s
DECREASE = 0.5
INCREASE_PER_S = 0.1  # of the rate that was refused
FREE_AT = 2.0  # times the rate that was refused
RETRY_AFTER_S = 1.0  # where a 429 does not say
RETRY_AFTER_MAX_S = 300.0  # a gateway's mistake must not close an account for a day
FORGET_S = 5.0  # the rate is measured over this long


@dataclass(frozen=True, slots=True)
class Pacing:
    """`rate` None: not paced. Times are monotonic seconds. `sent_per_s` is what was sent lately, an exponential average."""

    rate: float | None = None
    refused_rate: float = 0.0
    not_before_s: float = 0.0
    next_at_s: float = 0.0
    changed_at_s: float = 0.0
    sent_per_s: float = 0.0
    counted_at_s: float = 0.0


FREE = Pacing()


def sent(pacing: Pacing, now_s: float) -> tuple[Pacing, float]:
    """One more call is to be made: when, as seconds from now. The place is taken, whether or not it is used."""
    pacing = grown(counted(pacing, now_s), now_s)
    at_s = max(now_s, pacing.not_before_s, pacing.next_at_s if pacing.rate else 0.0)
    if pacing.rate:
        pacing = replace(pacing, next_at_s=at_s + 1 / pacing.rate)
    return pacing, at_s - now_s


def wait_s(pacing: Pacing, now_s: float) -> float:
    """How long a call that came now would wait, without taking the place."""
    grown_now = grown(pacing, now_s)
    return max(0.0, grown_now.not_before_s - now_s, (grown_now.next_at_s if grown_now.rate else 0.0) - now_s)


def refused(pacing: Pacing, now_s: float, *, retry_after_s: float | None) -> Pacing:
    """A 429. Several that answer calls of one moment count once: the rate is halved at most once in the pause they ask for."""
    pause_s = min(RETRY_AFTER_MAX_S, max(0.0, RETRY_AFTER_S if retry_after_s is None else retry_after_s))
    not_before_s = max(pacing.not_before_s, now_s + pause_s)
    if pacing.rate is not None and now_s < pacing.not_before_s:
        return replace(pacing, not_before_s=not_before_s)
    too_much = max(RATE_MIN, pacing.rate if pacing.rate is not None else pacing.sent_per_s)
    rate = max(RATE_MIN, too_much * DECREASE)
    return replace(pacing, rate=rate, refused_rate=too_much, not_before_s=not_before_s, next_at_s=not_before_s, changed_at_s=not_before_s)


def grown(pacing: Pacing, now_s: float) -> Pacing:
    """The rate after the time that has passed without a 429."""
    if pacing.rate is None or now_s <= pacing.changed_at_s:
        return pacing
    rate = pacing.rate + (now_s - pacing.changed_at_s) * INCREASE_PER_S * pacing.refused_rate
    if rate >= FREE_AT * pacing.refused_rate:
        return replace(pacing, rate=None, refused_rate=0.0, next_at_s=0.0, changed_at_s=now_s)
    return replace(pacing, rate=rate, changed_at_s=now_s)


def counted(pacing: Pacing, now_s: float) -> Pacing:
    """One more call in the measured rate, whose older part fades with FORGET_S."""
    gap_s = max(0.0, now_s - pacing.counted_at_s)
    faded = pacing.sent_per_s * 2.718281828459045 ** (-gap_s / FORGET_S)
    return replace(pacing, sent_per_s=faded + 1 / FORGET_S, counted_at_s=now_s)


def retry_after_s(value: str) -> float | None:
    """Seconds of a `Retry-After`; a date, or nothing readable, is None: its sender's clock is not ours."""
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
