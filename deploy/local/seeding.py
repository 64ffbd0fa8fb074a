"""Fills a running instance over HTTP as its merchant would. Every request carries a key of its own, so a second time changes nothing."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.local.errors import LocalError
from deploy.local.journey import headers
from deploy.local.samples import MERCHANT, ORDER, ORDER_BODY, PAUSED, SAMPLES, SUBSCRIPTIONS, Move, Sample
from deploy.local.status import MeshStatus
from deploy.local.web import Reply, call

LOOK_EVERY_S = 0.1
OVER = ("failed", "cancelled", "expired", "conflicted", "refunded")
PATIENCE_S = 15.0  # a lost answer is asked about, a refund goes to its gateway


@dataclass(frozen=True)
class Made:
    """`state` is a status, or the code of a refusal; `as_meant` whether it is the one that was to be shown, at least at first. `again`
    is None where nothing was made."""

    name: str
    what: str
    state: str
    as_meant: bool
    id: str = ""
    amount: str = ""
    again: bool | None = False


class Seeding:
    """One instance. Raises LocalError where the edge does not answer, or refuses what it should take."""

    def __init__(self, status: MeshStatus) -> None:
        self.status = status

    def run(self) -> Iterator[Made]:
        yield self._merchant()
        yield from self._subscriptions()
        yield self._order()
        for sample in SAMPLES:
            yield self._payment(sample)

    def _merchant(self) -> Made:
        operator = {"X-Internal-Api-Key": self.status.internal_api_key}
        reply = self._call("POST", "/merchants", MERCHANT, operator, fine=(201, 409))
        return Made(MERCHANT["merchant_id"], "another merchant, without a key yet", "active", True, again=reply.status == 409)

    def _subscriptions(self) -> Iterator[Made]:
        for body in SUBSCRIPTIONS:
            path = f"/subscriptions/{body['id']}"
            again = self._post("/subscriptions", body).status == 200
            if body["id"] == PAUSED:
                self._call("PATCH", path, {"active": False}, headers(self.status))
            now = self._call("GET", path, None, headers(self.status)).body
            state = "active" if now["active"] else "off"
            yield Made(body["id"], f"a subscription, {now['tokens']} tokens left", state, True, again=again)

    def _order(self) -> Made:
        order = self._post("/orders", ORDER)
        id_, body = order.body["order_id"], {**ORDER_BODY, "order_id": order.body["order_id"]}
        if order.body["status"] == "created":
            self._post("/payments/initiate", body, key=f"order-{id_}", wait_s=5)
        now = self._call("GET", f"/orders/{id_}", None, headers(self.status)).body
        return Made("order", "an order, paid", now["status"], now["status"] == "paid", id_, amount_of(now), again=order.status == 200)

    def _payment(self, sample: Sample) -> Made:
        body = {"amount": sample.amount, **sample.body, "metadata": {"demo": sample.name}}
        reply = self._post("/payments", body, key=sample.name, wait_s=5, fine=(201, 400))
        again = reply.headers.get("idempotent-replayed") == "true"
        if reply.status == 400:
            code = str(reply.body.get("error", {}).get("code"))
            return Made(sample.name, sample.what, code, code == sample.ends, amount=amount_of(body), again=None)
        id_ = reply.body["payment_id"]
        if not again or reply.body["status"] in ("requires_capture", "succeeded"):  # else they were made, or its time is over
            for number, move in enumerate(sample.moves):
                self._move(id_, sample, number, move)
        now = self._until(id_, sample.ends) if not again else self._call("GET", f"/payments/{id_}", None, headers(self.status)).body
        return Made(sample.name, sample.what, now["status"], again or now["status"] == sample.ends, id_, amount_of(now), again)

    def _move(self, payment_id: str, sample: Sample, number: int, move: Move) -> None:
        self._until(payment_id, *(("requires_capture",) if move.route != "refunds" else ("succeeded", "partially_refunded")))
        self._post(f"/payments/{payment_id}/{move.route}", move.body, key=f"{sample.name}-{number}", wait_s=5)

    def _until(self, payment_id: str, *wanted: str) -> dict[str, Any]:
        """The payment once it is in one of these states, or as it is when patience is over."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            now = self._call("GET", f"/payments/{payment_id}", None, headers(self.status)).body
            if now["status"] in (*wanted, *OVER) or time.monotonic() > deadline:
                return now
            time.sleep(LOOK_EVERY_S)

    def _post(self, path: str, body: dict[str, Any], *, key: str = "", wait_s: int = 0, fine: tuple[int, ...] = (200, 201)) -> Reply:
        sent = headers(self.status) | ({"Idempotency-Key": f"demo-{key}", "Prefer": f"wait={wait_s}"} if key else {})
        return self._call("POST", path, body, sent, fine=fine)

    def _call(self, method: str, path: str, body: Any, sent: dict[str, str], fine: tuple[int, ...] = (200,)) -> Reply:
        try:
            reply = call(method, self.status.api + path, body, sent, timeout_s=30.0)
        except OSError as error:
            raise LocalError(f"the edge at {self.status.api} does not answer: {error}") from error
        if reply.status not in fine:
            why = reply.body.get("error", {})
            raise LocalError(f"{method} {path} was answered {reply.status}: {why.get('code', '?')}: {why.get('message', '')}")
        return reply


def amount_of(view: dict[str, Any]) -> str:
    return f"{view['amount']} {view.get('currency', 'INR')}"
