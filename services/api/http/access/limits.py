"""How many requests an address and a key may make. Each replica counts for itself: behind n of them a caller may reach n times as many."""

import math
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address

from services.api.domain.rate import Rate, Verdict, admit
from services.api.http.layer import Caller, Client, Code, Problem, Role
from shared.clock import monotonic_s

REMEMBERED_MAX = 50_000  # callers, some 150 bytes each; beyond it those seen longest ago are forgotten, and start anew
IPV6_PREFIX_BITS = 64  # what one subscriber is given; by single addresses anybody would have 2^64 budgets

BROWSERS = {Role.PUBLISHABLE, Role.PAYER}


class Limit:
    """One rate for many callers."""

    def __init__(self, per_min: int, *, remembered_max: int = REMEMBERED_MAX) -> None:
        self.rate = Rate(per_min, burst=per_min)
        self.remembered_max = remembered_max
        self.due_s: dict[str, float] = {}  # the one seen longest ago comes first

    def take(self, who: str, now_s: float) -> Verdict:
        verdict = admit(self.due_s.pop(who, None), now_s=now_s, rate=self.rate)
        self.due_s[who] = verdict.due_s
        if len(self.due_s) > self.remembered_max:
            del self.due_s[next(iter(self.due_s))]
        return verdict


class RateLimits:
    """The layer's `admit`. A limit of 0 a minute is none."""

    def __init__(self, *, per_address: int, per_key: int, clock: Callable[[], float] = monotonic_s) -> None:
        self.by_address = Limit(per_address) if per_address else None
        self.by_key = Limit(per_key) if per_key else None
        self.clock = clock

    @property
    def any(self) -> bool:
        return self.by_address is not None or self.by_key is not None

    def admit(self, client: Client, caller: Caller | None) -> Mapping[str, str] | None:
        """Asked once by address, before anybody is recognised, and once by key. Raises Problem(RATE_LIMITED)."""
        limit, who = (self.by_address, subscriber(client.ip)) if caller is None else (self.by_key, budget_of(caller, client))
        if limit is None:
            return None
        verdict = limit.take(who, self.clock())
        headers = {
            "RateLimit-Limit": str(limit.rate.burst),
            "RateLimit-Remaining": str(verdict.remaining),
            "RateLimit-Reset": str(math.ceil(verdict.full_s)),
        }
        if verdict.admitted:
            return headers
        whose = "this address" if caller is None else "this key"
        message = f"More than {limit.rate.per_min} requests a minute from {whose}."
        raise Problem(Code.RATE_LIMITED, message, headers={**headers, "Retry-After": str(max(math.ceil(verdict.wait_s), 1))})


def budget_of(caller: Caller, client: Client) -> str:
    """A publishable key is in everybody's hands: one of them alone must not use it up for the others."""
    return f"{caller.key_id} {subscriber(client.ip)}" if caller.role in BROWSERS else caller.key_id


def subscriber(ip: str) -> str:
    """An IPv4 address, or the network of an IPv6 one."""
    if ":" not in ip:
        return ip
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return ip
    if not isinstance(address, IPv6Address):
        return ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{int(address) >> (128 - IPV6_PREFIX_BITS):x}/{IPV6_PREFIX_BITS}"
