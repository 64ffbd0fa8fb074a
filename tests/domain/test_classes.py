"""What operators may make of gateways' error codes, and what they may not."""

from itertools import product
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.domain.classes import Override, Overrides, classified, heard, objection, row, table, unpaid
from shared.contracts import Money, OutcomeClass, Refusal
from shared.gateways import CODECS, ActionRequired, Answer, Code, Finding, HttpResponse, NotFound, Pending, Refused, Succeeded, Unclear
from tests.domain.stand import DECLINED, FAULT, attempt

CODES = {
    "card_declined": Code("user_decline", False, "Ask for another card."),
    "down": Code("gateway_fault", True, "Wait."),
    "perhaps": Code("unknown", False, "It may have been done."),
}
ONE = attempt(1)
WEIRD = "weird_code"
SUCCESS = Succeeded("ch_1", Money(amount_minor=50_000, currency="INR"))
MAYBE_CHARGED: list[Answer | Finding] = [
    SUCCESS,
    ActionRequired("ch_1", None),
    Unclear("no answer in 2.5 s"),
    Unclear("x", "ch_1"),
    Pending("ch_1"),
]
CLASSES = st.sampled_from(get_args(OutcomeClass))
OVERRIDES = st.dictionaries(
    st.sampled_from([*CODES, WEIRD, DECLINED.code, "NOT_CONNECTED", ""]), st.builds(Override, CLASSES, st.booleans(), st.just(""))
)


@given(overrides=OVERRIDES, seen=st.sampled_from([*MAYBE_CHARGED, NotFound()]))
def test_nothing_that_carries_no_code_is_ever_bent(overrides: Overrides, seen: Answer | Finding) -> None:
    assert classified(seen, overrides) == seen


@given(overrides=OVERRIDES, code=st.sampled_from(["card_declined", "down", WEIRD]))
def test_a_proof_stays_one_or_loses_its_force(overrides: Overrides, code: str) -> None:
    refused = Refused(Refusal(code=code, message="no", outcome_class="user_decline", retryable=False), "ch_1")
    found = classified(refused, overrides)
    override = overrides.get(code)
    if override and override.outcome_class == "unknown":
        assert isinstance(found, Unclear)
        assert (found.reference, found.unlisted) == ("ch_1", None)
    else:
        assert isinstance(found, Refused)
        assert (found.refusal.code, found.refusal.message, found.reference) == (code, "no", "ch_1")
        assert found.refusal.outcome_class not in ("success", "unknown")


def test_an_override_says_whose_doing_it_was() -> None:
    found = classified(Refused(DECLINED), {DECLINED.code: Override("issuer_fault", True)})
    assert found == Refused(DECLINED.model_copy(update={"outcome_class": "issuer_fault", "retryable": True}))


@pytest.mark.parametrize(
    ("overrides", "refused"),
    [
        ({WEIRD: Override("issuer_fault", True)}, True),
        ({"other": Override("issuer_fault", True)}, False),
        ({WEIRD: Override("unknown", False)}, False),
        ({WEIRD: Override("success", False)}, False),
        ({}, False),
    ],
)
def test_a_code_that_the_table_lacks_refuses_once_an_operator_says_so(overrides: Overrides, refused: bool) -> None:
    seen = Unclear("402 without a code we know", "ch_1", unlisted=WEIRD)
    expected = Refused(Refusal(code=WEIRD, outcome_class="issuer_fault", retryable=True), "ch_1")
    assert classified(seen, overrides) == (expected if refused else seen)


def test_what_fails_before_the_charge_is_never_in_doubt() -> None:
    assert unpaid(Refused(FAULT), {FAULT.code: Override("unknown", False)}) == Refused(FAULT)
    assert unpaid(Refused(FAULT), {FAULT.code: Override("our_fault", False)}).refusal.outcome_class == "our_fault"


def test_a_webhook_says_no_more_than_an_answer() -> None:
    assert heard("failed", DECLINED, {}) == ("failed", DECLINED)
    assert heard("failed", DECLINED, {DECLINED.code: Override("unknown", False)}) == ("pending", None)
    assert heard("succeeded", None, {DECLINED.code: Override("unknown", False)}) == ("succeeded", None)


