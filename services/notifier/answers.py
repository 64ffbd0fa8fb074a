"""What the notifier answers: endpoints and their secrets, what was sent to them, and that it be sent again."""

import base64
import os
from datetime import UTC, timedelta
from typing import Any, NoReturn

from services.notifier import desk as sql
from services.notifier import store
from services.notifier.desk import Change, Desk
from services.notifier.domain.endpoints import ENDPOINTS_MAX, MADE_MAX, known_events, objection_to_url, unknown_events
from services.notifier.domain.owed import TEST, delivery_id, trial_body
from services.notifier.domain.signature import PREFIX
from services.notifier.secrets import Secrets
from shared.clock import new_id, utc_now
from shared.contracts import OPERATORS
from shared.contracts.questions import (
    AuditEntry,
    ChangeEndpoint,
    CreateEndpoint,
    DeleteEndpoint,
    DeliveryDetail,
    DeliveryTrace,
    DeliveryTry,
    DeliveryView,
    EndpointView,
    ListDeliveries,
    ListEndpoints,
    ListNotifierAudit,
    ReplayDeliveries,
    ReplayedView,
    RetryDelivery,
    RotateSecret,
    SecretView,
    ShowDeliveries,
    ShowDelivery,
    ShowEndpoint,
    TryEndpoint,
)
from shared.contracts.questions.notifier import REPLAY_MAX, EndpointQuestion
from shared.ids import public
from shared.letter import letter
from shared.messaging.answers import Answers, Refused
from shared.storage.budget import TooMuch

ENDPOINT_ID = "we"  # we_…
SECRET_BYTES = 32

answers = Answers("notifier")


@answers
async def show_deliveries(question: ShowDeliveries, engine: Any) -> list[DeliveryTrace]:
    return [DeliveryTrace.model_validate(row) for row in await store.deliveries_of(engine, question.payment_id)]


@answers
async def list_endpoints(question: ListEndpoints, desk: Desk) -> list[EndpointView]:
    return [EndpointView.model_validate(row) for row in await desk.rows(sql.ENDPOINTS, merchant_id=question.merchant_id)]


@answers
async def show_endpoint(question: ShowEndpoint, desk: Desk) -> EndpointView:
    rows = await desk.rows(sql.ONE, merchant_id=question.merchant_id, endpoint_id=question.endpoint_id)
    return EndpointView.model_validate(rows[0]) if rows else _missing()


@answers
async def create_endpoint(question: CreateEndpoint, desk: Desk, secrets: Secrets) -> SecretView:
    _check(desk, question.merchant_id, url=question.url, events=question.events)
    endpoint_id, secret = public(ENDPOINT_ID, new_id()), _secret()
    closed = _closed(question.letterbox, secret)
    owned = {"merchant_id": question.merchant_id}
    async with desk.changing() as change:
        await change.run(sql.ALONE, **owned)
        if len(await change.rows(sql.ENDPOINTS, **owned)) >= ENDPOINTS_MAX:
            raise Refused("CONFLICT", f"There are {ENDPOINTS_MAX} endpoints already.", limit=ENDPOINTS_MAX)
        today = await change.row(sql.MADE, **owned)
        if today and today["made"] >= MADE_MAX:
            raise Refused("CONFLICT", f"{MADE_MAX} endpoints were made in a day.", limit=MADE_MAX)
        made = question.model_dump(include={"merchant_id", "url", "description", "ordered"})
        sealed = secrets.seal(endpoint_id, secret)
        await change.create(endpoint_id=endpoint_id, events=list(question.events), secret_sealed=sealed, **made)
        view = await _view(change, question.merchant_id, endpoint_id)
        await change.note("create_endpoint", endpoint_id, actor=question.actor, reason=question.reason, after=view)
    return SecretView(endpoint=view, secret_letter=closed)


