"""One filled-in message of every contract: what it looks like when every field has something to say."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.contracts import (
    EVENT_OF,
    MONEY_EVENTS,
    Attempt,
    AttemptActionRequired,
    AttemptDoubted,
    AttemptExpired,
    AttemptFailed,
    AttemptIdentified,
    AttemptObserved,
    AttemptSucceeded,
    AttemptUnknown,
    AttemptVerified,
    ChargesCompared,
    CircuitClosed,
    CircuitHalfOpen,
    CircuitOpened,
    CompareCharges,
    Difference,
    DiscrepancyFound,
    EndpointDisabled,
    EndpointFailing,
    ExecuteAttempt,
    Frozen,
    GatewayHealth,
    GuardrailViolated,
    HealthPicture,
    Hints,
    IdentifyAttempt,
    LookupAttempt,
    Money,
    OperationSnapshot,
    PaymentSnapshot,
    ReceiveGatewayEvent,
    Refusal,
    ResumePayment,
    RouteExhausted,
    RoutePayment,
    RouteShadow,
    RoutingChanged,
    SealedInstrument,
    Status,
    SuccessRateDropped,
    attempt_id,
)

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
PAYMENT = UUID("019b8d5a-2c00-7000-8000-000000000001")
CAUSE = UUID("019b8d5a-2c00-7000-8000-000000000002")
AMOUNT = Money(amount_minor=50_000, currency="INR")
HEAD: dict[str, Any] = {
    "message_id": UUID("019b8d5a-2c00-7000-8000-000000000003"),
    "causation_id": CAUSE,
    "occurred_at": NOW,
    "correlation_id": PAYMENT,
}
ATTEMPT = Attempt(
    attempt_id=attempt_id(PAYMENT, 1),
    payment_id=PAYMENT,
    merchant_id="m_001",
    operation="charge",
    gateway="alpha",
    number=1,
    amount=AMOUNT,
    method="CARD",
    bank="HDFC",
    probe=True,
    epoch=7,
)
ATTEMPTS = tuple(attempt_id(PAYMENT, number) for number in (1, 2, 3))
REFUSAL = Refusal(code="card_declined", message="the issuer declined the card", outcome_class="user_decline", retryable=False)
SEALED = SealedInstrument(
    key_id="019b8d5a-2c00-7000-8000-000000000004", wrapped_key="d3JhcHBlZA==" * 8, nonce="bm9uY2Ugbm9uY2U=", ciphertext="c2VhbGVk" * 30
)
HINTS = Hints(bank="HDFC", network="VISA", masked="•••• 1007", fingerprint="0f" * 16)


def snapshot(status: Status) -> PaymentSnapshot:
    return PaymentSnapshot(
        payment_id=PAYMENT,
        merchant_id="m_001",
        status=status,
        sequence=3,
        amount=AMOUNT,
        method="CARD",
        gateway="alpha",
        order_id="A-1001",
        customer_id="c_17",
        payment_url="https://pay.example/x",
        instrument="•••• 1007",
        error={"code": "card_declined", "message": "the issuer declined the card"},
        metadata={"basket": ["tea", 2], "gift": True},
        created_at=NOW,
        updated_at=NOW + timedelta(seconds=1),
    )


OPERATION = OperationSnapshot(
    operation_id=UUID("019b8d5a-2c00-7000-8000-000000000005"),
    payment_id=PAYMENT,
    kind="refund",
    status="failed",
    amount=Money(amount_minor=5_000, currency="INR"),
    gateway="alpha",
    reason="too large",
    error={"code": "refund_exceeds_captured", "message": "more than what was captured"},
    created_at=NOW,
    updated_at=NOW,
)
ABOUT: dict[str, Any] = {**HEAD, "attempt": ATTEMPT}
ANSWERED: dict[str, Any] = {"gateway_reference": "ch_1", "latency_ms": 180}
DIFFERENCE = Difference(
    reference=str(ATTEMPT.attempt_id), comparison="amount_mismatch", reason="the gateway moved 49000 INR", attempt_id=ATTEMPT.attempt_id,
    payment_id=PAYMENT, operation="charge", our_state="succeeded", our_amount=AMOUNT, gateway_reference="ch_1", gateway_state="succeeded",
    gateway_amount=AMOUNT,
)  # fmt: skip
SAID: dict[str, Any] = {
    "gateway": "alpha", "finding": "failed", "operation": "charge", "reference": str(ATTEMPT.attempt_id), "gateway_reference": "ch_1",
    "confirmed": AMOUNT, "refusal": REFUSAL,
}  # fmt: skip
CIRCUIT: dict[str, Any] = {"gateway": "alpha", "method": "UPI", "epoch": 3, "reason": "5 of 10", "actor": "operator", "until": NOW}
SLICE: dict[str, Any] = {"run_id": CAUSE, "gateway": "alpha", "since": NOW, "until": NOW + timedelta(seconds=300)}
MESSAGES: tuple[Frozen, ...] = (
    ReceiveGatewayEvent(**HEAD, **SAID, event_id="evt_1", event_type="charge.failed", body_sha256="0f" * 32),
    IdentifyAttempt(**HEAD, **SAID, evidence_id=CAUSE),
    AttemptIdentified(**HEAD, evidence_id=CAUSE, match="news", reason="a failure", attempt_id=ATTEMPT.attempt_id, payment_id=PAYMENT),
    CompareCharges(**HEAD, **SLICE, again=(str(ATTEMPT.attempt_id),)),
    ChargesCompared(
        **HEAD, **SLICE, matched=9, expected=1, differences=(DIFFERENCE,), problem="the list cannot be read", too_many=True
    ),
    *(
        event(**HEAD, **CIRCUIT, state=state, previous=previous)
        for event, state, previous in (
            (CircuitOpened, "open", "closed"),
            (CircuitHalfOpen, "half_open", "open"),
            (CircuitClosed, "closed", "half_open"),
        )
    ),
    SuccessRateDropped(**HEAD, gateway="alpha", method="UPI", rate=0.52, rate_before=0.91, attributable=40),
    GuardrailViolated(
        **HEAD, experiment_id="exp_1", reason="the treatment fails more", control_rate=0.9, treatment_rate=0.75, control_samples=400,
        treatment_samples=390,
    ),
    DiscrepancyFound(**HEAD, discrepancy_id=CAUSE, run_id=CAUSE, gateway="alpha", difference=DIFFERENCE),
    *(
        event(**HEAD, merchant_id="m_001", endpoint_id="we_1", failing_since=NOW, reason="answered 500; 10 tries made")
        for event in (EndpointFailing, EndpointDisabled)
    ),
    RoutePayment(
        **HEAD, payment_id=PAYMENT, merchant_id="m_001", amount=AMOUNT, method="CARD", capture="manual", instrument=SEALED, hints=HINTS,
        customer_id="c_17", preferred_gateway="alpha", created_at=NOW,
    ),
    ResumePayment(**HEAD, payment_id=PAYMENT, merchant_id="m_001"),
    RouteExhausted(**HEAD, payment_id=PAYMENT, merchant_id="m_001", code="card_declined", reason="final", attempts=ATTEMPTS),
    RouteShadow(**HEAD, payment_id=PAYMENT, number=1, policy="score", record='{"row":{},"made":{}}'),
    RoutingChanged(action="change_gateway"),
    ExecuteAttempt(**ABOUT, instrument=SEALED, deadline_at=NOW + timedelta(seconds=5)),
    LookupAttempt(**ABOUT, number=2),
    AttemptSucceeded(**ABOUT, **ANSWERED, confirmed=AMOUNT),
    AttemptFailed(**ABOUT, **ANSWERED, refusal=REFUSAL),
    AttemptUnknown(**ABOUT, **ANSWERED, reason="no answer in 2.5 s"),
    AttemptActionRequired(**ABOUT, **ANSWERED, action_url="https://bank.example/3ds"),
    AttemptExpired(**ABOUT, reason="its deadline passed in the queue"),
    AttemptDoubted(**ABOUT),
    AttemptObserved(**ABOUT, source="lookup", finding="failed", confirmed=AMOUNT, refusal=REFUSAL, gateway_reference="ch_1"),
    AttemptVerified(**ABOUT, verdict="failed", source="lookup", confirmed=AMOUNT, refusal=REFUSAL, gateway_reference="ch_1"),
    HealthPicture(epoch=7, as_of=NOW, gateways=(GatewayHealth(gateway="alpha", method="CARD", attributable=40, succeeded=38),)),
    *(event(**HEAD, payment=snapshot(status), previous_event_id=CAUSE) for status, event in EVENT_OF.items()),
    *(event(**HEAD, payment=snapshot("partially_refunded"), operation=OPERATION, previous_event_id=CAUSE) for event in MONEY_EVENTS),
)  # fmt: skip
