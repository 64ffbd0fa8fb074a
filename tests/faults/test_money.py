"""The judge sees every kind of violation of captures, refunds, voids and reversals, and calls nothing one that is none."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest

from deploy.faults.judge import Charge, Verdict, Webhook, judge
from deploy.faults.money import PAST, Move, Operation
from shared import ids
from shared.contracts import attempt_id
from tests.faults.history import AMOUNT_MINOR, charge, name

FIRST = 0x019B8D5A_2C00_7000_8000_AAAA00000000


def operation(number: int, kind: str, amount_minor: int, status: str = "succeeded") -> Operation:
    return Operation(ids.public(ids.OPERATIONS[kind], UUID(int=FIRST + number)), kind, status, amount_minor)


def move(number: int, kind: str, amount_minor: int, of: Charge, *, attempt: int = 1) -> Move:
    return Move(PAST[kind], of.account, of.charge_id, str(attempt_id(UUID(int=FIRST + number), attempt)), amount_minor)


@dataclass(frozen=True)
class Story:
    """One payment, refunded in part after it was captured in two."""

    status: str = "partially_refunded"
    charges: tuple[Charge, ...] = (replace(charge(1), authorized=True),)
    operations: tuple[Operation, ...] = (
        operation(1, "capture", 2_000),
        operation(2, "capture", 3_000),
        operation(3, "refund", 1_000),
        operation(4, "refund", 9_000, "failed"),
    )
    moves: tuple[Move, ...] = (
        move(1, "capture", 2_000, charge(1)),
        move(2, "capture", 3_000, charge(1), attempt=2),
        move(3, "refund", 1_000, charge(1)),
    )
    told: tuple[str, ...] = (
        "payment.requires_capture", "capture.succeeded", "capture.succeeded", "payment.succeeded", "refund.succeeded",
        "payment.partially_refunded", "refund.failed",
    )  # fmt: skip
    reversals: bool = False
    asked: dict[str, int] = field(default_factory=lambda: {operation(3, "refund", 1_000).id: 1_000})

    def judged(self) -> Verdict:
        webhooks = [Webhook(f"wh_{number}", one, name(1), number) for number, one in enumerate(self.told, 1)]
        return judge(
            {name(1): AMOUNT_MINOR},
            {name(1): self.status},
            self.charges,
            webhooks,
            {},
            asked={name(1): self.asked},
            operations={name(1): self.operations},
            moves=self.moves,
            reversals=self.reversals,
        )


def reversed_story() -> Story:
    """A rescue: the first charge came too late, and was given back."""
    late, kept = charge(1), charge(1, attempt=2, account="beta")
    return Story(
        status="succeeded",
        charges=(late, kept),
        operations=(operation(7, "reversal", AMOUNT_MINOR),),
        moves=(replace(move(1, "refund", AMOUNT_MINOR, late), reference=str(attempt_id(UUID(int=FIRST + 7), 1))),),
        told=("payment.succeeded", "payment.reversed"),
        reversals=True,
        asked={},
    )


def too_late_story() -> Story:
    """A link that was paid when its payment had expired. That is no reason to allow a second charge."""
    late = charge(1)
    return Story(
        status="expired",
        charges=(late,),
        operations=(operation(7, "reversal", AMOUNT_MINOR),),
        moves=(replace(move(1, "refund", AMOUNT_MINOR, late), reference=str(attempt_id(UUID(int=FIRST + 7), 1))),),
        told=("payment.requires_action", "payment.expired", "payment.reversed"),
        asked={},
    )


Change = Callable[[Story], Story]
WRONG: list[tuple[str, Change, set[str]]] = [
    ("a capture done twice", lambda one: replace(one, moves=(*one.moves, move(1, "capture", 2_000, charge(1), attempt=2))),
        {"doubled", "mismatched"}),
    ("a refund of another amount", lambda one: replace(one, moves=(*one.moves[:2], move(3, "refund", 999, charge(1)))), {"mismatched"}),
    ("a refund that nobody did", lambda one: replace(one, moves=one.moves[:2]), {"mismatched"}),
    ("a failed refund that was done", lambda one: replace(one, moves=(*one.moves, move(4, "refund", 100, charge(1)))), {"mismatched"}),
    ("more refunded than captured", lambda one: replace(one, operations=(*one.operations, operation(5, "refund", 4_001)),
        moves=(*one.moves, move(5, "refund", 4_001, charge(1))), told=(*one.told, "refund.succeeded")), {"mismatched"}),
    ("a refund for ever under way", lambda one: replace(one, operations=(*one.operations, operation(5, "refund", 1, "processing"))),
        {"lost"}),
    ("a refund forgotten", lambda one: replace(one, operations=one.operations[:2], moves=one.moves[:2], status="succeeded",
        told=one.told[:4]), {"lost"}),
    ("a state that the sums do not bear", lambda one: replace(one, status="refunded", told=(*one.told, "payment.refunded")),
        {"mismatched"}),
    ("a refund's end not told", lambda one: replace(one, told=(*one.told[:4], "payment.partially_refunded", "refund.failed")),
        {"unnotified"}),
    ("a move that nobody asked for", lambda one: replace(one, moves=(*one.moves, move(9, "refund", 1, charge(1)))), {"invented"}),
]  # fmt: skip


@pytest.mark.parametrize("story", [Story(), reversed_story(), too_late_story()], ids=["refunded in part", "reversed", "paid too late"])
def test_a_clean_story_is_clean(story: Story) -> None:
    assert story.judged().red == {}


@pytest.mark.parametrize(("change", "kinds"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_what_is_wrong_is_found(change: Change, kinds: set[str]) -> None:
    assert set(change(Story()).judged().red) == kinds


def test_a_late_charge_that_was_not_given_back_is_one_too_many() -> None:
    story = replace(reversed_story(), operations=(), moves=(), told=("payment.succeeded",))
    assert set(story.judged().red) == {"doubled"}


def test_a_reversal_that_its_gateway_never_did() -> None:
    assert set(replace(reversed_story(), moves=()).judged().red) == {"doubled", "mismatched"}


def test_an_expired_payment_whose_charge_was_kept() -> None:
    story = replace(too_late_story(), operations=(), moves=(), told=("payment.requires_action", "payment.expired"))
    assert set(story.judged().red) == {"mismatched"}


def test_where_no_charge_may_come_late_one_that_was_given_back_is_one_too_many() -> None:
    assert set(replace(reversed_story(), reversals=False).judged().red) == {"doubled"}
