"""A merchant's payments, newest first: by page, with a total, or by cursor, which stays true while payments come in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.api import lists
from services.api.domain.cursor import CURSOR_CHARS, BadCursor, Place, read_cursor, write_cursor
from services.api.http.access.keys import Merchant
from services.api.http.availability import available
from services.api.http.fields import Time, Upper
from services.api.http.layer import Code, Role, Routes, refused
from services.api.http.paying.edge import Edge
from services.api.lists import COUNT_MAX, Order, Wanted
from shared.contracts import Method, PaymentSnapshot, Status
from shared.public import PaymentView
from shared.storage.budget import TooMuch

router = Routes(tag="payment lists", description="Many payments at once, newest first.")
DEPTH_MAX = 10_000  # page × limit; to skip a row is to read it

Name = Annotated[str, Field(min_length=1, max_length=64)]


class ListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    page: Annotated[int | None, Field(ge=1, le=DEPTH_MAX, description="from 1; page × limit ≤ 10000")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[
        str | None,
        Field(
            max_length=CURSOR_CHARS,
            description="`next_cursor` of the answer before, same filters; empty to begin. Not with `page`",
        ),
    ] = None
    status: Status | None = None
    method: Annotated[Method, Upper] | None = None
    gateway: Name | None = None
    order_id: Name | None = None
    order: Annotated[Order, Field(description="by creation; `asc` only with `cursor`, and never ends: see there")] = "desc"
    since: Annotated[Time | None, Field(alias="from", description="created then or later; with its zone")] = None
    until: Annotated[Time | None, Field(alias="to", description="created before then; with its zone")] = None

    @model_validator(mode="after")
    def one_form(self) -> Self:
        if self.page is not None and self.cursor is not None:
            raise ValueError("Give a page or a cursor")
        if self.order == "asc" and self.cursor is None:
            raise ValueError("Oldest first is read by cursor; an empty one begins")
        if (self.page or 1) * self.limit > DEPTH_MAX:
            raise ValueError("page times limit is at most 10000: further down a cursor goes")
        return self

    def wanted(self, merchant_id: str) -> Wanted:
        chosen = self.model_dump(include={"status", "method", "gateway", "order_id", "order", "since", "until"})
        return Wanted(merchant_id=merchant_id, **chosen)


class Page(BaseModel):
    """`total` is exact up to 10000; more are not counted, and `total_is_exact` is false. With `next_cursor` one may go on by cursor."""

    page: int
    limit: int
    total: int
    total_is_exact: bool
    has_next: bool
    next_cursor: str | None
    items: list[PaymentView]


class Stretch(BaseModel):
    """`next_cursor` is null at the end. Oldest first there is no end: it is where to ask again, null only where nothing was found yet."""

    items: list[PaymentView]
    next_cursor: str | None


@router.get("/payments", needs=Role.MERCHANT, errors=[Code.TEMPORARILY_UNAVAILABLE])
async def list_payments(query: ListQuery, caller: Merchant, edge: Edge) -> Page | Stretch:
    """Your payments, newest first.

    With `cursor` the answer is `{items, next_cursor}`: every payment that was there when the walk began comes once, whatever is created
    meanwhile. With `order=asc` the walk may be gone on with for ever: every payment comes once, some seconds after it was created, and
    none is left out. Without a cursor it is a page with a total, and payments that are created meanwhile push others onto the next one.
    """
    wanted = query.wanted(caller.merchant_id)
    if query.cursor is not None:
        found = await _from(edge, wanted, query)
        following = _next(edge, wanted, found, query.limit)
        if wanted.order == "asc" and following is None:
            following = _place(edge, wanted, found[-1]) if found else query.cursor or None
        return Stretch(items=_views(found[: query.limit]), next_cursor=following)
    page = query.page or 1
    with available(), narrow():
        total = await edge.queries.count(*lists.count(wanted))
        found = await edge.queries.payments(*lists.page(wanted, limit=query.limit + 1, skip=(page - 1) * query.limit))
    return Page(
        page=page,
        limit=query.limit,
        total=min(total, COUNT_MAX),
        total_is_exact=total <= COUNT_MAX,
        has_next=len(found) > query.limit,
        next_cursor=_next(edge, wanted, found, query.limit),
        items=_views(found[: query.limit]),
    )


async def _from(edge: Edge, wanted: Wanted, query: ListQuery) -> list[PaymentSnapshot]:
    """One more than asked for, if there is one. Raises Problem."""
    of = wanted
    if wanted.order == "asc":
        with available():
            settled = await edge.queries.settled()
        of = replace(wanted, until=min(settled, wanted.until or settled))
    statement = lists.page(of, limit=query.limit + 1, skip=0)
    if query.cursor:
        try:
            after = read_cursor(query.cursor, of=wanted.title, key=edge.fingerprint_key)
        except BadCursor:
            raise refused("query", "cursor", "Give a next_cursor of a list with these filters", "cursor") from None
        statement = lists.following(of, limit=query.limit + 1, after=after)
    with available(), narrow():
        return await edge.queries.payments(*statement)


@contextmanager
def narrow() -> Iterator[None]:
    """Few of very many match, and no index has them together."""
    try:
        yield
    except TooMuch:
        raise refused("query", "from", "Too many payments would be looked through: give a from, or fewer filters", "too_wide") from None


def _next(edge: Edge, wanted: Wanted, found: list[PaymentSnapshot], limit: int) -> str | None:
    if len(found) <= limit:
        return None
    return _place(edge, wanted, found[limit - 1])


def _place(edge: Edge, wanted: Wanted, last: PaymentSnapshot) -> str:
    return write_cursor(Place(last.created_at, last.payment_id), of=wanted.title, key=edge.fingerprint_key)


def _views(found: list[PaymentSnapshot]) -> list[PaymentView]:
    return [PaymentView.of(one) for one in found]
