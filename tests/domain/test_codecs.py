"""Every codec is held to the same promises: one reference, one idempotency key, and no guess where money may have moved."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.behaviour import BEHAVIOURS
from deploy.sandbox.moves import SUM_MESSAGES
from services.executor.domain.meaning import observed, said
from shared.accounts import Account
from shared.contracts import AMOUNT_MAX, LookupAttempt, Money
from shared.gateways import CODECS, ActionRequired, Answer, HttpResponse, NotFound, Page, Pending, Refused, Succeeded, Unclear
from shared.gateways.sandbox_codes import CODES
from tests.domain.codecs import ATTEMPT, CARD, REFERENCE, SANDBOX, Speaker
from tests.domain.razorpay_answers import RAZORPAY
from tests.domain.stand import AMOUNT
from tests.domain.stripe_answers import STRIPE

SPEAKERS = (SANDBOX, RAZORPAY, STRIPE)
every_speaker = pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: speaker.kind)
COMMAND = LookupAttempt(correlation_id=ATTEMPT.payment_id, attempt=ATTEMPT, number=1)
GARBAGE = [b"", b"{", b'{"id": "ch_', b"[]", b"null", b"7", b'"text"', b"\xff\xfe", b"{}", b"<html>", b"[" * 5_000]
in_between = [(speaker, name) for speaker in SPEAKERS for name in speaker.unclear]
in_between_lookups = [(speaker, name) for speaker in SPEAKERS for name in speaker.unclear_lookups]
refusals = [(speaker, code) for speaker in SPEAKERS for code in speaker.refusals]


def test_every_codec_is_held_to_this() -> None:
    assert sorted(speaker.kind for speaker in SPEAKERS) == sorted(CODECS)


@every_speaker
def test_an_order_carries_our_reference_as_its_idempotency_key(speaker: Speaker) -> None:
    request = CODECS[speaker.kind].execute(speaker.account, ATTEMPT, CARD, speaker.prepared)
    assert request.method == "POST"
    assert request.url.startswith(speaker.account.base_url)
    assert REFERENCE in request.headers.values() or speaker.kind == "razorpay"  # whose payments take no key
    assert REFERENCE.encode() in request.body
    assert str(AMOUNT.amount_minor).encode() in request.body


@every_speaker
def test_instrument_and_key_stand_where_no_log_looks(speaker: Speaker) -> None:
    codec = CODECS[speaker.kind]
    order, question = codec.execute(speaker.account, ATTEMPT, CARD, speaker.prepared), codec.lookup(speaker.account, ATTEMPT)
    for secret in (CARD["number"], CARD["cvv"], speaker.account.api_key, speaker.account.key_secret):
        assert str(secret) not in order.url + question.url
    assert str(CARD["number"]).encode() in order.body
    assert str(CARD["number"]) not in repr(order.headers) + repr(question)


@every_speaker
def test_a_question_asks_for_our_reference_and_changes_nothing(speaker: Speaker) -> None:
    request = CODECS[speaker.kind].lookup(speaker.account, ATTEMPT)
    assert (request.method, request.body) == ("GET", b"")
    assert REFERENCE in request.url


@every_speaker
def test_success_carries_the_gateways_own_amount(speaker: Speaker) -> None:
    codec = CODECS[speaker.kind]
    if speaker.succeeded is None or speaker.another_amount is None:
        assert speaker.kind == "razorpay"  # it never says of a new payment that it is paid
        return
    assert codec.read(speaker.succeeded, ATTEMPT) == Succeeded(speaker.charge_id, AMOUNT)
    assert codec.read(speaker.another_amount, ATTEMPT) == Succeeded(speaker.charge_id, Money(amount_minor=1, currency="INR"))


@every_speaker
def test_a_success_of_something_else_is_not_ours(speaker: Speaker) -> None:
    codec = CODECS[speaker.kind]
    if speaker.another_reference is not None:
        assert isinstance(codec.read(speaker.another_reference, ATTEMPT), Unclear)
    assert isinstance(codec.read_lookup(speaker.found_another_reference, ATTEMPT), Unclear)


@every_speaker
def test_an_action_is_passed_on(speaker: Speaker) -> None:
    answer = CODECS[speaker.kind].read(speaker.requires_action, ATTEMPT)
    assert answer == ActionRequired(speaker.charge_id, "https://gateway.example/pay")


@pytest.mark.parametrize(("speaker", "code"), refusals, ids=lambda one: one if isinstance(one, str) else one.kind)
def test_a_known_code_is_a_refusal(speaker: Speaker, code: str) -> None:
    found = CODECS[speaker.kind].read(speaker.refusals[code], ATTEMPT)
    assert isinstance(found, Refused)
    assert found.refusal.code == code
    row = CODECS[speaker.kind].codes[code]
    assert (found.refusal.outcome_class, found.refusal.retryable) == (row.outcome_class, row.retryable)


@every_speaker
def test_tables_blame_somebody_and_advise(speaker: Speaker) -> None:
    for code, row in CODECS[speaker.kind].codes.items():
        assert row.outcome_class != "success", code
        assert (code in speaker.refusals) is (row.outcome_class != "unknown")
        assert row.advice.endswith("."), code
        assert not (row.retryable and row.outcome_class in ("user_decline", "fraud_block", "unknown")), code


@pytest.mark.parametrize(("speaker", "name"), in_between, ids=lambda one: one if isinstance(one, str) else one.kind)
def test_whatever_is_not_plain_is_unclear(speaker: Speaker, name: str) -> None:
    assert isinstance(CODECS[speaker.kind].read(speaker.unclear[name], ATTEMPT), Unclear)


@every_speaker
@pytest.mark.parametrize("status", [100, 200, 201, 204, 301, 400, 402, 404, 409, 422, 429, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_unclear_whatever_its_status(speaker: Speaker, status: int, body: bytes) -> None:
    response = HttpResponse(status, {}, body)
    assert isinstance(CODECS[speaker.kind].read(response, ATTEMPT), Unclear)
    assert isinstance(CODECS[speaker.kind].read_lookup(response, ATTEMPT), Unclear)


@every_speaker
@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599])
def test_a_5xx_proves_nothing(speaker: Speaker, status: int) -> None:
    for told in filter(None, (speaker.succeeded, speaker.requires_action, *speaker.refusals.values())):
        assert isinstance(CODECS[speaker.kind].read(HttpResponse(status, {}, told.body), ATTEMPT), Unclear)
    for told in (speaker.found, speaker.found_nothing, speaker.found_failed):
        assert isinstance(CODECS[speaker.kind].read_lookup(HttpResponse(status, {}, told.body), ATTEMPT), Unclear)


@every_speaker
def test_findings(speaker: Speaker) -> None:
    read = CODECS[speaker.kind].read_lookup
    assert read(speaker.found, ATTEMPT) == Succeeded(speaker.charge_id, AMOUNT)
    assert read(speaker.found_pending, ATTEMPT) == Pending(speaker.charge_id)
    assert isinstance(read(speaker.found_failed, ATTEMPT), Refused)
    assert read(speaker.found_nothing, ATTEMPT) == NotFound()


@every_speaker
def test_what_moved_money_outranks_what_did_not(speaker: Speaker) -> None:
    assert CODECS[speaker.kind].read_lookup(speaker.found_refused_and_succeeded, ATTEMPT) == Succeeded(speaker.charge_id, AMOUNT)


@pytest.mark.parametrize(("speaker", "name"), in_between_lookups, ids=lambda one: one if isinstance(one, str) else one.kind)
def test_an_unreadable_finding_proves_neither_charge_nor_absence(speaker: Speaker, name: str) -> None:
    assert isinstance(CODECS[speaker.kind].read_lookup(speaker.unclear_lookups[name], ATTEMPT), Unclear)


FIELDS = [
    "id", "reference", "status", "code", "error", "items", "amount_minor", "currency", "action_url", "amount", "notes", "metadata",
    "entity", "receipt", "payments", "razorpay_payment_id", "next", "reason", "object", "data", "amount_received", "created", "type",
    "last_payment_error",
]  # fmt: skip
json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([REFERENCE, "succeeded", "captured", "failed", "requires_action", "card_declined", "payment_intent", "order", "INR"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@every_speaker
@given(status=st.integers(100, 599), body=json)
def test_no_answer_breaks_a_codec_and_none_invents_money(speaker: Speaker, status: int, body: object) -> None:
    try:
        response = HttpResponse(status, {}, orjson.dumps(body))
    except TypeError:  # an integer that is no JSON of orjson's
        return
    codec = CODECS[speaker.kind]
    for found in (codec.read(response, ATTEMPT), codec.read_lookup(response, ATTEMPT)):
        if isinstance(found, Succeeded):
            assert status == 200
            assert 0 <= found.confirmed.amount_minor <= AMOUNT_MAX
        if isinstance(found, Refused):
            assert found.refusal.code in codec.codes
        said(COMMAND, ATTEMPT, found, 1) if isinstance(found, Answer) else observed(COMMAND, ATTEMPT, found, "lookup")


@every_speaker
@given(status=st.integers(100, 599), body=json)
def test_no_list_and_no_webhook_breaks_a_codec(speaker: Speaker, status: int, body: object) -> None:
    codec = CODECS[speaker.kind]
    try:
        raw = orjson.dumps(body)
    except TypeError:
        return
    page = codec.read_list(HttpResponse(status, {}, raw))
    assert isinstance(page, Unclear) or (status == 200 and isinstance(page, Page))
    heard = codec.parse_webhook({"x-razorpay-event-id": "evt_1"}, raw)
    assert heard is None or heard.event_id


def test_the_table_knows_every_code_that_the_sandbox_says() -> None:
    assert {behaviour.code for behaviour in BEHAVIOURS.values() if behaviour.code} | set(SUM_MESSAGES) <= set(CODES)


def test_a_long_message_is_cut() -> None:
    body = orjson.dumps({"error": {"code": "card_declined", "message": "x" * 10_000}})
    found = CODECS["sandbox"].read(HttpResponse(402, {}, body), ATTEMPT)
    assert isinstance(found, Refused)
    assert len(found.refusal.message) == 200


def test_what_an_account_still_asks_the_environment_for() -> None:
    account = Account(name="a", kind="sandbox", base_url="${HOST}/x", api_key="${KEY}", methods=(), currencies=())
    assert account.missing_variables() == ["HOST", "KEY"]
    assert SPEAKERS[0].account.missing_variables() == []
