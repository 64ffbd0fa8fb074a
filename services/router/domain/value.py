"""What a gateway is worth for one payment: the amount less its fee, times the chance that it comes through."""

from collections.abc import Mapping


def fee_minor(amount_minor: int, rate: float, fixed_minor: int) -> float:
    """A share of the amount and a fixed part, in minor units, not rounded."""
    return amount_minor * rate + fixed_minor


def expected_value(success_rate: float, amount_minor: int, rate: float, fixed_minor: int) -> float:
    """EV = success rate × (amount − fee), in minor units. Negative where the fee eats more than the amount."""
    return success_rate * (amount_minor - fee_minor(amount_minor, rate, fixed_minor))


def break_even_rate(best_other: float | None, amount_minor: int, rate: float, fixed_minor: int) -> float | None:
    """The success rate at which it is worth `best_other`, the expected value of the best of the others.

    None where there is no other, or where no rate in [0, 1] would do.
    """
    left = amount_minor - fee_minor(amount_minor, rate, fixed_minor)
    if best_other is None or left <= 0:
        return None
    even = best_other / left
    return even if 0.0 <= even <= 1.0 else None


def best_others(values: Mapping[str, float]) -> dict[str, float | None]:
    """For each gateway the highest value among the rest."""
    return {name: max((value for other, value in values.items() if other != name), default=None) for name in values}
