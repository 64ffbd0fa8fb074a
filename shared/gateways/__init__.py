"""How to speak to payment gateways, without speaking: codecs turn attempts into HTTP requests and answers into outcomes. No I/O here."""

from shared.gateways import sandbox
from shared.gateways.codec import (
    ActionRequired,
    Answer,
    Codec,
    Finding,
    HttpRequest,
    HttpResponse,
    NotFound,
    Pending,
    Refused,
    Succeeded,
    Unclear,
)

CODECS: dict[str, Codec] = {"sandbox": sandbox.CODEC}

__all__ = [
    "CODECS",
    "ActionRequired",
    "Answer",
    "Codec",
    "Finding",
    "HttpRequest",
    "HttpResponse",
    "NotFound",
    "Pending",
    "Refused",
    "Succeeded",
    "Unclear",
]
