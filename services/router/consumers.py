"""Messages the router answers: decide, write, say."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from services.router import store
from services.router.domain.bandit import segment
from services.router.domain.decision import Decision, Wish, decide
from services.router.domain.retry import GiveUp, Policy, TryNext, after_failure, budget_end, deadline
from services.router.domain.shadow import compare
from services.router.picture import Picture
from services.router.store import Progress, RouteRow, Skip, Try
from shared import topology
from shared.contracts import (
    Attempt,
    AttemptDoubted,
    AttemptExpired,
    AttemptFailed,
    AttemptVerified,
    ExecuteAttempt,
    GuardrailViolated,
    Message,
    ResumePayment,
    RouteExhausted,
    RoutePayment,
    RouteShadow,
    attempt_id,
)
from shared.messaging.handlers import Hears
from shared.settings import Waiting
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import Load, Work

Announce = Callable[[str], Awaitable[None]]
"""Tells every replica, this one among them, that what it goes by has changed: `announce(action)`."""

GUARDRAIL = "guardrail"  # who paused it, in the audit

hears = Hears()


@hears(topology.ROUTER_COMMANDS, loads=store.route_of)
def route_payment(command: RoutePayment, work: Work, picture: Picture, waiting: Waiting) -> None:
    """Choose the gateway for one payment. A route that is there already (a resume came first) is left as it is."""
    if store.read(work, command.payment_id):
        return
    step: TryNext | GiveUp = TryNext(1)
    if (work.now - command.created_at).total_seconds() > waiting.payment_ttl_s:
        step = GiveUp("PAYMENT_EXPIRED", f"older than {waiting.payment_ttl_s:.0f} s before its first attempt")
    progress = _take(step, command, command, Progress(), work, picture, waiting)
    last = budget_end(command.created_at, policy_of(command, picture, waiting)) + timedelta(seconds=waiting.payment_ttl_s)
    store.open_route(work, command, progress, forget_at=last)


@hears(topology.ROUTER_COMMANDS, loads=store.route_of)
def resume_payment(command: ResumePayment, work: Work) -> None:
    """An overdue payment: have attempts verified, or say again that nothing more will be tried. Nothing is guessed.

    Of a route under way only an attempt that is open, or has charged unheard, can hold the payment up. Of an ended one the edge may have
    missed any verdict.
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
            if one.state != "failed" or route.exhausted:
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
    """A success may come after a verified negative, when the next gateway has its order already: that one is the last then.

    The verifier tells of every success of an attempt that was counted out, but for that of a call under way which a webhook had called
    failed; then the edge gives one charge back. So `attempt.succeeded`, a message of nearly every payment, need not be heard here.
    """
    if event.verdict == "succeeded":
        _charged(event.attempt, work)
    else:
        code, retryable = (event.refusal.code, event.refusal.retryable) if event.refusal else ("NOT_FOUND_AT_GATEWAY", True)
        _after(event, event.attempt, code, retryable, work, picture, waiting)


@hears(topology.ROUTER_OPERATORS)
async def guardrail_violated(event: GuardrailViolated, unit_of_work: UnitOfWork, announce: Announce) -> None:
    """The treatment does harm: its experiment is paused, and every replica told."""
    await unit_of_work.once(event, lambda work: pause(event, work), loads=[Load(store.EXPERIMENT, event.experiment_id)])
    await announce("pause_experiment")


def pause(event: GuardrailViolated, work: Work) -> None:
    """One that does not run is left as it is."""
    row = work.row(store.EXPERIMENT, event.experiment_id)
    if row is None or row.status != "running":
        return
    work.write(store.PAUSE_EXPERIMENT, experiment_id=event.experiment_id, status="paused", reason=f"guardrail: {event.reason}")
    work.write(
        store.INSERT_AUDIT,
        actor=GUARDRAIL,
        action="pause_experiment",
        subject=event.experiment_id,
        before='{"status":"running"}',
        after='{"status":"paused"}',
        reason=event.reason,
    )


@hears(topology.ROUTER_SHADOW)
def route_shadow(command: RouteShadow, work: Work) -> None:
    """Decide again under the shadow policy and write the comparison down. It says nothing, so it can charge nothing."""
    store.record_shadow(work, command.payment_id, command.number, compare(command.record, command.policy))


def _after(cause: Message, attempt: Attempt, code: str, retryable: bool, work: Work, picture: Picture, waiting: Waiting) -> None:
    """The next step after a proven negative, unless another attempt has charged. One that is not open (heard before) changes nothing."""
    route = store.read(work, attempt.payment_id)
    tried = _tried(route, attempt)
    if route is None or route.request is None or tried is None or tried.state != "open":
        return
    progress = _with(route, replace(tried, state="failed"))
    if not route.exhausted and not any(one.state == "succeeded" for one in route.tries):
        command = route.request.model_copy(update={"instrument": route.instrument})
        policy = policy_of(command, picture, waiting)
        step = after_failure(
            number=attempt.number, code=code, retryable=retryable, created_at=command.created_at, now=work.now, policy=policy
        )
        progress = _take(step, cause, command, progress, work, picture, waiting)
    store.move_on(work, attempt.payment_id, progress)


