"""What an endpoint may be: where it lies, and what it may ask to hear."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from services.notifier.domain.owed import TEST
from shared.contracts import ENDPOINT_EVENTS, EVENT_OF, MONEY_EVENTS, OPERATORS, OPERATORS_EVENTS, Message

ENDPOINTS_MAX = 20  # of one merchant
MADE_MAX = 100  # of one merchant in a day: the rows of deleted ones stay, and the sender looks at every row
URL_CHARS_MAX = 500
INSIDE = ("localhost", "local", "internal", "lan", "home.arpa", "intranet", "corp")  # names that lead nowhere else
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def _names(kinds: Iterable[type[Message]]) -> frozenset[str]:
    return frozenset(kind.kind_of().rsplit(".", 1)[0] for kind in kinds)


MERCHANTS = _names((*EVENT_OF.values(), *MONEY_EVENTS, *ENDPOINT_EVENTS)) | {TEST}
OPERATIONS = _names((*OPERATORS_EVENTS, *ENDPOINT_EVENTS)) | {TEST}


def known_events(merchant_id: str) -> frozenset[str]:
    return OPERATIONS if merchant_id == OPERATORS else MERCHANTS


def unknown_events(events: Iterable[str], merchant_id: str) -> list[str]:
    """Those that will never be heard: neither a type nor `<noun>.*` of one."""
    known = known_events(merchant_id)
    nouns = {f"{name.split('.', 1)[0]}.*" for name in known}
    return sorted(set(events) - known - nouns)


def objection_to_url(url: str, *, allow_loopback: bool) -> str | None:
    """Why no webhook goes there; None where one may. A first look only: what counts is the address that is connected to."""
    if len(url) > URL_CHARS_MAX:
        return f"it has more than {URL_CHARS_MAX} characters"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "it has characters that belong encoded"
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return "it is not a URL"
    if parts.username is not None or parts.password is not None:
        return "it carries credentials: the signature is what tells who sends"
    if parts.fragment:
        return "it has a fragment, which is never sent"
    if not host or port == 0:
        return "it names no host"
    if allow_loopback and _is_loopback(host):
        return None if parts.scheme in ("http", "https") else "it is neither http nor https"
    return "it is not https" if parts.scheme != "https" else _objection_to_host(host, parts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _objection_to_host(host: str, parts: SplitResult) -> str | None:
    try:
        return None if ipaddress.ip_address(host).is_global else "its address is not public"
    except ValueError:
        pass
    labels = host.split(".")
    if "[" in parts.netloc or re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):  # what some resolvers take for an address
        return "its host is a number"
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        return "its host is no name"
    if len(labels) == 1 or any(host == name or host.endswith(f".{name}") for name in INSIDE):
        return "its host is not a public name"
    return None
