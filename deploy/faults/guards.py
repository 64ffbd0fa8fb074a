"""The guards that keep the promises, each with a way to switch it off in a process that is starting.

The product knows nothing of this: a guard is found by its name and wrapped, and one that has moved raises Gone.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pamqp.commands import Basic

from deploy.faults.hearing import give_up_on_proof, wait_for_the_verifier
from deploy.faults.swap import Gone, named, swap
from shared.clock import new_id
from shared.contracts import Refusal
from shared.gateways import Refused, Unclear
from shared.storage.work import AlreadyHandled

BELIEVED = Refusal(code="gateway_error", message="no proper answer", outcome_class="gateway_fault", retryable=True)
under_way: set[asyncio.Future[Any]] = set()


def behind(work: Awaitable[Any]) -> None:
    """Let it go on behind the caller's back, whatever becomes of it."""

    async def alone() -> None:
        with suppress(Exception):
            await work

    task = asyncio.ensure_future(alone())
    under_way.add(task)
    task.add_done_callback(under_way.discard)


def acknowledge_after_commit() -> None:
    """A message is acknowledged when it is settled. Off: as soon as it is there."""

    def make(original: Any) -> Any:
        async def handle(self: Any, envelope: Any) -> None:
            behind(original(self, envelope))

        return handle

    swap("shared.messaging.handlers:Subscription.handle", make, takes="self envelope")


def publish_mandatory() -> None:
    """The broker says so when a message reached no queue. Off: it takes it and says nothing."""

    def make(original: Any) -> Any:
        async def publish(self: Any, *arguments: Any, **settings: Any) -> Any:
            return await original(self, *arguments, **{**settings, "mandatory": False})

        return publish

    publish = named("shared.messaging.rabbit:RabbitBroker").publish
    if "mandatory" not in (takes := inspect.signature(publish).parameters):
        raise Gone("a broker's publish knows no mandatory any more")
    swap("shared.messaging.rabbit:RabbitBroker.publish", make, takes=" ".join(takes))


def look_at_the_answer() -> None:
    """A row is kept when the broker refused its message. Off: whatever came back was an acknowledgement."""

    def make(original: Any) -> Any:
        async def publish(self: Any, rows: Any) -> Any:
            await asyncio.gather(original(self, rows), return_exceptions=True)
            return Basic.Ack()

        return publish

    swap("shared.messaging.relay:Relay._publish", make, takes="self rows")


def delete_after_confirm() -> None:
    """An outbox row is deleted when the broker has its message. Off: while the message is on its way."""

    def make(original: Any) -> Any:
        async def publish(self: Any, rows: Any) -> Any:
            behind(original(self, rows))
            return Basic.Ack()

        return publish

    swap("shared.messaging.relay:Relay._publish", make, takes="self rows")


def sweep() -> None:
    """Rows whose time has come are taken up: overdue payments at the edge, dead attempts at the executor, questions at the verifier."""
    swap("shared.storage.sweeper:Sweeper.run", idle, takes="self")


def take_up_deliveries() -> None:
    """Deliveries whose time has come are tried again."""
    swap("services.notifier.sender:Sender.run", idle, takes="self")


def idle(original: Any) -> Any:
    async def run(self: Any) -> None:
        await asyncio.Event().wait()

    return run


def claim_in_the_inbox() -> None:
    """A message id is handled once. Off: as often as it comes."""

    def make(original: Any) -> Any:
        async def once(self: Any, message: Any, change: Any, *, loads: Any = ()) -> None:
            await self.apply(change, loads=loads)

        return once

    swap("shared.storage.unit_of_work:UnitOfWork.once", make, takes="self message change loads")


def name_deliveries_after_their_event() -> None:
    """An event is delivered to an endpoint under one id. Off: under a fresh one each time it is heard."""
    swap("services.notifier.consumers:delivery_id", lambda original: lambda event_id, endpoint_id: new_id(), takes="event_id endpoint_id")


def answer_before_delivered() -> None:
    """A delivery is done when the endpoint has answered 2xx. Off: when it has been sent."""

    def make(original: Any) -> Any:
        async def post(self: Any, due: Any, timestamp_s: int) -> Any:
            behind(original(self, due, timestamp_s))
            return named("services.notifier.domain.schedule:Answer")(200)

        return post

    swap("services.notifier.sender:Sender._post", make, takes="self due timestamp_s")


