"""How many deliveries to one endpoint a process takes in hand, so that those that hang leave room for the others."""

SHARE = 0.25


def share(in_hand: int, most: int) -> int:
    """At most a fixed part of what is still free, and one where anything is: the dynamic threshold of Choudhury and Hahne (1998, "Dynamic
    queue length thresholds for shared-memory packet switches"). Where n endpoints take all they get, each comes to hold
    `most * SHARE / (1 + n * SHARE)`, and the rest stays free: with one a fifth is held, with 16 a fifth is left."""
    free = most - in_hand
    return max(1, int(free * SHARE)) if free > 0 else 0
