"""How far a health picture is believed as it grows old, when metrics is away: it goes on being used, and weighs ever less.

Half is believed of it a minute after the first five seconds, and what is known is pulled towards what is taken of a gateway that nobody
has heard of. Nobody is refused for it: an old picture is still the best guess, just not one to keep payments from a gateway by.
"""

FRESH_S = 5.0  # a picture comes every second
HALF_LIFE_S = 60.0
STEP_S = 5.0  # so that what is compiled is good for a while


def trust_of(age_s: float | None) -> float:
    """In (0, 1]; the same for `STEP_S`. None: there is no picture, and nothing to distrust."""
    if age_s is None or age_s <= FRESH_S:
        return 1.0
    return float(0.5 ** (((age_s - FRESH_S) // STEP_S + 1.0) * STEP_S / HALF_LIFE_S))
