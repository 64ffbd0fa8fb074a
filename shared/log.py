"""Logs: one JSON object a line (or columns for eyes), with the ids that tie lines together, and never an instrument."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

SECRET = re.compile(r"(?i)(vpa|card|number|cvv|secret|password|authorization|instrument|api_key)")
CARD_NUMBER = re.compile(r"(?<![\dA-Za-z-])(?:\d[ -]?){12,18}\d(?![\dA-Za-z-])")
SHORTEST_CARD_NUMBER = 10**11
REDACTED = "[redacted]"
VPA = re.compile(r"(?<![\w.-])[\w.\-]{2,256}@[A-Za-z][\w.\-]{1,64}(?![\w@])")


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last guard, not the first: nothing sensitive should come here, and if it does it does not leave."""
    for name, value in event.items():
        event[name] = _without_secrets(name, value)
    return event


def _without_secrets(name: str, value: Any) -> Any:
    match value:
        case str():
            return REDACTED if SECRET.search(name) else VPA.sub(REDACTED, CARD_NUMBER.sub(REDACTED, value))
        case bytes():
            return REDACTED
        case int() if value >= SHORTEST_CARD_NUMBER and SECRET.search(name):
            return REDACTED
        case Mapping():
            return {inner: _without_secrets(str(inner), one) for inner, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_without_secrets(name, one) for one in value]
    return value


def configure(*, service: str, log_format: str, level: str) -> None:
    render: structlog.types.Processor = structlog.dev.ConsoleRenderer() if log_format == "console" else structlog.processors.JSONRenderer()
    chain: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*chain, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
    )
    structlog.contextvars.bind_contextvars(service=service)
    for library in ("aio_pika", "aiormq"):  # a line for every try of every connection; ours say once that the broker is away
        logging.getLogger(library).setLevel(logging.CRITICAL)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render], foreign_pre_chain=chain
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
