"""Who asks, and from where."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web

Network = IPv4Network | IPv6Network
HOPS = 8  # of X-Forwarded-For, from the right; more proxies of our own than that nobody has


class Role(StrEnum):
    """What a route needs. Roles do not include each other: a route that two may call names both."""

    PUBLIC = "public"  # nobody is asked who they are
    MERCHANT = "merchant"  # X-Api-Key and X-Api-Secret, or HTTP Basic
    PUBLISHABLE = "publishable"  # a browser with a publishable key alone
    LISTENER = "listener"  # a browser with a ticket for live events, which a merchant's server gave it
    PAYER = "payer"  # a browser with a publishable key and the short-lived client secret of one order
    OPERATOR = "operator"  # X-Internal-Api-Key, named


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was recognised. `merchant_id` is empty for operators, so that a query by merchant finds them nothing; subclass to carry more."""

    role: Role
    name: str
    key_id: str
    merchant_id: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """`ip` is the nearest address that is not one of our proxies."""

    ip: str
    request_id: str


def client_of(request: web.Request, request_id: str, trusted: tuple[Network, ...]) -> Client:
    ip = request.remote or ""
    if trusted and is_trusted(ip, trusted):
        ip = forwarded(ip, request.headers.getall("X-Forwarded-For", ()), trusted)
    return Client(ip, request_id)


def forwarded(peer: str, lines: Iterable[str], trusted: tuple[Network, ...]) -> str:
    """Walk back through what our own proxies wrote. Whatever stands left of the first stranger is the stranger's own claim."""
    nearest = peer
    hops = [hop.strip() for line in lines for hop in line.split(",")]
    for hop in reversed(hops[-HOPS:]):
        try:
            nearest = str(ip_address(hop))
        except ValueError:
            break
        if not is_trusted(nearest, trusted):
            break
    return nearest


@lru_cache(maxsize=4096)
def is_trusted(ip: str, trusted: tuple[Network, ...]) -> bool:
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return any(address in network for network in trusted)
