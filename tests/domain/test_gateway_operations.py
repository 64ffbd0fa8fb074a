"""What codecs ask for beyond a charge, and what they make of it: orders first, captures, refunds, lists, webhooks."""

from datetime import UTC, datetime
from urllib.parse import parse_qs
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts import Account
from shared.contracts import Attempt, Money, Operation
from shared.gateways import (
    CODECS,
    NOT_PREPARED,
    HttpResponse,
    NotFound,
    Page,
    Pending,
    Prepared,
    Refused,
    Succeeded,
    Unclear,
    Unsupported,
    Unverified,
    Window,
)
from shared.gateways.stripe_objects import capture_mark
from tests.domain.codecs import CARD, REFERENCE, answer
from tests.domain.codecs import SANDBOX as SANDBOX_SPEAKER
from tests.domain.razorpay_answers import RAZORPAY as RAZORPAY_SPEAKER
from tests.domain.razorpay_answers import failed as razorpay_failed
from tests.domain.razorpay_answers import payment
from tests.domain.stand import AMOUNT, attempt
from tests.domain.stripe_answers import STRIPE as STRIPE_SPEAKER
from tests.domain.stripe_answers import failed as stripe_failed
from tests.domain.stripe_answers import intent

SANDBOX, RAZORPAY, STRIPE = CODECS["sandbox"], CODECS["razorpay"], CODECS["stripe"]
ACCOUNTS = {speaker.kind: speaker.account for speaker in (SANDBOX_SPEAKER, RAZORPAY_SPEAKER, STRIPE_SPEAKER)}
SIGNED = ["Stripe-Signature", "X-Razorpay-Signature", "webhook-signature", "webhook-timestamp", "webhook-id"]
UPI = {"type": "UPI", "vpa": "asha@okbank"}
FOLLOWING: tuple[Operation, ...] = ("capture", "refund", "void")


def following(operation: Operation, target: str | None = "pay_1") -> Attempt:
    return attempt(1, operation=operation).model_copy(update={"target_reference": target})


def stripe_account(**more: object) -> Account:
    return ACCOUNTS["stripe"].model_copy(update=more)


@pytest.mark.parametrize("kind", ["razorpay", "stripe"])
def test_a_harmless_object_comes_first_and_carries_our_reference(kind: str) -> None:
    codec, account = CODECS[kind], ACCOUNTS[kind]
    first: tuple[Operation, ...] = ("charge", "authorize")
    later: tuple[Operation, ...] = ("capture", "refund", "link")
    for operation in first:
        request = codec.prepare(account, following(operation))
        assert request is not None
        assert REFERENCE.encode() in request.body
        assert str(CARD["number"]).encode() not in request.body
    for operation in later:
        assert codec.prepare(account, following(operation)) is None


@pytest.mark.parametrize(
    ("kind", "body", "prepared"),
    [
        ("razorpay", {"id": "order_1", "receipt": REFERENCE}, Prepared("order_1")),
        ("razorpay", {"id": "order_1", "receipt": "another"}, Refused(NOT_PREPARED)),
        ("stripe", intent(status="requires_payment_method"), Prepared("pi_1")),
        ("stripe", intent(metadata={}), Refused(NOT_PREPARED)),
        ("stripe", {}, Refused(NOT_PREPARED)),
    ],
)
def test_an_order_that_may_not_be_there_charged_nothing(kind: str, body: object, prepared: object) -> None:
    assert CODECS[kind].read_prepared(answer(200, body), attempt()) == prepared
    assert CODECS[kind].read_prepared(answer(500, body), attempt()) == Refused(NOT_PREPARED)
    assert NOT_PREPARED.retryable


@pytest.mark.parametrize("kind", sorted(CODECS))
def test_what_follows_a_charge_names_it_and_cannot_without(kind: str) -> None:
    codec, account = CODECS[kind], ACCOUNTS[kind]
    for operation in FOLLOWING:
        with pytest.raises(Unsupported) as raised:
            codec.execute(account, following(operation, None), {})
        assert raised.value.refusal.outcome_class == "our_fault"
        if operation in codec.operations:
            request = codec.execute(account, following(operation, "pay/1?x=2"), {})
            assert "pay/1" not in request.url
            assert b"pay%2F1%3Fx%3D2" in request.body + request.url.encode()


def test_upi_is_an_intent_unless_the_account_may_still_collect() -> None:
    for flow, upi in (("intent", {"flow": "intent"}), ("collect", {"flow": "collect", "vpa": UPI["vpa"], "expiry_time": 5})):
        account = ACCOUNTS["razorpay"].model_copy(update={"upi_flow": flow})
        request = RAZORPAY.execute(account, attempt(method="UPI"), UPI, "order_1")
        assert request.url.endswith("/v1/payments/create/upi")
        assert orjson.loads(request.body)["upi"] == upi


