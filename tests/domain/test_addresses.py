"""Where a webhook may not go. Names, and numbers in odd spellings, are resolved before: what counts is the address connected to."""

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.addresses import REFUSED, AddressRefused, refused, socket_factory

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8"]
LOOPBACK = ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"]
INSIDE = [
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",  # where clouds keep their credentials
    "100.64.0.1",  # carrier-grade NAT
    "100.127.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",  # 6to4 relays
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",  # IPv4-compatible
    "::10.0.0.1",
    "::ffff:0:127.0.0.1",  # IPv4-translated
    "64:ff9b::10.0.0.1",  # NAT64
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "2002:7f00:1::",  # 6to4
    "2002:808:808::1",
    "2001::1",  # Teredo
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",  # site-local
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    assert refused(address, allow_loopback=False) is None


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("allow_loopback", [True, False])
def test_addresses_that_lead_inside_are_refused(address: str, allow_loopback: bool) -> None:
    assert refused(address, allow_loopback=allow_loopback)


@given(st.sampled_from(sorted(REFUSED, key=str)).flatmap(lambda network: st.ip_addresses(network=str(network))))
def test_nothing_in_a_refused_range_passes(address: IPv4Address | IPv6Address) -> None:
    if not address.is_loopback:
        assert refused(str(address), allow_loopback=True)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("169.254.169.254", "link-local"),
        ("100.64.0.1", "carrier-grade NAT"),
        ("198.19.255.255", "benchmarking"),
        ("255.255.255.255", "reserved"),
        ("2001:0:4136:e378::1", "Teredo"),
        ("2001:20::1", "protocol assignments"),
        ("64:ff9b:1::a00:1", "NAT64"),
        ("64:ff9b:2::1", "not a public address"),
        ("::a00:1", "IPv4-compatible"),
        ("::ffff:10.0.0.1", "private"),
    ],
)
def test_a_refusal_says_why(address: str, why: str) -> None:
    assert refused(address, allow_loopback=False) == why


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_for_local_runs(address: str) -> None:
    assert refused(address, allow_loopback=False) == "loopback"
    assert refused(address, allow_loopback=True) is None


@given(st.ip_addresses(v=4))
def test_an_address_wrapped_in_ipv6_is_judged_as_itself(address: object) -> None:
    assert refused(f"::ffff:{address}", allow_loopback=False) == refused(str(address), allow_loopback=False)


@given(st.ip_addresses(v=6, network="2002::/16") | st.ip_addresses(v=6, network="2001::/32"))
def test_an_address_wrapped_in_6to4_or_teredo_never_passes(address: object) -> None:
    assert refused(str(address), allow_loopback=True)


@given(st.integers(0, 7).filter(lambda first: first != 1), st.integers(1 << 64, (1 << 125) - 1))
def test_what_ipv6_has_not_given_out_never_passes(first: int, rest: int) -> None:
    assert refused(str(IPv6Address(first << 125 | rest)), allow_loopback=True)


def info(address: str, family: socket.AddressFamily) -> tuple[object, ...]:
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443)


def test_a_socket_is_made_for_an_open_address_only() -> None:
    make = socket_factory(allow_loopback=False)
    made = make(info("8.8.8.8", socket.AF_INET))
    assert made.getblocking() is False
    made.close()
    for address, family in (("127.0.0.1", socket.AF_INET), ("fe80::1%lo", socket.AF_INET6), ("10.0.0.1", socket.AF_INET)):
        with pytest.raises(AddressRefused):
            make(info(address, family))
