"""Webhooks are signed as Standard Webhooks says: against its published vector and its own library."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.notifier.domain.signature import hex_signature, key_of, sign
from services.notifier.secrets import Secrets
from shared.clock import utc_now

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT_REST = base64.b64encode(bytes(range(32))).decode()


def test_the_published_vector() -> None:
    signature = sign(key_of(SECRET), webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp_s=1614265330, body=b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers_for(body: bytes, *, secret: str = SECRET, at: datetime) -> dict[str, Any]:
    timestamp_s = int(at.timestamp())
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": sign(key_of(secret), webhook_id="msg_1", timestamp_s=timestamp_s, body=body),
    }


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=4).map(lambda found: repr(found).encode()))
def test_the_standards_own_library_verifies(content: bytes) -> None:
    body = b'{"data": "' + base64.b64encode(content) + b'"}'
    assert Webhook(SECRET).verify(body.decode(), headers_for(body, at=utc_now()))


@pytest.mark.parametrize("change", [b"x", b" ", b""])
def test_what_was_changed_on_the_way_is_refused(change: bytes) -> None:
    body = b'{"amount": 1}'
    headers = headers_for(body, at=utc_now())
    if not change:
        headers["webhook-id"] = "msg_2"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify((body + change).decode(), headers)


def test_what_is_old_is_refused() -> None:
    body = b"{}"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.decode(), headers_for(body, at=datetime(2026, 1, 5, tzinfo=UTC)))


def test_another_secret_is_refused() -> None:
    body = b"{}"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.decode(), headers_for(body, secret="whsec_AAAA", at=utc_now()))


def test_the_older_header_is_plain_hex() -> None:
    assert hex_signature(b"key", b"body") == hmac.new(b"key", b"body", hashlib.sha256).hexdigest()


@pytest.mark.parametrize("secret", ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64!", "whsec_abc", "WHSEC_MfKQ"])
def test_what_is_no_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError) as refused:
        key_of(secret)
    assert "MfKQ" not in str(refused.value)


def test_a_secret_at_rest_opens_for_its_endpoint_only() -> None:
    secrets = Secrets(AT_REST)
    sealed = secrets.seal("we_1", SECRET)
    assert secrets.signing_key("we_1", sealed) == key_of(SECRET) == Secrets(AT_REST).signing_key("we_1", sealed)
    assert SECRET.removeprefix("whsec_") not in sealed
    assert sealed != secrets.seal("we_1", SECRET)
    with pytest.raises(InvalidTag):
        secrets.signing_key("we_2", sealed)
    with pytest.raises(InvalidTag):
        Secrets(base64.b64encode(bytes(32)).decode()).signing_key("we_1", sealed)


def test_a_secret_nobody_could_sign_with_is_not_stored() -> None:
    with pytest.raises(ValueError):
        Secrets(AT_REST).seal("we_1", "hunter2")


@pytest.mark.parametrize("key", ["", "short", base64.b64encode(bytes(31)).decode()])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError):
        Secrets(key)