@answers
async def change_endpoint(question: ChangeEndpoint, desk: Desk) -> EndpointView:
    _check(desk, question.merchant_id, url=question.url, events=question.events)
    changes = question.model_dump(include={"url", "description", "events", "ordered", "enabled"}, exclude_none=True)
    if question.enabled:
        changes |= {"disabled_reason": None, "failing_since": None, "failing_told_at": None}
    async with desk.changing() as change:
        before, _ = await _found(change, question)
        if before.enabled and question.enabled is False:
            changes["disabled_reason"] = f"by {question.actor}"
            await change.run(sql.SKIP, endpoint_id=question.endpoint_id, reason="endpoint disabled")
        if changes:
            await change.change(question.endpoint_id, **changes)
        after = await _view(change, question.merchant_id, question.endpoint_id)
        if after != before:
            await change.note(
                "change_endpoint", question.endpoint_id, actor=question.actor, reason=question.reason, before=before, after=after
            )
    return after


@answers
async def delete_endpoint(question: DeleteEndpoint, desk: Desk) -> EndpointView:
    """Its secret is forgotten."""
    async with desk.changing() as change:
        before, _ = await _found(change, question)
        forgotten = {"secret_sealed": "", "previous_secret_sealed": None, "previous_secret_until": None}
        await change.change(question.endpoint_id, enabled=False, disabled_reason="deleted", deleted_at=utc_now(), **forgotten)
        await change.run(sql.SKIP, endpoint_id=question.endpoint_id, reason="endpoint deleted")
        await change.note("delete_endpoint", question.endpoint_id, actor=question.actor, reason=question.reason, before=before)
    return before


@answers
async def rotate_secret(question: RotateSecret, desk: Desk, secrets: Secrets) -> SecretView:
    secret = _secret()
    closed = _closed(question.letterbox, secret)
    async with desk.changing() as change:
        before, sealed = await _found(change, question)
        old = {"previous_secret_sealed": sealed, "previous_secret_until": utc_now() + timedelta(seconds=question.overlap_s)}
        if not question.overlap_s:
            old = dict.fromkeys(old)
        await change.change(question.endpoint_id, secret_sealed=secrets.seal(question.endpoint_id, secret), **old)
        after = await _view(change, question.merchant_id, question.endpoint_id)
        await change.note("rotate_secret", question.endpoint_id, actor=question.actor, reason=question.reason, before=before, after=after)
    return SecretView(endpoint=after, secret_letter=closed)


@answers
async def try_endpoint(question: TryEndpoint, desk: Desk) -> DeliveryView:
    """A row like any other: the sender finds it due."""
    event_id, now = new_id(), utc_now()
    named = delivery_id(event_id, question.endpoint_id)
    async with desk.changing() as change:
        endpoint, _ = await _found(change, question)
        _enabled(endpoint)
        body = trial_body(event_id, question.endpoint_id, now)
        whose = question.model_dump(include={"merchant_id", "endpoint_id"})
        await change.owe(delivery_id=named, event_id=event_id, type=TEST, body=body, state="due", due_at=now, **whose)
        return await _delivery(change, question.merchant_id, named)


@answers
async def replay_deliveries(question: ReplayDeliveries, desk: Desk) -> ReplayedView:
    if question.since.tzinfo is None or question.until.tzinfo is None or question.since >= question.until:
        raise Refused("VALIDATION_ERROR", "since and until are times with their zones, since before until.")
    async with desk.changing() as change:
        endpoint, _ = await _found(change, question)
        _enabled(endpoint)
        ranged = question.model_dump(include={"endpoint_id", "since", "until"})
        replay = sql.replay(question.states or ("delivered", "parked", "skipped"))
        found = await change.row(replay, **ranged, most=REPLAY_MAX, reason=f"replayed by {question.actor}")
        assert found is not None, "count(*) always is"  # noqa: S101
        more = found["latest"].astimezone(UTC) if found["deliveries"] == REPLAY_MAX else None
        view = ReplayedView(deliveries=found["deliveries"], continue_from=more)
        await change.note("replay_deliveries", question.endpoint_id, actor=question.actor, reason=question.reason, after=view)
    return view


@answers
async def list_deliveries(question: ListDeliveries, desk: Desk) -> list[DeliveryView]:
    try:
        return [DeliveryView.model_validate(row) for row in await desk.deliveries(question)]
    except TooMuch:
        _wrong("from", "Too many deliveries would be looked through: give a from, or fewer filters.", at="query")


