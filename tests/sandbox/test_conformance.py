"""What every codec is held to against the sandbox's process, which speaks its gateway's format: whatever happens, no guess about money."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts import Operation
from shared.gateways import ActionRequired, NotFound, Pending, Refused, Succeeded, Unclear, Unsupported, Window
from tests.sandbox.wires import Merchant, card, new_attempt

REFUSALS = {
    "decline": "user_decline",
    "insufficient-funds": "user_decline",
    "incorrect-pin": "user_decline",
    "expired-card": "user_decline",
    "suspected-fraud": "fraud_block",
    "issuer-unavailable": "issuer_fault",
    "account-suspended": "our_fault",
    "fail": "gateway_fault",
}
CHARGED = ("charge-then-500", "garbage", "cut-charged", "hang-charged")
UNCHARGED = ("error-500", "cut", "hang")
MISBEHAVED: tuple[tuple[str, type], ...] = (*((one, Succeeded) for one in CHARGED), *((one, NotFound) for one in UNCHARGED))


async def test_a_charge_succeeds_once_with_our_amount(merchant: Merchant) -> None:
    attempt = new_attempt()
    done = await merchant.done(attempt)
    assert done.confirmed == attempt.amount
    assert await merchant.find(attempt) == done  # by our reference alone
    assert await merchant.find(attempt, done.reference) == done
    assert await merchant.journal(attempt) == ["charged"]


@pytest.mark.parametrize("behaviour", REFUSALS)
async def test_a_refusal_is_proof_and_says_whose_doing_it_is(merchant: Merchant, behaviour: str) -> None:
    attempt = new_attempt()
    answer = await merchant.execute(attempt, card(behaviour))
    assert isinstance(answer, Refused), answer
    assert answer.refusal.outcome_class == REFUSALS[behaviour]
    assert answer.refusal.retryable is (answer.refusal.outcome_class not in ("user_decline", "fraud_block"))
    assert merchant.codec.codes[answer.refusal.code].advice
    found = await merchant.find(attempt, merchant.prepared.get(attempt.attempt_id))
    assert isinstance(found, Refused), found
    assert await merchant.journal(attempt) == ["refused"]


@pytest.mark.parametrize(("behaviour", "truth"), MISBEHAVED)
async def test_no_answer_proves_nothing_and_a_lookup_finds_the_truth(merchant: Merchant, behaviour: str, truth: type) -> None:
    attempt = new_attempt()
    answer = await merchant.execute(attempt, card(behaviour))
    assert answer is None or isinstance(answer, Unclear), answer
    assert isinstance(await merchant.find(attempt), truth)
    assert isinstance(await merchant.find(attempt, merchant.prepared.get(attempt.attempt_id)), truth)
    assert await merchant.journal(attempt) == (["charged"] if truth is Succeeded else [])


async def test_copies_at_once_charge_once_and_none_takes_the_other_for_a_refusal(merchant: Merchant) -> None:
    attempt = new_attempt()
    await merchant.prepare(attempt)
    answers = await asyncio.gather(*(merchant.execute(attempt) for _ in range(10)))
    assert not [answer for answer in answers if isinstance(answer, Refused)]
    assert await merchant.journal(attempt) == ["charged"]
    assert isinstance(await merchant.find(attempt), Succeeded)


async def test_a_gateway_that_is_too_busy_has_charged_nothing(merchant: Merchant) -> None:
    answer = await merchant.execute(new_attempt(), card("rate-limit"))
    assert isinstance(answer, Refused)
    assert (answer.refusal.outcome_class, answer.refusal.retryable) == ("gateway_fault", True)


async def test_a_wrong_key_has_charged_nothing(merchant: Merchant) -> None:
    merchant.account = merchant.account.model_copy(update={"api_key": "wrong"})
    attempt = new_attempt()
    answer = await merchant.execute(attempt)
    assert isinstance(answer, Refused)
    assert (answer.refusal.outcome_class, answer.refusal.retryable) == ("our_fault", True)
    assert isinstance(await merchant.find(attempt), Unclear)  # who may not ask learns nothing


async def test_another_amount_is_read_back_as_it_is(merchant: Merchant) -> None:
    attempt = new_attempt()
    assert (await merchant.done(attempt, card("wrong-amount"))).confirmed.amount_minor == attempt.amount.amount_minor - 1


async def test_a_payer_may_have_to_act(merchant: Merchant) -> None:
    approved, declined = new_attempt(), new_attempt()
    for attempt, outcome, truth in ((approved, "approve", Succeeded), (declined, "decline", Refused)):
        answer = await merchant.execute(attempt, card("requires-action"))
        assert isinstance(answer, ActionRequired), answer
        assert answer.url
        assert isinstance(await merchant.find(attempt, answer.reference), Pending)
        await merchant.pay(answer, outcome)
        assert isinstance(await merchant.find(attempt, answer.reference), truth)


async def test_of_several_charges_the_one_that_moved_money_counts(merchant: Merchant) -> None:
    await merchant.sandbox.put("/gateways/alpha/settings", ignores_idempotency_keys=True)
    attempt = new_attempt()
    assert isinstance(await merchant.execute(attempt, card("decline")), Refused)
    done = await merchant.done(attempt)
    assert await merchant.find(attempt) == done
    assert await merchant.journal(attempt) == ["refused", "charged"]


async def test_what_was_never_ordered_is_not_found(merchant: Merchant) -> None:
    assert await merchant.find(new_attempt()) == NotFound()
    done = await merchant.done(new_attempt())
    authorized = await merchant.done(new_attempt("authorize"))
    operations: tuple[Operation, ...] = ("refund", "link") if merchant.kind == "razorpay" else ("refund", "link", "void")
    for operation in operations:
        target = authorized.reference if operation == "void" else done.reference
        assert await merchant.find(new_attempt(operation, target=target)) == NotFound()
    assert await merchant.find(new_attempt("capture", target=authorized.reference)) == NotFound()


async def test_an_authorisation_is_captured_as_far_as_the_gateway_can(merchant: Merchant) -> None:
    held = await merchant.done(new_attempt("authorize", 50_000))
    assert held.confirmed.amount_minor == 50_000
    parts = {"whole": (50_000,), "partial": (30_000,), "several": (30_000, 15_000, 5_000)}[merchant.codec.captures(merchant.account)]
    for part in parts:
        attempt = new_attempt("capture", part, held.reference)
        answer = await merchant.execute(attempt)
        assert isinstance(answer, Succeeded), answer
        assert answer.confirmed.amount_minor == part
        assert await merchant.find(attempt) == answer
    over = await merchant.execute(new_attempt("capture", 1, held.reference))
    assert not isinstance(over, Succeeded), over


async def test_a_capture_of_more_than_is_held_is_refused(merchant: Merchant) -> None:
    held = await merchant.done(new_attempt("authorize", 50_000))
    over = new_attempt("capture", 50_001, held.reference)
    answer = await merchant.execute(over)
    assert isinstance(answer, Refused), answer
    assert answer.refusal.outcome_class == "our_fault"
    assert await merchant.find(over) == NotFound()


async def test_a_void_releases_what_is_held(merchant: Merchant) -> None:
    held_attempt = new_attempt("authorize", 50_000)
    held = await merchant.done(held_attempt)
    void = new_attempt("void", 50_000, held.reference)
    if "void" not in merchant.codec.operations:
        with pytest.raises(Unsupported) as raised:
            merchant.codec.execute(merchant.account, void, {})
        assert raised.value.refusal.outcome_class == "our_fault"
        return
    answer = await merchant.execute(void)
    assert isinstance(answer, Succeeded)
    assert answer.confirmed == void.amount
    assert await merchant.find(void) == answer
    assert isinstance(await merchant.find(held_attempt, held.reference), Succeeded)  # it was held: the void is another attempt
    assert not isinstance(await merchant.execute(new_attempt("capture", 50_000, held.reference)), Succeeded)


async def test_refunds_in_parts_never_pass_what_was_captured(merchant: Merchant) -> None:
    done = await merchant.done(new_attempt(amount_minor=50_000))
    refunds = [new_attempt("refund", amount, done.reference) for amount in (20_000, 25_000, 5_001, 5_000)]
    answers = [await merchant.execute(one) for one in refunds]
    assert [type(one) for one in answers] == [Succeeded, Succeeded, Refused, Succeeded]
    for refund, answer in zip(refunds, answers, strict=True):
        assert await merchant.find(refund) == (NotFound() if isinstance(answer, Refused) else answer)
    again = await merchant.execute(refunds[0])
    assert again == answers[0]
    assert await merchant.journal(refunds[0]) == ["refunded"]


async def test_fifty_refunds_at_once_give_back_no_more_than_was_captured(merchant: Merchant) -> None:
    done = await merchant.done(new_attempt(amount_minor=50_000))
    answers = await asyncio.gather(*(merchant.execute(new_attempt("refund", 3_000, done.reference)) for _ in range(50)))
    assert sum(isinstance(one, Succeeded) for one in answers) == 16


@pytest.mark.parametrize(("behaviour", "truth"), MISBEHAVED)
@pytest.mark.parametrize("operation", ["capture", "refund", "void"])
async def test_what_follows_a_charge_is_found_as_well(merchant: Merchant, operation: Operation, behaviour: str, truth: type) -> None:
    if operation not in merchant.codec.operations:
        pytest.skip(f"{merchant.kind} has no {operation}")
    charged = await merchant.done(new_attempt("charge" if operation == "refund" else "authorize"))
    await merchant.sandbox.put("/gateways/alpha/settings", move_rates={operation: {behaviour: 1.0}})
    attempt = new_attempt(operation, target=charged.reference)
    answer = await merchant.execute(attempt)
    assert answer is None or isinstance(answer, Unclear), answer
    found = await merchant.find(attempt)
    assert isinstance(found, truth), found
    if isinstance(found, Succeeded):
        assert found.confirmed == attempt.amount


async def test_a_link_is_paid_by_its_payer_and_can_be_refunded(merchant: Merchant) -> None:
    link = new_attempt("link", method="PAYMENT_LINK")
    answer = await merchant.execute(link)
    assert isinstance(answer, ActionRequired)
    assert answer.url
    assert isinstance(await merchant.find(link, answer.reference), Pending)
    await merchant.pay(answer)
    paid = await merchant.find(link, answer.reference)
    assert isinstance(paid, Succeeded)
    assert paid.confirmed == link.amount
    assert await merchant.find(link) == paid  # where the answer with the link's id was lost
    assert isinstance(await merchant.execute(new_attempt("refund", 100, paid.reference)), Succeeded)


async def test_pages_of_a_window_hold_each_charge_once(merchant: Merchant) -> None:
    start = datetime.now(UTC).replace(microsecond=0)  # gateways count in seconds
    made = [new_attempt() for _ in range(203)]
    for batch in (made[:100], made[100:200], made[200:]):
        await asyncio.gather(*(merchant.done(one) for one in batch))
    items, pages = await merchant.listed(Window(start, datetime.now(UTC) + timedelta(seconds=2)))
    ours = {str(one.attempt_id) for one in made}
    assert sorted(one.reference for one in items if one.reference in ours) == sorted(ours)
    assert len({one.gateway_reference for one in items}) == len(items)
    assert all(isinstance(one.finding, Succeeded) and start <= one.created_at for one in items if one.reference in ours)
    assert pages >= 3
    assert (await merchant.listed(Window(start - timedelta(days=2), start - timedelta(days=1))))[0] == []


async def test_refunds_have_lists_of_their_own(merchant: Merchant) -> None:
    start = datetime.now(UTC).replace(microsecond=0)
    charge = await merchant.done(new_attempt(amount_minor=20_000))
    made = [new_attempt("refund", 100, charge.reference) for _ in range(103)]
    for one in made:
        assert isinstance(await merchant.execute(one), Succeeded)
    window = Window(start, datetime.now(UTC) + timedelta(seconds=2))
    listed, pages = await merchant.listed(window, "refund")
    items = [one for one in listed if one.reference in {str(one.attempt_id) for one in made}]
    assert len({one.reference for one in items}) == len(items) == len(made)
    assert {(one.what, one.finding.confirmed if isinstance(one.finding, Succeeded) else None) for one in items} == {
        ("refund", made[0].amount)
    }
    assert pages == 2
    assert {one.what for one in (await merchant.listed(window))[0]} == {"charge"}
    assert (await merchant.listed(Window(start - timedelta(days=2), start - timedelta(days=1)), "refund"))[0] == []