def _charged(attempt: Attempt, work: Work) -> None:
    """Noted for good, whatever was heard before."""
    route = store.read(work, attempt.payment_id)
    tried = _tried(route, attempt)
    if route and tried and tried.state != "succeeded":
        store.move_on(work, attempt.payment_id, _with(route, replace(tried, state="succeeded")))


def _tried(route: RouteRow | None, attempt: Attempt) -> Try | None:
    return next((one for one in route.tries if one.attempt_id == attempt.attempt_id), None) if route else None


def _with(route: RouteRow, tried: Try) -> Progress:
    tries = tuple(tried if one.attempt_id == tried.attempt_id else one for one in route.tries)
    return Progress(tries, route.skipped, route.exhausted)


def _take(
    step: TryNext | GiveUp, cause: Message, command: RoutePayment, progress: Progress, work: Work, picture: Picture, waiting: Waiting
) -> Progress:
    """Send the next attempt or say that there is none."""
    if isinstance(step, TryNext):
        wish = wish_of(command, frozenset(one.gateway for one in progress.tries))
        decision = decide(picture.board(work.now), wish, cause.message_id.int, work.now)
        record = store.record(work, command.payment_id, step.number, decision)
        if policy := picture.rules.shadow:
            again = {"payment_id": command.payment_id, "number": step.number, "policy": policy, "record": record}
            work.send(RouteShadow.caused_by(cause, discriminator=str(step.number), **again))
        progress = replace(progress, skipped=skips(progress.skipped, step.number, decision))
        if decision.gateway is not None:
            tried = try_of(command, step.number, decision.gateway, decision)
            _execute(cause, command, tried, work, policy_of(command, picture, waiting), waiting)
            return replace(progress, tries=(*progress.tries, tried))
        step = GiveUp("NO_GATEWAY_AVAILABLE", decision.reason)
    exhausted = {"code": step.code, "reason": step.reason}
    _exhaust(cause, command.merchant_id, exhausted, progress.tries, work)
    return replace(progress, exhausted=exhausted)


def _execute(cause: Message, command: RoutePayment, tried: Try, work: Work, policy: Policy, waiting: Waiting) -> None:
    until = deadline(
        number=tried.number, created_at=command.created_at, now=work.now, gateway_timeout_ms=waiting.gateway_timeout_ms, policy=policy
    )
    order = ExecuteAttempt.caused_by(
        cause, discriminator=str(tried.number), attempt=attempt_of(command, tried), instrument=command.instrument, deadline_at=until
    )
    work.send(order, to=tried.gateway)


def _exhaust(cause: Message, merchant_id: str, why: dict[str, str], tries: tuple[Try, ...], work: Work) -> None:
    attempts = tuple(one.attempt_id for one in tries)
    work.publish(RouteExhausted.caused_by(cause, payment_id=cause.correlation_id, merchant_id=merchant_id, attempts=attempts, **why))


def wish_of(command: RoutePayment, tried: frozenset[str]) -> Wish:
    return Wish(
        amount_minor=command.amount.amount_minor,
        currency=command.amount.currency,
        method=command.method,
        bank=command.hints.bank,
        merchant_id=command.merchant_id,
        customer_id=command.customer_id,
        preferred=command.preferred_gateway,
        tried=tried,
    )


def try_of(command: RoutePayment, number: int, gateway: str, decision: Decision) -> Try:
    return Try(
        attempt_id=attempt_id(command.payment_id, number),
        number=number,
        gateway=gateway,
        probe=decision.probe,
        epoch=decision.epoch,
        experiment=decision.assignment,
    )


def skips(before: tuple[Skip, ...], number: int, decision: Decision) -> tuple[Skip, ...]:
    """Each gateway once, with the first reason: the same open breaker is met again at every attempt."""
    known = {one.gateway for one in before}
    return (*before, *(Skip(one.gateway, number, one.reason) for one in decision.skipped if one.gateway not in known))


def attempt_of(command: RoutePayment, tried: Try) -> Attempt:
    return Attempt(
        attempt_id=tried.attempt_id,
        payment_id=command.payment_id,
        merchant_id=command.merchant_id,
        operation="link" if command.method == "PAYMENT_LINK" else "charge" if command.capture == "automatic" else "authorize",
        gateway=tried.gateway,
        number=tried.number,
        amount=command.amount,
        method=command.method,
        bank=command.hints.bank,
        probe=tried.probe,
        epoch=tried.epoch,
        segment=segment(command.method, command.amount.amount_minor),
        experiment=tried.experiment,
    )


def policy_of(command: RoutePayment, picture: Picture, waiting: Waiting) -> Policy:
    return picture.retry_policy(command.merchant_id, default_policy(waiting))


def default_policy(waiting: Waiting) -> Policy:
    return Policy(attempts_max=waiting.attempts_max, latency_budget_ms=waiting.latency_budget_ms)
