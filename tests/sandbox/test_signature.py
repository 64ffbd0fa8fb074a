"""Standard Webhooks verification, held against the reference library and its published vector."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from deploy.sandbox.signature import InvalidSecret, InvalidSignature, key_of, verify
from tests.sandbox.client import SECRET

BODY = b'{"test": 2432232314}'
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
NOW_S = 1_614_265_330.0


def accepts(headers: dict[str, str], body: bytes = BODY, now_s: float = NOW_S, secrets: tuple[str, ...] = (SECRET,)) -> bool:
    try:
        return verify([key_of(secret) for secret in secrets], headers, body, now_s) == headers["webhook-id"]
    except InvalidSignature:
        return False


def test_the_published_vector() -> None:
    assert accepts(VECTOR)
    assert not accepts(VECTOR, body=BODY + b" ")
    assert not accepts(VECTOR | {"webhook-id": "msg_other"})
    assert not accepts(VECTOR, secrets=("whsec_c2VjcmV0",))
    for name in VECTOR:
        assert not accepts(VECTOR | {name: ""})


@pytest.mark.parametrize(("seconds", "accepted"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_five_minutes_of_tolerance(seconds: int, accepted: bool) -> None:
    assert accepts(VECTOR, now_s=NOW_S + seconds) is accepted


@pytest.mark.parametrize("timestamp", ["yesterday", "-1", "1614265330.5", "١٦١٤٢٦٥٣٣٠", "9" * 40, "inf"])
def test_odd_timestamps_are_refused(timestamp: str) -> None:
    assert not accepts(VECTOR | {"webhook-timestamp": timestamp})


def test_any_of_several_signatures_and_secrets() -> None:
    right, wrong = VECTOR["webhook-signature"], "v1," + base64.b64encode(bytes(32)).decode()
    other = "whsec_c2VjcmV0"
    assert accepts(VECTOR | {"webhook-signature": f"{wrong} v1a,xyz nonsense {right}"})
    assert accepts(VECTOR, secrets=(other, SECRET))
    assert not accepts(VECTOR | {"webhook-signature": right.replace("v1,", "v2,")})
    assert not accepts(VECTOR | {"webhook-signature": f"{wrong} , v1, v1 é"})


@given(key=st.binary(min_size=1, max_size=64), body=st.text(max_size=200), other=st.text(max_size=20), late_s=st.integers(-400, 400))
def test_it_agrees_with_the_library(key: bytes, body: str, other: str, late_s: int) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    library, now = Webhook(secret), datetime.now(UTC)
    moment = now + timedelta(seconds=late_s)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": library.sign("msg_1", moment, body),
    }
    for received in {body, body + other}:
        try:
            library.verify(received, headers, json_parse=False)
            expected = True
        except WebhookVerificationError:
            expected = False
        if abs(abs(late_s) - 300) > 5:  # at the edge the two read the clock at different moments
            assert accepts(headers, received.encode(), now.timestamp(), (secret,)) is expected


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_§§", "whsec_a"])
def test_what_is_no_secret(secret: str) -> None:
    with pytest.raises(InvalidSecret):
        key_of(secret)