@pytest.mark.parametrize(
    ("code", "outcome_class", "retryable", "objected"),
    [
        ("card_declined", "issuer_fault", True, False),
        ("card_declined", "unknown", False, False),
        (WEIRD, "user_decline", False, False),
        ("perhaps", "unknown", False, False),
        ("perhaps", "user_decline", False, True),
        ("card_declined", "success", False, True),
        (WEIRD, "unknown", True, True),
    ],
)
def test_which_overrides_can_be_made(code: str, outcome_class: OutcomeClass, retryable: bool, objected: bool) -> None:
    assert bool(objection(CODES, code, outcome_class, retryable=retryable)) is objected


def test_the_table_is_the_codecs_with_operators_words_in_it() -> None:
    rows = table("sandbox", CODES, {"down": Override("our_fault", False), WEIRD: Override("fraud_block", False, "Block the card.")})
    assert [(one.code, one.outcome_class, one.retryable, one.advice, one.overridden) for one in rows] == [
        ("card_declined", "user_decline", False, "Ask for another card.", False),
        ("down", "our_fault", False, "Wait.", True),
        ("perhaps", "unknown", False, "It may have been done.", False),
        (WEIRD, "fraud_block", False, "Block the card.", True),
    ]
    with pytest.raises(KeyError):
        row("sandbox", "never heard of", CODES, {})


def refusing(kind: str, code: str, /, **more: Any) -> bytes:
    """A gateway's own way to refuse with a code."""
    match kind:
        case "sandbox":
            error = {"code": code, "message": "no"}
        case "razorpay":
            error = {"code": "BAD_REQUEST_ERROR", "reason": code, "description": "no", "step": "payment_authorization"}
        case _:
            error = {"type": "card_error", "code": "card_declined", "decline_code": code, "message": "no"}
            if kind == "stripe":
                error.pop("code")
    return orjson.dumps({"error": error | more})


@pytest.mark.parametrize(("kind", "status"), list(product(sorted(CODECS), [400, 402])))
def test_every_codec_names_the_code_that_it_lacks(kind: str, status: int) -> None:
    """And an override then makes it a refusal."""
    seen = CODECS[kind].read(HttpResponse(status, {}, refusing(kind, WEIRD)), ONE)
    assert isinstance(seen, Unclear)
    assert seen.unlisted == WEIRD
    found = classified(seen, {WEIRD: Override("user_decline", False)})
    assert isinstance(found, Refused)


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        *(
            (kind, status, refusing(kind, WEIRD))
            for kind in sorted(CODECS)
            for status in (200, 201, 302, 404, 408, 409, 425, 500, 502, 504)
        ),
        *((kind, 402, body) for kind in sorted(CODECS) for body in (b"", b"not json", b"[]", b'{"error": "weird_code"}', b'{"error": {}}')),
        *((kind, 402, refusing(kind, "")) for kind in sorted(CODECS)),
        *((kind, 402, refusing(kind, "x" * 101)) for kind in sorted(CODECS)),
        *(
            (kind, 402, refusing(kind, code))
            for kind in sorted(CODECS)
            for code, known in CODECS[kind].codes.items()
            if known.outcome_class == "unknown"
        ),
        ("razorpay", 400, refusing("razorpay", WEIRD, code="GATEWAY_ERROR")),
        ("razorpay", 400, refusing("razorpay", WEIRD, code="SERVER_ERROR")),
        ("stripe", 400, refusing("stripe", WEIRD, type="idempotency_error")),
        ("stripe", 402, refusing("stripe", WEIRD, type="api_error")),
        ("stripe", 402, refusing("stripe", WEIRD, payment_intent={"id": "pi_1", "metadata": {"reference": "another's"}})),
    ],
)
def test_no_other_answer_can_be_made_a_refusal(kind: str, status: int, body: bytes) -> None:
    """Whatever operators have said of whatever codes."""
    seen = CODECS[kind].read(HttpResponse(status, {}, body), ONE)
    everything = {code: Override("user_decline", True) for code in (*CODECS[kind].codes, WEIRD, "", "x" * 101)}
    assert isinstance(seen, Unclear)
    assert isinstance(classified(seen, everything), Unclear)
