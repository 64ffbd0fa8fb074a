"""How many pure decisions one core makes a second, with 20 gateways: `python -m deploy.simulate.decisions` prints JSON."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import product
from time import perf_counter, process_time

from services.router.domain.board import SCORING, Board
from services.router.domain.decision import Wish, decide
from services.router.domain.policy import POLICIES
from services.router.domain.record import record_of
from shared.contracts import ArmHealth, BreakerHealth, GatewayHealth, HealthPicture
from shared.contracts.money import BUCKETS
from shared.contracts.questions import ExperimentView, GatewayView

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
METHODS = ("UPI", "CARD", "NETBANKING")
BANKS = (None, "HDFC", "ICICI", "SBI", "AXIS")
AMOUNTS_MINOR = (49_900, 120_000, 750_000, 2_500_000)
DECISIONS = 20_000


def board(policy: str, gateways: int = 20) -> Board:
    """A mesh with something in every part of it: figures per bank, an open and a half-open breaker, arms, an experiment."""
    names = [f"gateway-{number:02}" for number in range(gateways)]
    views = [
        GatewayView(
            name=name, methods=METHODS, currencies=("INR",), priority=rank, amount_minor_min=1, amount_minor_max=10**9, enabled=True,
        )
        for rank, name in enumerate(names)
    ]  # fmt: skip
    health = [
        GatewayHealth(
            gateway=name,
            method=method,
            bank=bank,
            attributable=200 + rank,
            succeeded=180 + rank % 7,
            latency_ms_p95=300 + 20 * rank,
            successes=150.0 + rank % 7,
            failures=12.0,
        )
        for rank, name in enumerate(names)
        for method in METHODS
        for bank in BANKS
    ]
    arms = [
        ArmHealth(segment=f"{method}:{bucket}", gateway=name, alpha=90.0 + rank % 5, beta=9.0)
        for rank, name in enumerate(names)
        for method in METHODS
        for bucket in BUCKETS
    ]
    breakers = [
        BreakerHealth(gateway=names[1], method="CARD", state="half_open", epoch=3, probe_share=0.1),
        BreakerHealth(gateway=names[2], method="CARD", state="open", epoch=1),
    ]
    experiment = ExperimentView(
        experiment_id="exp_bench", name="bench", treatment_gateway=names[-1], control_pct=50, method="UPI", created_at=NOW
    )
    picture = HealthPicture(epoch=1, as_of=NOW, gateways=tuple(health), breakers=tuple(breakers), arms=tuple(arms))
    return Board.of(views, picture, now=NOW, scoring=SCORING.model_copy(update={"policy": policy}), experiments=[experiment])


def wishes() -> Sequence[Wish]:
    kinds = product(AMOUNTS_MINOR, METHODS, BANKS)
    return [
        Wish(amount, "INR", method, bank=bank, merchant_id="m_001", customer_id=f"c_{number}")
        for number, (amount, method, bank) in enumerate(kinds)
    ]


def measure(policy: str, *, decisions: int = DECISIONS, gateways: int = 20) -> dict[str, float]:
    """`decisions_per_s`: of one core, everything compiled before; `records_per_s`: each written as JSON too; `compile_ms`: what one
    kind of payment costs after each new picture."""
    there, asked = board(policy, gateways), wishes()
    began = process_time()
    for wish in asked:
        there.row(wish.method, wish.currency, wish.bank, wish.amount_minor)
        decide(there, wish, 1, NOW)
    compile_ms = (process_time() - began) * 1000 / len(asked)
    seeds = [0x019B8D5A2C0070008000000000000000 + number * 0x9E3779B9 for number in range(len(asked))]
    rounds = decisions // len(asked)
    began = process_time()
    for _ in range(rounds):
        for wish, seed in zip(asked, seeds, strict=True):
            decide(there, wish, seed, NOW)
    decided = process_time()
    for _ in range(rounds):
        for wish, seed in zip(asked, seeds, strict=True):
            record_of(decide(there, wish, seed, NOW))
    recorded = process_time()
    made = rounds * len(asked)
    return {
        "decisions_per_s": round(made / (decided - began)),
        "records_per_s": round(made / (recorded - decided)),
        "compile_ms": round(compile_ms, 3),
    }


def main() -> int:
    began = perf_counter()
    by_policy = {policy: measure(policy) for policy in POLICIES}
    answer = {"gateways": 20, "decisions_per_s": by_policy[SCORING.policy]["decisions_per_s"], "policies": by_policy}
    sys.stdout.write(json.dumps(answer | {"took_s": round(perf_counter() - began, 1)}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
