"""Where webhooks may go: the *connected* address is checked, after every name has been resolved, so no name can smuggle one in."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

# What leads inside, wraps an address that may, or reaches nobody: the special-purpose registries of IANA, RFC 6890. Python's own
# `is_global` differs between its versions and calls NAT64, 6to4 and multicast global, so it has the last word here, not the only one.
REFUSED = {
    ipaddress.ip_network(network): why
    for network, why in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "carrier-grade NAT",
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "protocol assignments",
        "192.0.2.0/24": "documentation",
        "192.88.99.0/24": "6to4 relays",
        "192.168.0.0/16": "private",
        "198.18.0.0/15": "benchmarking",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
        "::/96": "IPv4-compatible",
        "64:ff9b::/96": "NAT64",
        "64:ff9b:1::/48": "NAT64",
        "2001::/32": "Teredo",
        "2001::/23": "protocol assignments",
        "2001:db8::/32": "documentation",
        "2002::/16": "6to4",
        "3fff::/20": "documentation",
        "fc00::/7": "private",
        "fe80::/10": "link-local",
        "fec0::/10": "site-local",
        "ff00::/8": "multicast",
    }.items()
}
UNICAST = ipaddress.ip_network("2000::/3")  # all that IPv6 has given out


class AddressRefused(OSError):
    """No webhook goes there. An OSError, so that aiohttp goes on to a name's next address."""


def refused(address: str, *, allow_loopback: bool) -> str | None:
    """Why no webhook may go there; None where one may."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return None if allow_loopback else "loopback"
    for network, why in REFUSED.items():
        if ip in network:
            return why
    return None if ip.is_global and (ip.version == 4 or ip in UNICAST) else "not a public address"


def socket_factory(*, allow_loopback: bool) -> Callable[[Any], socket.socket]:
    """For aiohttp's connector: it sees every final address, IP literals included."""

    def make(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if why := refused(address[0], allow_loopback=allow_loopback):
            raise AddressRefused(f"address refused: {why}")
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setblocking(False)
        return made

    return make
