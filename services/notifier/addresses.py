"""Where webhooks may go: the *connected* address is checked, after every name has been resolved, so no name can smuggle one in."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

# What `is_global` calls global although a packet to it may end inside, or reaches nobody. 64:ff9b::/96 (NAT64), the IPv4-compatible
# and the site-local lie outside 2000::/3, which is all that IPv6 has given out.
UNICAST = ipaddress.ip_network("2000::/3")
REFUSED = tuple(
    map(ipaddress.ip_network, ("2002::/16", "2001::/32", "3fff::/20", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4"))
)


class AddressRefused(Exception):
    """The address is private, link-local, carrier-grade NAT, multicast, or wraps one that is."""


def refused(address: str, *, allow_loopback: bool) -> str | None:
    """Why no webhook may go there; None where one may."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return None if allow_loopback else "loopback"
    if any(ip in network for network in REFUSED) or (ip.version == 6 and ip not in UNICAST):
        return "in a range that leads elsewhere"
    return None if ip.is_global else "not a public address"


def socket_factory(*, allow_loopback: bool) -> Callable[[Any], socket.socket]:
    """For aiohttp's connector: it sees every final address, IP literals included."""

    def make(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if why := refused(address[0], allow_loopback=allow_loopback):
            raise AddressRefused(why)
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setblocking(False)
        return made

    return make
