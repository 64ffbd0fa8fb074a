"""The best order that can be had by who knows the true rates."""

from collections.abc import Sequence
from functools import cache

from deploy.simulate.truth import Rates


def best_first(rates: Sequence[Rates], tried: frozenset[int], attempts: int) -> int | None:
    """Which gateway to try now so that most payments come through in time, with so many attempts left; None where all were tried.

    A success or an end (a decline, a timeout) stops; a provable failure leaves the rest one attempt fewer. By recursion over the sets
    of gateways that are left: exact, and made once for each stretch of time.
    """

    @cache
    def worth(left: frozenset[int], attempts: int) -> tuple[float, int | None]:
        if not left or attempts == 0:
            return 0.0, None
        return max((rates[one].succeeds + rates[one].fails_over * worth(left - {one}, attempts - 1)[0], -one) for one in left)

    number = worth(frozenset(range(len(rates))) - tried, attempts)[1]
    return None if number is None else -number
