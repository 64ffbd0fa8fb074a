"""Worlds made by chance: nobody has looked at them, so nothing can have been fitted to them."""

from random import Random

from deploy.simulate.world import Gateway, Piece, World

METHODS = ("UPI", "CARD", "NETBANKING")
BANKS = ("hdfc", "sbi", "icici", "axis")
DURATION_S = 3600.0


def random_worlds(number: int, seed: int) -> list[World]:
    return [random_world(Random(f"world:{seed}:{at}"), f"random-{seed}-{at:02}") for at in range(number)]


def random_world(chance: Random, name: str) -> World:
    """Two to six gateways, each with up to three incidents, drifts or odd methods or banks."""
    methods = chance.sample(METHODS, chance.randint(1, 3))
    banks = chance.sample(BANKS, chance.randint(1, 4))
    gateways = tuple(random_gateway(chance, f"g{at}", methods, banks) for at in range(chance.randint(2, 6)))
    return World(
        name=name,
        about="made by chance",
        duration_s=DURATION_S,
        payments_per_s=5.0,
        methods={one: chance.uniform(0.2, 1.0) for one in methods},
        banks={None: 0.1, **{one: chance.uniform(0.2, 1.0) for one in banks}},
        amounts_minor={20_000: 0.5, 90_000: 0.3, 450_000: 0.2},
        gateways=gateways,
    )


def random_gateway(chance: Random, name: str, methods: list[str], banks: list[str]) -> Gateway:
    good = {
        **shares(chance, chance.uniform(0.88, 0.995), chance.uniform(0.1, 0.5)),
        "latency_ms_p50": chance.uniform(150, 700),
        "latency_ms_p95": chance.uniform(800, 1_600),
    }
    pieces = [Piece(0.0, DURATION_S, None, None, good, {})]
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        pieces.append(incident(chance, good, methods, banks))
    return Gateway(name, chance.uniform(0.005, 0.03), 0, chance.uniform(0.0, 1.0), tuple(pieces))


def shares(chance: Random, health: float, silent: float) -> dict[str, float]:
    """`health` of what is not the payer's doing succeeds; of the rest a share is silent."""
    declines = 0.04
    return {"success": (1 - declines) * health, "user_decline": declines, "timeout": (1 - declines) * (1 - health) * silent}


def incident(chance: Random, good: dict[str, float], methods: list[str], banks: list[str]) -> Piece:
    begin = chance.uniform(0.0, 0.8) * DURATION_S
    end = min(DURATION_S, begin + chance.choice((60.0, 180.0, 600.0, 1200.0, DURATION_S)))
    method = chance.choice(methods) if chance.random() < 0.3 else None
    bank = chance.choice(banks) if chance.random() < 0.3 else None
    bad = shares(chance, chance.uniform(0.0, 0.9), chance.uniform(0.0, 1.0))
    match chance.choice(("jump", "jump", "drift", "slow")):
        case "jump":
            return Piece(begin, end, method, bank, bad, {})
        case "drift":
            begins = {one: good[one] for one in bad}
            return Piece(begin, end, method, bank, begins, bad)
        case _:
            p50 = chance.uniform(800, 2_600)
            return Piece(begin, end, method, bank, {"latency_ms_p50": p50, "latency_ms_p95": p50 * chance.uniform(1.5, 3.0)}, {})
