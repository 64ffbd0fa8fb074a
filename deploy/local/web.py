"""One plain HTTP request to a program of this machine. Not urllib: a proxy of the environment must not see it."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

ANSWER_LIMIT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """Status, headers (lower case) and the JSON body; `{}` where the body is none."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def refusal(self) -> tuple[str, str]:
        """What the edge refused in its own words: code and message, and a line for each field that is wrong."""
        error = self.body.get("error", {})
        wrong = error.get("details", {}).get("errors", [])
        lines = (": ".join(filter(None, (one.get("field"), one.get("message")))) for one in wrong)
        return f"{error.get('code', self.status)}: {error.get('message', 'no message')}", "\n".join(lines)


def call(method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None, timeout_s: float = 10.0) -> Reply:
    """Send it and read the whole answer. Raises OSError (refused, timed out, cut)."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=timeout_s)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    sent = dict(headers or {})
    content = None
    if body is not None:
        content = json.dumps(body).encode()
        sent.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path, content, sent)
        response = connection.getresponse()
        text = response.read(ANSWER_LIMIT_BYTES)
    except http.client.HTTPException as error:
        raise OSError(f"{method} {url}: {error!r}") from error
    finally:
        connection.close()
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = {}
    received = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, parsed if isinstance(parsed, dict) else {}, received)
