"""Origins as browsers write them: whatever is compared letter by letter has one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.domain.origins import DEFAULT_PORTS, check_origin

GOOD = [
    "https://shop.example",
    "https://shop.example:8443",
    "https://xn--bcher-kva.example",
    "https://192.0.2.7",
    "https://[2001:db8::1]:8443",
    "http://localhost:3000",
    "http://127.0.0.1:8081",
    "http://[::1]:8081",
]
BAD = [
    "", "null", "*", "https://", "https://*", "https://*.shop.example", "shop.example", "//shop.example", "ftp://shop.example",
    "https://shop.example/", "https://shop.example/pay", "https://shop.example?x", "https://user@shop.example", "https://Shop.example",
    "HTTPS://shop.example", "https://shop.example:443", "http://localhost:80", "https://shop.example:0", "https://shop.example:65536",
    "https://shop.example:08", "https://-shop.example", "https://shop.example.", "http://shop.example", "http://localhost.example",
    "https://bücher.example", "https://shop.example\n", " https://shop.example", "https://a" + "a" * 255,
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_what_browsers_send(text: str) -> None:
    assert check_origin(text) == text


@pytest.mark.parametrize("text", BAD)
def test_what_they_do_not_or_anybody_could_forge(text: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        check_origin(text)


@given(st.from_regex(r"[a-z]{1,8}(\.[a-z]{2,8}){0,3}", fullmatch=True), st.integers(1, 65_535))
def test_any_host_and_any_port_but_the_schemes_own(host: str, port: int) -> None:
    if port == DEFAULT_PORTS["https"]:
        with pytest.raises(ValueError, match="port"):
            check_origin(f"https://{host}:{port}")
    else:
        assert check_origin(f"https://{host}:{port}")
