"""Subscriptions as rows: tokens, who may take one, and how they come back. Tokens change by differences, never to a sum read before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.api import store
from services.api.domain.quota import QuotaExhausted, Standing, is_given_back, own_id, why_refused
from services.api.store import Payment
from services.api.tables import subscriptions, token_grants
from shared.contracts import Status
from shared.storage.bulk import Bulk, insert_claim, update
from shared.storage.work import Claim, Load, Rows, Work

COLUMNS = "own_id, merchant_id, subscription_id, customer_id, plan, tokens, tokens_first, active, created_at, updated_at"
# Shared: payments of one subscription commit together, and count among themselves what they take (`Work.draw`). The lock keeps other
# replicas out meanwhile.
STANDING = Rows(
    "SELECT own_id AS key, tokens, active FROM subscriptions WHERE own_id = ANY(cast(:keys AS uuid[])) ORDER BY own_id FOR NO KEY UPDATE",
    rank=5,  # the last: what comes to nothing gives its token back when everything else is locked
    exclusive=False,
)
# A batch may hold several changes of one subscription: they are summed first, and locked in one order. A grant's row has its subscription
# locked by key already, so of two grants at once each would wait for the other where a key's lock was wanted here.
MOVE = Bulk(
    subscriptions,
    ("own_id", "tokens", "updated_at"),
    "WITH owed AS (SELECT own_id, sum(tokens) AS tokens, max(at) AS at FROM"
    " unnest(cast($1 AS uuid[]), cast($2 AS bigint[]), cast($3 AS timestamptz[])) AS v(own_id, tokens, at) GROUP BY own_id),"
    " locked AS (SELECT s.own_id, owed.tokens, owed.at FROM subscriptions s JOIN owed USING (own_id) ORDER BY s.own_id"
    " FOR NO KEY UPDATE OF s)"
    " UPDATE subscriptions AS s SET tokens = s.tokens + locked.tokens, updated_at = locked.at FROM locked WHERE s.own_id = locked.own_id",
)
INSERT = insert_claim(
    subscriptions, "own_id", "merchant_id", "subscription_id", "customer_id", "plan", "tokens", "tokens_first", "created_at",
    "updated_at", key="own_id",
)  # fmt: skip
SWITCH = update(subscriptions, "active", "updated_at", key="own_id")
GRANT = insert_claim(token_grants, "grant_id", "own_id", "tokens", key="grant_id")
FIND = f"SELECT {COLUMNS} FROM subscriptions WHERE own_id = :own_id"
GRANTED = "SELECT tokens FROM token_grants WHERE grant_id = :grant_id"
ORDERED = " ORDER BY created_at DESC, own_id DESC LIMIT :limit"
NEWEST = f"SELECT {COLUMNS} FROM subscriptions WHERE merchant_id = :merchant_id{ORDERED}"
FOLLOWING = (
    f"SELECT {COLUMNS} FROM subscriptions WHERE merchant_id = :merchant_id AND (created_at, own_id) < (:after_at, :after_id){ORDERED}"
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """`tokens_first` is what it was made with; more may have been added."""

    own_id: UUID
    merchant_id: str
    subscription_id: str
    customer_id: str | None
    plan: str | None
    tokens: int
    tokens_first: int
    active: bool
    created_at: datetime
    updated_at: datetime


def claim_of(subscription: Subscription) -> Claim:
    """Whoever makes it first: a second one of its name changes nothing."""
    names = ("own_id", "merchant_id", "subscription_id", "customer_id", "plan", "tokens", "tokens_first", "created_at", "updated_at")
    return Claim(INSERT, subscription.own_id, {name: getattr(subscription, name) for name in names})


def grant_of(subscription: Subscription, key: str, tokens: int) -> Claim:
    """More tokens, once a key."""
    grant_id = own_id(str(subscription.own_id), key)
    return Claim(GRANT, grant_id, {"grant_id": grant_id, "own_id": subscription.own_id, "tokens": tokens})


def add(work: Work, subscription: UUID, tokens: int) -> None:
    work.write(MOVE, own_id=subscription, tokens=tokens, updated_at=work.now)


def switch(work: Work, subscription: UUID, active: bool) -> None:
    work.write(SWITCH, own_id=subscription, active=active, updated_at=work.now)


def load_of(merchant_id: str, subscription_id: str | None) -> Sequence[Load]:
    """What a change that takes a token reads; nothing for a payment without a subscription."""
    return [Load(STANDING, own_id(merchant_id, subscription_id))] if subscription_id else ()


def take(work: Work, payment_id: UUID, merchant_id: str, subscription_id: str) -> None:
    """One token. Raises QuotaExhausted."""
    key = own_id(merchant_id, subscription_id)
    row: Any = work.row(STANDING, key)
    reason = why_refused(Standing(row.tokens, row.active) if row else None, taken=work.draw(STANDING, key))
    if reason:
        raise QuotaExhausted(reason)
    add(work, key, -1)
    store.tell(work, payment_id, "quota.taken", subscription_id=subscription_id)


def settle(work: Work, payment: Payment, becomes: Status) -> None:
    """Called where a payment enters a state, before it is written: gives the token back if it came to nothing."""
    snapshot = payment.snapshot
    if payment.subscription_id and is_given_back(snapshot.status, becomes, payment.evidence):
        add(work, own_id(snapshot.merchant_id, payment.subscription_id), 1)
        store.tell(work, snapshot.payment_id, "quota.given_back", subscription_id=payment.subscription_id)