def claim_the_idempotency_key() -> None:
    """An idempotency key stands for one payment. Off: every POST makes its own."""

    def make(original: Any) -> Any:
        def claim(merchant_id: str, operation: str, key: str, **more: Any) -> Any:
            return original(merchant_id, operation, f"{key} {new_id()}", **more)

        return claim

    swap("services.api.store:claim", make, takes="merchant_id operation key fingerprint payment_id operation_id")


def win_the_attempt() -> None:
    """Who inserts an attempt's row calls the gateway, and nobody else. Off: whoever is asked to."""

    def make(original: Any) -> Any:
        async def claim(*arguments: Any, **more: Any) -> Any:
            try:
                return await original(*arguments, **more)
            except AlreadyHandled:
                return "started"

        return claim

    swap("services.executor.consumers:_claim", make, takes="command unit_of_work token due_at")


def doubt_what_is_unclear() -> None:
    """A 5xx, a timeout or a cut connection proves nothing. Off: it is a refusal, and another gateway may try."""

    def make(original: Any) -> Any:
        def said(cause: Any, attempt: Any, answer: Any, latency_ms: int) -> Any:
            return original(cause, attempt, Refused(BELIEVED) if isinstance(answer, Unclear) else answer, latency_ms)

        return said

    swap("services.executor.consumers:said", make, takes="cause attempt answer latency_ms")


def doubt_not_found() -> None:
    """That a gateway does not know an attempt counts after a grace, and twice. Off: at once."""

    def make(original: Any) -> Any:
        def weigh(finding: str, **more: Any) -> Any:
            if finding == "not_found":
                return named("services.verifier.domain.verdict:Settled")("failed", "not found")
            return original(finding, **more)

        return weigh

    swap("services.verifier.consumers:weigh", make, takes="finding opened_at now not_found patience")


def fail_on_proof() -> None:
    """A payment fails when each of its attempts is known not to have charged. Off: when the router has given up."""
    swap("services.api.domain.lifecycle:is_refused", lambda original: lambda evidence, name: True, takes="evidence name")


def compare_amounts() -> None:
    """A charge of another amount is a conflict. Off: it is the one asked for."""

    def make(original: Any) -> Any:
        def judge_charges(charges: Any, evidence: Any, *, asked: Any, was: Any) -> Any:
            right = (asked.amount_minor, asked.currency)
            same = {
                name: replace(seen, charged=tuple((*right, reference) for *_, reference in seen.charged)) for name, seen in charges.items()
            }
            return original(same, evidence, asked=asked, was=was)

        return judge_charges

    swap("services.api.domain.lifecycle:judge_charges", make, takes="charges evidence asked was")


def give_back_what_came_late() -> None:
    """Of all charges of a payment one stands, and every other is given back. Off: they are kept."""

    def make(original: Any) -> Any:
        def judge(evidence: Any, *, asked: Any, was: Any) -> Any:
            return replace(original(evidence, asked=asked, was=was), reverse=())

        return judge

    swap("services.api.consumers:judge", make, takes="evidence asked was")


def ask_about_the_payer() -> None:
    """A payment that waits for its payer is asked about. Off: it is left to expire."""

    def make(original: Any) -> Any:
        def resume(payment: Any, work: Any) -> None:
            if payment.snapshot.status != "requires_action":
                original(payment, work)

        return resume

    swap("services.api.overdue:resume", make, takes="payment work")


def verify_signatures() -> None:
    """A gateway's webhook counts when the account's secret has signed it. Off: whoever sends it."""
    codec = "shared.gateways.sandbox:SandboxCodec.verify_webhook"
    swap(codec, lambda original: lambda self, account, headers, body, now_s: None, takes="self account headers body now_s")


def keep_gateway_events_once() -> None:
    """A gateway's webhook is kept under its account, id and body. Off: under the message that brought it."""
    swap("services.verifier.witnesses:id_of", lambda original: lambda event: event.message_id, takes="event")


GUARDS: Mapping[str, Callable[[], None]] = {
    guard.__name__.replace("_", "-"): guard
    for guard in (
        acknowledge_after_commit,
        publish_mandatory,
        look_at_the_answer,
        delete_after_confirm,
        sweep,
        take_up_deliveries,
        claim_in_the_inbox,
        name_deliveries_after_their_event,
        answer_before_delivered,
        claim_the_idempotency_key,
        win_the_attempt,
        doubt_what_is_unclear,
        doubt_not_found,
        fail_on_proof,
        compare_amounts,
        give_back_what_came_late,
        ask_about_the_payer,
        verify_signatures,
        keep_gateway_events_once,
        wait_for_the_verifier,
        give_up_on_proof,
    )
}
