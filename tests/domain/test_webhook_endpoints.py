"""Where endpoints may lie and what they may ask to hear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.endpoints import MERCHANTS, OPERATIONS, URL_CHARS_MAX, known_events, objection_to_url, unknown_events
from services.notifier.domain.owed import wants
from shared.contracts import OPERATORS


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/",
        "https://shop.example:8443/hooks?token=a%20b",
        "https://shop.example.",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://xn--bcher-kva.example/",
        "https://a_b.example/",
    ],
)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_a_public_https_url_may_be(url: str, allow_loopback: bool) -> None:
    assert objection_to_url(url, allow_loopback=allow_loopback) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://shop.example/", "not https"),
        ("ftp://shop.example/", "not https"),
        ("shop.example/hooks", "no host"),
        ("https://", "no host"),
        ("https:///hooks", "no host"),
        ("https://shop.example:0/", "no host"),
        ("https://shop.example:99999/", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://user@shop.example/", "credentials"),
        ("https://:secret@shop.example/", "credentials"),
        ("https://shop.example/#part", "fragment"),
        ("https://shop.example/ x", "encoded"),
        ("https://shop.example\\@10.0.0.1/", "encoded"),
        ("https://bücher.example/", "encoded"),
        ("https://shop.example/\r\nHost: x", "encoded"),
        ("https://10.0.0.1/", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("https://[fd00::1]/", "not public"),
        ("https://2130706433/", "number"),
        ("https://0x7f000001/", "number"),
        ("https://0x7f.1/", "number"),
        ("https://127.1/", "number"),
        ("https://shop.example.0127/", "number"),
        ("https://intranet/", "public name"),
        ("https://db.internal/", "public name"),
        ("https://printer.local/", "public name"),
        ("https://-shop.example/", "no name"),
        ("https://shop..example/", "no name"),
        ("https://" + "a" * URL_CHARS_MAX, "characters"),
    ],
)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_others_may_not(url: str, why: str, allow_loopback: bool) -> None:
    objection = objection_to_url(url, allow_loopback=allow_loopback)
    assert objection is not None
    assert why in objection


@pytest.mark.parametrize("url", ["http://127.0.0.1:9099/", "http://localhost:9099/", "https://[::1]/", "http://127.8.8.8/"])
def test_this_machine_is_for_development(url: str) -> None:
    assert objection_to_url(url, allow_loopback=True) is None
    assert objection_to_url(url, allow_loopback=False) is not None


@given(st.text(max_size=60).map(lambda rest: f"https://{rest}"))
def test_whatever_is_sent_gets_an_answer(url: str) -> None:
    assert (
        objection_to_url(url, allow_loopback=False) is None
        or url.isascii()
        or "encoded" in str(objection_to_url(url, allow_loopback=False))
    )


@pytest.mark.parametrize(
    ("merchant_id", "events", "unknown"),
    [
        ("m_001", ["payment.succeeded", "refund.*", "endpoint.failing", "webhook.test"], []),
        ("m_001", ["payment.success", "payments.*", "*", "payment.", "circuit.opened"], None),
        (OPERATORS, ["circuit.opened", "reliability.*", "endpoint.disabled", "reconciliation.*"], []),
        (OPERATORS, ["payment.succeeded", "payment.*"], None),
    ],
)
def test_a_filter_names_what_there_is(merchant_id: str, events: list[str], unknown: list[str] | None) -> None:
    assert unknown_events(events, merchant_id) == (sorted(events) if unknown is None else unknown)


def test_whom_what_concerns() -> None:
    assert (known_events("m_001"), known_events(OPERATORS)) == (MERCHANTS, OPERATIONS)
    assert {"payment.reversed", "capture.failed", "endpoint.disabled"} < MERCHANTS
    assert {"endpoint.failing", "endpoint.disabled", "webhook.test"} == MERCHANTS & OPERATIONS


@pytest.mark.parametrize(
    ("events", "name", "heard"),
    [
        (set(), "payment.failed", True),
        ({"payment.*"}, "payment.failed", True),
        ({"payment.*"}, "capture.failed", False),
        ({"payment.failed"}, "payment.failed", True),
        ({"payment.failed"}, "payment.succeeded", False),
        ({"pay.*"}, "payment.failed", False),
    ],
)
def test_a_filter_lets_through_what_it_names(events: set[str], name: str, heard: bool) -> None:
    assert wants(frozenset(events), name) is heard
