"""Origins of pages, as browsers write them (RFC 6454, section 6.2): what is compared letter by letter must have one spelling."""

import re

ORIGIN_CHARS_MAX = 255
FORM = re.compile(r"(https?)://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:([1-9][0-9]{0,4}))?")
LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
DEFAULT_PORTS = {"https": 443, "http": 80}


def check_origin(text: str) -> str:
    """The same text. Raises ValueError for what no browser would send, or what anybody on the way could forge."""
    found = FORM.fullmatch(text) if len(text) <= ORIGIN_CHARS_MAX else None
    if found is None:
        raise ValueError("an origin is https://host or https://host:port, in small letters and without a path")
    scheme, host, port = found[1], found[2], int(found[5] or 0)
    if port > 65_535 or port == DEFAULT_PORTS[scheme]:
        raise ValueError("a browser leaves the scheme's own port out of an origin, and no port is above 65535")
    if scheme == "http" and host not in LOOPBACK:
        raise ValueError("an origin is https; plain http only on localhost")
    return text
