"""A router of tests: one payment's row, changed as its statements would change it, and everything that was said of it."""

from typing import Any

import orjson

from services.router import store
from services.router.consumers import attempt_expired, attempt_failed, attempt_verified, resume_payment, route_payment
from services.router.domain.rulebook import Rulebook
from services.router.picture import Picture
from shared.contracts import Attempt, ExecuteAttempt, Hints, Message, ResumePayment, RoutePayment, SealedInstrument
from shared.settings import Waiting
from shared.storage.work import Work
from tests.domain.boards import account, scoring
from tests.domain.stand import AMOUNT, NOW, PAYMENT, after, said, work_with, written

WAITING = Waiting(payment_ttl_s=60, latency_budget_ms=10_000, attempts_max=3, gateway_timeout_ms=2_500)
SEALED = SealedInstrument(key_id="k", wrapped_key="w", nonce="n", ciphertext="c")
RESUME = ResumePayment(correlation_id=PAYMENT, payment_id=PAYMENT, merchant_id="m_001")


def order(**more: Any) -> RoutePayment:
    columns: dict[str, Any] = {
        "merchant_id": "m_001", "amount": AMOUNT, "method": "CARD", "instrument": SEALED, "hints": Hints(bank="HDFC"), "created_at": NOW,
    }  # fmt: skip
    return RoutePayment(correlation_id=PAYMENT, payment_id=PAYMENT, **{**columns, **more})


class Router:
    """The router's row of one payment, changed as its statements would change it, and everything it has said."""

    def __init__(self, *names: str) -> None:
        accounts = [account(name, methods=("CARD",)) for name in names or ("alpha", "beta", "gamma", "omega")]
        self.picture = Picture(Rulebook(gateways=accounts, scoring=scoring("fixed")))
        self.columns: dict[str, Any] | None = None
        self.said: list[Message] = []

    def hear(self, message: Any, *, at_s: float = 0.0) -> Work:
        rows = {(store.ROUTE, PAYMENT): self.columns} if self.columns else {}
        work = work_with(rows, now=after(at_s))
        match message.kind:
            case "payment.route.v1":
                route_payment(message, work, self.picture, WAITING)
            case "payment.resume.v1":
                resume_payment(message, work)
            case "attempt.failed.v1":
                attempt_failed(message, work, self.picture, WAITING)
            case "attempt.expired.v1":
                attempt_expired(message, work, self.picture, WAITING)
            case "attempt.verified.v1":
                attempt_verified(message, work, self.picture, WAITING)
        for statement in (store.INSERT_ROUTE, store.UPDATE_ROUTE):
            for row in written(work, statement):
                json: dict[str, Any] = {
                    name: orjson.loads(row[name]) if row[name] else None
                    for name in ("request", "instrument", "attempts", "skipped", "exhausted")
                    if name in row
                }
                self.columns = (self.columns or {}) | row | json
        self.said += said(work)
        return work

    @property
    def ordered(self) -> list[Attempt]:
        return [one.attempt for one in self.said if isinstance(one, ExecuteAttempt)]

    def states(self) -> list[str]:
        assert self.columns is not None
        return [one["state"] for one in self.columns["attempts"]]


def routed() -> Router:
    router = Router()
    router.hear(order())
    return router