@answers
async def show_delivery(question: ShowDelivery, desk: Desk) -> DeliveryDetail:
    rows = await desk.rows(sql.DELIVERY, merchant_id=question.merchant_id, delivery_id=question.delivery_id)
    if not rows:
        _missing()
    tries = [DeliveryTry.model_validate(one) for one in reversed(await desk.rows(sql.TRIES, delivery_id=question.delivery_id))]
    shown = {**rows[0], "body": rows[0]["body"].decode(), "attempts": tries}
    if question.merchant_id is None and shown["merchant_id"] != OPERATORS:  # what was said is between a merchant and its customers
        shown |= {"body": None, "attempts": [one.model_copy(update={"response": None}) for one in tries]}
    return DeliveryDetail.model_validate(shown)


@answers
async def retry_delivery(question: RetryDelivery, desk: Desk) -> DeliveryView:
    """By an operator: whoever's it is. The merchant, who sees the reason in its own log, is not told which."""
    by = "an operator" if question.merchant_id is None else question.actor
    whose, named = question.merchant_id, question.delivery_id
    async with desk.changing() as change:
        delivery = await _delivery(change, whose, named)
        if delivery.tries >= sql.TRIES_MAX:
            raise Refused("CONFLICT", f"It was tried {delivery.tries} times.", limit=sql.TRIES_MAX)
        endpoint = await change.row(sql.ONE, merchant_id=delivery.merchant_id, endpoint_id=delivery.endpoint_id)
        if endpoint is None:
            raise Refused("CONFLICT", "Its endpoint was deleted.")
        _enabled(EndpointView.model_validate(endpoint))
        await change.run(sql.RETRY, delivery_id=named, reason=f"retried by {by}")
        await change.note("retry_delivery", str(named), actor=question.actor, reason=question.reason, before=delivery)
        return await _delivery(change, whose, named)


@answers
async def list_audit(question: ListNotifierAudit, desk: Desk) -> list[AuditEntry]:
    return await desk.audit(question.limit)


def _check(desk: Desk, merchant_id: str, *, url: str | None, events: tuple[str, ...] | None) -> None:
    if url is not None and (objection := objection_to_url(url, allow_loopback=desk.allow_loopback)):
        _wrong("url", f"No webhook goes there: {objection}.")
    if events and unknown_events(events, merchant_id):
        _wrong("events", f"Some of these are never told. There are {', '.join(sorted(known_events(merchant_id)))}.")


def _wrong(field: str, message: str, *, at: str = "body") -> NoReturn:
    raise Refused("VALIDATION_ERROR", f"{field}: {message}", errors=[{"in": at, "field": field, "message": message, "type": field}])


async def _found(change: Change, question: EndpointQuestion) -> tuple[EndpointView, str]:
    """Locked, with its sealed secret."""
    row = await change.row(sql.LOCKED, merchant_id=question.merchant_id, endpoint_id=question.endpoint_id)
    if row is None:
        _missing()
    return EndpointView.model_validate(row), row["secret_sealed"]


async def _view(change: Change, merchant_id: str, endpoint_id: str) -> EndpointView:
    return EndpointView.model_validate(await change.row(sql.ONE, merchant_id=merchant_id, endpoint_id=endpoint_id))


async def _delivery(change: Change, merchant_id: str | None, delivery_id: Any) -> DeliveryView:
    row = await change.row(sql.DELIVERY, merchant_id=merchant_id, delivery_id=delivery_id)
    if row is None:
        _missing()
    return DeliveryView.model_validate(row)


def _enabled(endpoint: EndpointView) -> None:
    if not endpoint.enabled:
        raise Refused("CONFLICT", "The endpoint is disabled: enable it first.", disabled_reason=endpoint.disabled_reason)


def _missing() -> NoReturn:
    raise Refused("NOT_FOUND", "There is nothing here.")


def _secret() -> str:
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def _closed(letterbox: str, secret: str) -> str:
    try:
        return letter(letterbox, secret)
    except ValueError:
        raise Refused("VALIDATION_ERROR", "letterbox: not the address of one.") from None
