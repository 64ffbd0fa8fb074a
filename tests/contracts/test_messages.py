"""What holds for every message: it survives the wire, cannot be changed, tolerates a newer writer, and is named by its cause."""

import json
from typing import Any
from uuid import uuid4

import pytest
from pydantic import TypeAdapter, ValidationError

from shared import topology
from shared.contracts import (
    AMOUNT_MAX,
    AttemptExpired,
    AttemptVerified,
    ExecuteAttempt,
    Frozen,
    Message,
    Money,
    ResumePayment,
    attempt_id,
)
from shared.ids import derived
from shared.messaging.envelope import ITEMS_MAX, pack
from tests.contracts.samples import ATTEMPT, MESSAGES, NOW, PAYMENT

FRAME_BYTES = 131_072  # RabbitMQ's frame_max: a larger message is cut into several
MESSAGE_BYTES_MAX = 1_536

every_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.model_dump()["kind"])


@every_message
def test_survives_the_wire(message: Frozen) -> None:
    """As the unit of work writes it and a subscription reads it."""
    body = pack([message.model_dump_json(exclude_none=True).encode()])
    contract: Any = type(message)
    assert TypeAdapter(list[contract]).validate_json(body) == [message]


@every_message
def test_cannot_be_changed(message: Frozen) -> None:
    for field in type(message).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(message, field, getattr(message, field))


@every_message
def test_ignores_what_a_newer_writer_adds(message: Frozen) -> None:
    newer = widened(json.loads(message.model_dump_json()))
    assert type(message).model_validate(newer) == message


def widened(part: Any) -> Any:
    """Every object that is a contract's, with a field more; merchants' metadata and error texts are theirs."""
    if isinstance(part, list):
        return [widened(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {name: inner if name in ("metadata", "error") else widened(inner) for name, inner in part.items()} | {
        "added_in_v9": {"deep": [1]}
    }


@every_message
def test_refuses_another_kind(message: Frozen) -> None:
    with pytest.raises(ValidationError):
        type(message).model_validate({**json.loads(message.model_dump_json()), "kind": "another.kind.v1"})


@every_message
def test_a_typical_message_is_small(message: Frozen) -> None:
    assert len(message.model_dump_json(exclude_none=True)) <= MESSAGE_BYTES_MAX


def test_a_full_envelope_fits_one_frame() -> None:
    assert ITEMS_MAX * (MESSAGE_BYTES_MAX + 1) + 1 < FRAME_BYTES


@pytest.mark.parametrize("inlet", topology.TEMPLATES, ids=lambda inlet: inlet.queue)
def test_a_queue_tells_its_kinds_apart(inlet: topology.Inlet) -> None:
    """No message of one kind may be read as another kind that the same queue hears."""
    samples = [one for one in MESSAGES if isinstance(one, inlet.hears)]
    assert len(samples) == len(inlet.hears)
    for message in samples:
        readers = [kind for kind in inlet.hears if reads(kind, message)]
        assert readers == [type(message)]


def reads(kind: type[Message], message: Frozen) -> bool:
    try:
        kind.model_validate_json(message.model_dump_json())
    except ValidationError:
        return False
    return True


def expired(cause: Message, **more: Any) -> AttemptExpired:
    return AttemptExpired.caused_by(cause, attempt=ATTEMPT, reason="late", **more)


def test_a_handler_that_runs_again_says_the_same_under_the_same_id() -> None:
    cause = ResumePayment(correlation_id=PAYMENT, payment_id=PAYMENT, merchant_id="m_001")
    assert expired(cause).message_id == expired(cause).message_id == derived(cause.message_id, "attempt.expired.v1")
    assert (expired(cause).correlation_id, expired(cause).causation_id) == (PAYMENT, cause.message_id)


def test_ids_differ_by_cause_kind_and_discriminator() -> None:
    one, other = (ResumePayment(correlation_id=PAYMENT, payment_id=PAYMENT, merchant_id="m_001") for _ in range(2))
    ids = [
        expired(one).message_id,
        expired(other).message_id,
        expired(one, discriminator="1").message_id,
        expired(one, discriminator="2").message_id,
        ExecuteAttempt.caused_by(one, attempt=ATTEMPT, deadline_at=NOW).message_id,
        AttemptVerified.caused_by(one, attempt=ATTEMPT, verdict="failed", source="lookup").message_id,
    ]
    assert len(set(ids)) == len(ids)


def test_fresh_messages_have_fresh_ids_that_grow() -> None:
    ids = [ResumePayment(correlation_id=PAYMENT, payment_id=PAYMENT, merchant_id="m_001").message_id for _ in range(100)]
    assert ids == sorted(set(ids))
    assert {one.version for one in ids} == {7}


def test_there_is_one_attempt_of_a_number() -> None:
    assert attempt_id(PAYMENT, 1) == attempt_id(PAYMENT, 1)
    assert len({attempt_id(payment, number) for payment in (PAYMENT, uuid4()) for number in range(1, 10)}) == 18


@pytest.mark.parametrize("amount", [-1, AMOUNT_MAX + 1, 1.5, "many"])
def test_money_refuses(amount: Any) -> None:
    with pytest.raises(ValidationError):
        Money(amount_minor=amount, currency="INR")


@pytest.mark.parametrize("currency", ["", "inr", "IN", "INRX", "IN1"])
def test_money_refuses_currency(currency: str) -> None:
    with pytest.raises(ValidationError):
        Money(amount_minor=1, currency=currency)


def test_money_is_exact_up_to_what_json_readers_keep() -> None:
    most = Money(amount_minor=AMOUNT_MAX, currency="INR")
    assert Money.model_validate_json(most.model_dump_json()) == most
    assert float(AMOUNT_MAX) == AMOUNT_MAX
    assert str(most) == f"{AMOUNT_MAX} INR"