def test_razorpay_needs_its_order_and_amounts_it_can_take() -> None:
    with pytest.raises(Unsupported, match="prepare"):
        RAZORPAY.execute(ACCOUNTS["razorpay"], attempt(), CARD)
    with pytest.raises(Unsupported, match="KWD"):
        RAZORPAY.prepare(ACCOUNTS["razorpay"], attempt(amount=Money(amount_minor=1_005, currency="KWD")))
    assert RAZORPAY.prepare(ACCOUNTS["razorpay"], attempt(amount=Money(amount_minor=1_000, currency="KWD")))


def test_refunds_carry_the_key_of_their_gateway() -> None:
    assert RAZORPAY.execute(ACCOUNTS["razorpay"], following("refund"), {}).headers["X-Refund-Idempotency"] == REFERENCE
    assert STRIPE.execute(ACCOUNTS["stripe"], following("refund"), {}).headers["Idempotency-Key"] == REFERENCE


def test_the_two_steps_of_stripe_have_keys_of_their_own() -> None:
    first, second = STRIPE.prepare(ACCOUNTS["stripe"], attempt()), STRIPE.execute(ACCOUNTS["stripe"], attempt(), CARD, "pi_1")
    assert first is not None
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"] == REFERENCE
    assert second.url.endswith("/v1/payment_intents/pi_1/confirm")
    assert parse_qs(second.body.decode())["payment_method_data[card][exp_month]"] == ["12"]


@given(parts=st.lists(st.integers(1, 10**6), min_size=1, max_size=6), which=st.integers(0, 5))
def test_a_capture_among_several_at_stripe_is_its_own_amount(parts: list[int], which: int) -> None:
    attempts = [following("capture", "pi_1").model_copy(update={"attempt_id": UUID(int=n)}) for n in range(len(parts))]
    marks = {capture_mark(one): str(part) for one, part in zip(attempts, parts, strict=True)}
    shown = intent(amount=sum(parts), amount_received=sum(parts), metadata=marks)
    mine = attempts[which % len(parts)]
    found = STRIPE.read_lookup(answer(200, shown), mine)
    assert found == Succeeded("pi_1", Money(amount_minor=parts[which % len(parts)], currency="INR"))
    less = {key: value for key, value in marks.items() if key != capture_mark(mine)}
    assert STRIPE.read_lookup(answer(200, shown | {"metadata": less}), mine) == NotFound()
    assert isinstance(STRIPE.read_lookup(answer(200, shown | {"id": "pi_2"}), mine), Unclear)


def test_several_captures_only_where_the_account_may() -> None:
    assert (STRIPE.captures(stripe_account()), STRIPE.captures(stripe_account(multicapture=True))) == ("partial", "several")
    assert b"final_capture" not in STRIPE.execute(stripe_account(), following("capture"), {}).body
    assert b"final_capture=false" in STRIPE.execute(stripe_account(multicapture=True), following("capture"), {}).body


@pytest.mark.parametrize(
    ("entity", "finding"),
    [
        (payment(status="authorized", captured=False), NotFound()),
        (payment(), Succeeded("pay_1", AMOUNT)),
        (payment(status="refunded"), Succeeded("pay_1", AMOUNT)),
    ],
)
def test_a_capture_at_razorpay_is_read_off_its_payment(entity: object, finding: object) -> None:
    assert RAZORPAY.read_lookup(answer(200, entity), following("capture")) == finding
    assert isinstance(RAZORPAY.read_lookup(answer(200, entity), following("capture", "pay_2")), Unclear)


def test_an_authorisation_that_lapsed_at_razorpay_was_not_captured() -> None:
    found = RAZORPAY.read_lookup(answer(200, payment(status="refunded", captured=False)), following("capture"))
    assert isinstance(found, Refused)
    assert found.refusal.code == "payment_auto_refunded"


@pytest.mark.parametrize(
    ("kind", "entity"),
    [
        ("razorpay", payment(status="refunded", captured=False)),
        ("stripe", intent(status="canceled", amount_received=0, latest_charge="ch_1")),
        ("stripe", intent(status="succeeded", amount_received=1, latest_charge="ch_1")),
    ],
)
def test_an_authorisation_has_succeeded_even_if_it_was_released_later(kind: str, entity: dict[str, object]) -> None:
    found = CODECS[kind].read_lookup(answer(200, entity), attempt(operation="authorize"))
    assert found == Succeeded(str(entity["id"]), AMOUNT)


def test_what_was_canceled_before_it_was_paid_was_not_charged() -> None:
    for entity in (
        intent(status="canceled"),
        intent(status="canceled", latest_charge="ch_1", last_payment_error={"code": "card_declined"}),
    ):
        assert isinstance(STRIPE.read_lookup(answer(200, entity), attempt(operation="authorize")), Refused)


def test_a_charge_that_is_only_held_is_not_yet_charged() -> None:
    held = answer(200, payment(status="authorized", captured=False))
    assert RAZORPAY.read_lookup(held, attempt()) == Pending("pay_1")
    assert RAZORPAY.read_lookup(held, attempt(operation="authorize")) == Succeeded("pay_1", AMOUNT)


