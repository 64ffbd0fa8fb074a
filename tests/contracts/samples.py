"""One filled-in message of every contract: what it looks like when every field has something to say."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.contracts import (
    EVENT_OF,
    Attempt,
    AttemptActionRequired,
    AttemptDoubted,
    AttemptExpired,
    AttemptFailed,
    AttemptObserved,
    AttemptSucceeded,
    AttemptUnknown,
    AttemptVerified,
    ExecuteAttempt,
    Frozen,
    GatewayHealth,
    HealthPicture,
    Hints,
    LookupAttempt,
    Money,
    PaymentSnapshot,
    Refusal,
    ResumePayment,
    RouteExhausted,
    RoutePayment,
    SealedInstrument,
    Status,
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


ABOUT: dict[str, Any] = {**HEAD, "attempt": ATTEMPT}
ANSWERED: dict[str, Any] = {"gateway_reference": "ch_1", "latency_ms": 180}
MESSAGES: tuple[Frozen, ...] = (
    RoutePayment(
        **HEAD, payment_id=PAYMENT, merchant_id="m_001", amount=AMOUNT, method="CARD", capture="manual", instrument=SEALED, hints=HINTS,
        customer_id="c_17", preferred_gateway="alpha", created_at=NOW,
    ),
    ResumePayment(**HEAD, payment_id=PAYMENT, merchant_id="m_001"),
    RouteExhausted(**HEAD, payment_id=PAYMENT, merchant_id="m_001", code="card_declined", reason="final", attempts=ATTEMPTS),
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
)  # fmt: skip
