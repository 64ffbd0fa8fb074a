"""Gateways' webhooks: forged ones are refused by the true codec, true ones are not, and the verdict sees what was kept of them."""

import time
from collections import Counter
from dataclasses import replace
from random import Random

import orjson
import pytest

from deploy.faults.courier import forged
from deploy.faults.mailbag import Letter, Mailbag, invented, lost
from deploy.sandbox.webhooks import secret_of, signed
from shared.accounts import Account
from shared.gateways import CODECS, Unverified

ALPHA = Account(
    name="alpha", kind="sandbox", base_url="http://sandbox", webhook_secret=secret_of("alpha"), methods=("UPI",), currencies=("INR",)
)
ONE, TWO = Letter("alpha", "evt_1", "aa"), Letter("beta", "evt_2", "bb")
POST = Mailbag(genuine={ONE, TWO}, taken=Counter({ONE: 3, TWO: 1}), forged=[(replace(ONE, body_sha256="cc"), 401), (TWO, 0)])


def genuine(status: str) -> tuple[dict[str, str], bytes]:
    data = {"id": "ch_1", "reference": "r", "status": status, "operation": "charge", "amount_minor": 5_000, "currency": "INR"}
    body = orjson.dumps({"id": "evt_1", "type": f"charge.{status}", "data": data})
    return signed("sandbox", secret_of("alpha"), "evt_1", body, int(time.time())), body


@pytest.mark.parametrize("status", ["succeeded", "authorized", "failed", "requires_action"])
def test_a_forged_webhook_says_something_else_and_its_signature_never_holds(status: str) -> None:
    codec, draw = CODECS["sandbox"], Random(1)
    headers, body = genuine(status)
    codec.verify_webhook(ALPHA, headers, body, time.time())
    kinds = set()
    for _ in range(50):
        false_headers, false_body = forged(draw, headers, body)
        with pytest.raises(Unverified):
            codec.verify_webhook(ALPHA, false_headers, false_body, time.time())
        said, true = codec.parse_webhook(false_headers, false_body), codec.parse_webhook(headers, body)
        assert said
        assert true
        assert (said.finding, said.reference) != (true.finding, true.reference)
        kinds.add((said.event_id == "evt_1", "webhook-signature" in false_headers))
    assert kinds == {(True, True), (False, True), (False, False)}


def test_what_was_kept_once_is_well() -> None:
    assert [*lost(POST, [ONE, TWO]), *invented(POST, [ONE, TWO])] == []


def test_what_nobody_answered_may_be_kept_or_not() -> None:
    """The answer may have been lost on the way."""
    post = replace(POST, taken=Counter({ONE: 1}))
    for kept in ([ONE], [ONE, TWO]):
        assert [*lost(post, kept), *invented(post, kept)] == []


def test_what_was_taken_and_is_not_kept_is_lost() -> None:
    (line,) = lost(POST, [TWO])
    assert "evt_1 of alpha" in line


@pytest.mark.parametrize(
    ("post", "kept"),
    [
        (POST, [ONE, TWO, TWO]),
        (POST, [ONE, TWO, replace(ONE, body_sha256="cc")]),
        (replace(POST, forged=[(replace(ONE, body_sha256="cc"), 202)]), [ONE, TWO]),
        (replace(POST, forged=[(replace(ONE, body_sha256="cc"), 400)]), [ONE, TWO]),
    ],
    ids=["kept twice", "never sent", "a forged one taken", "refused for another reason"],
)
def test_what_is_not_so_is_invented(post: Mailbag, kept: list[Letter]) -> None:
    assert len(list(invented(post, kept))) == 1
