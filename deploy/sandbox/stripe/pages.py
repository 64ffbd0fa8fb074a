"""Stripe's lists: newest first, `limit`, `starting_after`, `created[gte]` and its like."""

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from deploy.sandbox.stripe.errors import invalid
from deploy.sandbox.stripe.form import inner, whole
from deploy.sandbox.times import unix_s

T = TypeVar("T")
COMPARE: dict[str, Callable[[int, int], bool]] = {"gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt}


def page_of(query: dict[str, Any], found: Sequence[T], id_of: Callable[[T], str], made: Callable[[T], str]) -> tuple[list[T], bool]:
    """A page and whether there are more. Raises StripeError."""
    created = inner(query, "created")
    bounds = [(COMPARE[name], whole(created, name, minimum=0)) for name in created if name in COMPARE]
    kept = [one for one in found if all(compare(unix_s(made(one)), bound) for compare, bound in bounds)]
    after, limit = query.get("starting_after"), whole(query, "limit", 10, maximum=100)
    if after is not None:
        place = next((n for n, one in enumerate(kept) if id_of(one) == after), None)
        if place is None:
            raise invalid(f"No such object: '{str(after)[:60]}'", code="resource_missing", param="starting_after")
        kept = kept[place + 1 :]
    return list(kept[:limit]), len(kept) > limit
