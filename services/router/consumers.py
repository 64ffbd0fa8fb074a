"""Messages the router answers: decide, write, say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from services.router import store
from services.router.domain.retry import GiveUp, Policy, TryNext, after_failure, budget_end, deadline
from services.router.domain.selection import NoRoute, Route, Wish, choose
from services.router.picture import Picture
from services.router.store import Try
from shared import topology
from shared.contracts import (
    Attempt,
    AttemptDoubted,
    AttemptExpired,
    AttemptFailed,
    AttemptVerified,
    ExecuteAttempt,
    Message,
    ResumePayment,
    RouteExhausted,
    RoutePayment,
    attempt_id,
)
from shared.messaging.handlers import Hears
from shared.settings import Waiting
from shared.storage.work import Work

hears = Hears()


@hears(topology.ROUTER_COMMANDS, loads=store.route_of)
def route_payment(command: RoutePayment, work: Work, picture: Picture, waiting: Waiting) -> None:
    """Choose the gateway for one payment. A route that is there already (a resume came first) is left as it is."""
    if store.read(work, command.payment_id):
        return
    step: TryNext | GiveUp = TryNext(1)
    if (work.now - command.created_at).total_seconds() > waiting.payment_ttl_s:
        step = GiveUp("PAYMENT_EXPIRED", f"older than {waiting.payment_ttl_s:.0f} s before its first attempt")
    tries, exhausted = _take(step, command, command, (), work, picture, waiting)
    last = budget_end(command.created_at, policy_of(waiting)) + timedelta(seconds=waiting.payment_ttl_s)
    store.open_route(work, command, tries, exhausted, forget_at=last)


@hears(topology.ROUTER_COMMANDS, loads=store.route_of)
def resume_payment(command: ResumePayment, work: Work) -> None:
    """An overdue payment: have attempts verified, or say again that nothing more will be tried. Nothing is guessed.

    Of a route under way only an open attempt can hold the payment up. Of an ended one the edge may have missed any verdict.
    """
    route = store.read(work, command.payment_id)
    if route is None:
        exhausted = {"code": "PAYMENT_EXPIRED", "reason": "it never reached the router in time"}
        store.close_unknown_route(work, command.payment_id, command.merchant_id, exhausted)
        _exhaust(command, command.merchant_id, exhausted, (), work)
    elif route.exhausted:
        _exhaust(command, command.merchant_id, route.exhausted, route.tries, work)
    if route and route.request:
        for one in route.tries:
            if one.state == "open" or route.exhausted:
                doubted = attempt_of(route.request, one)
                work.publish(AttemptDoubted.caused_by(command, discriminator=str(one.number), attempt=doubted))


@hears(topology.ROUTER_OUTCOMES, loads=store.route_of)
def attempt_failed(event: AttemptFailed, work: Work, picture: Picture, waiting: Waiting) -> None:
    _after(event, event.attempt, event.refusal.code, event.refusal.retryable, work, picture, waiting)


@hears(topology.ROUTER_OUTCOMES, loads=store.route_of)
def attempt_expired(event: AttemptExpired, work: Work, picture: Picture, waiting: Waiting) -> None:
    _after(event, event.attempt, "ATTEMPT_EXPIRED", True, work, picture, waiting)


@hears(topology.ROUTER_OUTCOMES, loads=store.route_of)
def attempt_verified(event: AttemptVerified, work: Work, picture: Picture, waiting: Waiting) -> None:
    if event.verdict == "failed":
        code, retryable = (event.refusal.code, event.refusal.retryable) if event.refusal else ("NOT_FOUND_AT_GATEWAY", True)
        _after(event, event.attempt, code, retryable, work, picture, waiting)


def _after(cause: Message, attempt: Attempt, code: str, retryable: bool, work: Work, picture: Picture, waiting: Waiting) -> None:
    """The next step after a proven negative; an attempt that is not open (heard before) or not of a route changes nothing."""
    route = store.read(work, attempt.payment_id)
    if (
        route is None
        or route.request is None
        or not any(one.attempt_id == attempt.attempt_id and one.state == "open" for one in route.tries)
    ):
        return
    tries = tuple(replace(one, state="failed") if one.attempt_id == attempt.attempt_id else one for one in route.tries)
    if route.exhausted:
        store.move_on(work, attempt.payment_id, tries, route.exhausted)
        return
    command = route.request.model_copy(update={"instrument": route.instrument})
    step = after_failure(
        number=attempt.number, code=code, retryable=retryable, created_at=command.created_at, now=work.now, policy=policy_of(waiting)
    )
    tries, exhausted = _take(step, cause, command, tries, work, picture, waiting)
    store.move_on(work, attempt.payment_id, tries, exhausted)


def _take(
    step: TryNext | GiveUp, cause: Message, command: RoutePayment, tries: Sequence[Try], work: Work, picture: Picture, waiting: Waiting
) -> tuple[tuple[Try, ...], dict[str, str] | None]:
    """Send the next attempt or say that there is none. Returns the tries and, at the end, why it is the end."""
    if isinstance(step, TryNext):
        wish = Wish(command.amount, command.method, command.preferred_gateway, frozenset(one.gateway for one in tries))
        decision = choose(wish, picture.gateways, picture.health_of(command.method), picture_age_s=picture.age_s(work.now))
        store.record(work, command.payment_id, step.number, decision)
        match decision:
            case Route(gateway=gateway):
                tried = Try(attempt_id(command.payment_id, step.number), step.number, gateway)
                _execute(cause, command, tried, work, waiting)
                return (*tries, tried), None
            case NoRoute(reason=reason):
                step = GiveUp("NO_GATEWAY_AVAILABLE", reason)
    exhausted = {"code": step.code, "reason": step.reason}
    _exhaust(cause, command.merchant_id, exhausted, tries, work)
    return tuple(tries), exhausted


def _execute(cause: Message, command: RoutePayment, tried: Try, work: Work, waiting: Waiting) -> None:
    until = deadline(
        number=tried.number,
        created_at=command.created_at,
        now=work.now,
        gateway_timeout_ms=waiting.gateway_timeout_ms,
        policy=policy_of(waiting),
    )
    order = ExecuteAttempt.caused_by(
        cause, discriminator=str(tried.number), attempt=attempt_of(command, tried), instrument=command.instrument, deadline_at=until
    )
    work.send(order, to=tried.gateway)


def _exhaust(cause: Message, merchant_id: str, why: dict[str, str], tries: Sequence[Try], work: Work) -> None:
    attempts = tuple(one.attempt_id for one in tries)
    work.publish(RouteExhausted.caused_by(cause, payment_id=cause.correlation_id, merchant_id=merchant_id, attempts=attempts, **why))


def attempt_of(command: RoutePayment, tried: Try) -> Attempt:
    return Attempt(
        attempt_id=tried.attempt_id,
        payment_id=command.payment_id,
        merchant_id=command.merchant_id,
        operation="charge" if command.capture == "automatic" else "authorize",
        gateway=tried.gateway,
        number=tried.number,
        amount=command.amount,
        method=command.method,
        bank=command.hints.bank,
    )


def policy_of(waiting: Waiting) -> Policy:
    return Policy(attempts_max=waiting.attempts_max, latency_budget_ms=waiting.latency_budget_ms)