def test_a_try_that_fails_at_a_link_is_not_its_end() -> None:
    """Its payer may try another card, for as long as the link is open."""
    notes = {"reference": REFERENCE, "operation": "link"}
    declined = razorpay_failed("insufficient_funds") | {"notes": notes}
    told = RAZORPAY.parse_webhook(
        {"x-razorpay-event-id": "evt_1"}, orjson.dumps({"event": "payment.failed", "payload": {"payment": {"entity": declined}}})
    )
    assert told is not None
    assert (told.reference, told.operation, told.finding) == (REFERENCE, "link", Pending("pay_1"))
    declined = stripe_failed("card_declined", "insufficient_funds") | {"metadata": notes}
    told = STRIPE.parse_webhook({}, orjson.dumps({"id": "evt_1", "type": "payment_intent.payment_failed", "data": {"object": declined}}))
    assert told is not None
    assert (told.reference, told.operation, told.finding) == (REFERENCE, "link", Pending("pi_1"))


def test_a_refund_is_no_charge_whatever_was_copied_to_it() -> None:
    """Who gives back by other means than ours may copy the marks of the charge: it would be told as a second charge of one attempt."""
    marks = {"reference": REFERENCE, "operation": "charge"}
    refund = {"id": "r_1", "entity": "refund", "object": "refund", "amount": 1, "currency": "INR", "notes": marks, "metadata": marks}
    told = RAZORPAY.parse_webhook(
        {"x-razorpay-event-id": "evt_1"},
        orjson.dumps({"event": "refund.processed", "payload": {"refund": {"entity": refund | {"status": "processed"}}}}),
    )
    assert told is not None
    assert (told.reference, told.operation) == (REFERENCE, "refund")
    event = {"id": "evt_1", "type": "refund.updated", "data": {"object": refund | {"status": "succeeded"}}}
    told = STRIPE.parse_webhook({}, orjson.dumps(event))
    assert told is not None
    assert (told.reference, told.operation) == (REFERENCE, "refund")


@pytest.mark.parametrize("kind", ["razorpay", "stripe"])
def test_a_full_page_of_other_refunds_does_not_prove_that_ours_is_missing(kind: str) -> None:
    other = {"id": "r", "object": "refund", "entity": "refund", "status": "processed", "amount": 1, "currency": "INR"}
    full = {"object": "list", "data": [other] * 100, "items": [other] * 100, "has_more": True}
    short = {"object": "list", "data": [other], "items": [other], "has_more": False}
    assert isinstance(CODECS[kind].read_lookup(answer(200, full), following("refund")), Unclear)
    assert CODECS[kind].read_lookup(answer(200, short), following("refund")) == NotFound()


def test_windows_in_whole_seconds_leave_nothing_out() -> None:
    window = Window(datetime(2026, 1, 5, 9, 30, 0, 500_000, UTC), datetime(2026, 1, 5, 9, 31, tzinfo=UTC))
    first, last = int(window.start.timestamp()), int(window.end.timestamp()) - 1
    assert f"from={first}&to={last}&" in RAZORPAY.list_made(ACCOUNTS["razorpay"], "charge", window).url
    assert f"created%5Bgte%5D={first}&created%5Blte%5D={last}&" in STRIPE.list_made(ACCOUNTS["stripe"], "refund", window).url


def test_intents_that_nobody_tried_to_pay_are_no_charges() -> None:
    unpaid = intent(id="pi_2", status="requires_payment_method")
    page = STRIPE.read_list(answer(200, {"object": "list", "data": [intent(), unpaid], "has_more": True}))
    assert isinstance(page, Page)
    assert ([one.gateway_reference for one in page.items], page.cursor) == (["pi_1"], "pi_2")
    assert page.items[0].reference == REFERENCE


def test_the_published_vector_of_standard_webhooks() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    account = ACCOUNTS["sandbox"].model_copy(update={"webhook_secret": secret})
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    SANDBOX.verify_webhook(account, headers, body, 1_614_265_330)
    for change in ({"webhook-id": "other"}, {"webhook-timestamp": "x"}, {"webhook-timestamp": "1614265331"}, {"webhook-signature": "v1,"}):
        with pytest.raises(Unverified):
            SANDBOX.verify_webhook(account, headers | change, body, 1_614_265_330)


@pytest.mark.parametrize("kind", sorted(CODECS))
@given(
    headers=st.dictionaries(st.sampled_from(["Stripe-Signature", "X-Razorpay-Signature", "webhook-signature"]), st.text()), body=st.binary()
)
def test_nobody_gets_in_by_chance(kind: str, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unverified):
        CODECS[kind].verify_webhook(ACCOUNTS[kind], headers, body, 0.0)


def test_a_lost_answer_does_not_make_a_second_order_look_like_success() -> None:
    """The first try was paid, its answer lost: the copy's refusal is no proof that nothing was charged."""
    told = {"error": {"code": "BAD_REQUEST_ERROR", "description": "Payment already done for this order.", "reason": "NA"}}
    found = RAZORPAY.read(HttpResponse(400, {}, orjson.dumps(told)), attempt())
    assert isinstance(found, Unclear)
    assert found.unlisted is None  # so nobody can make a refusal of it
