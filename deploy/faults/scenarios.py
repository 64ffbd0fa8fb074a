"""Short campaigns that lean on one guard each. The mesh must come through every one of them; a mutant must not."""

from collections.abc import Mapping
from dataclasses import replace

from deploy.faults.order import CALL_BACKS, GATEWAY, Fault, Order

# Nothing happens but what a scenario names.
CALM = Order(
    payments=150, rate_per_s=30.0, kills=0, restarts=(), duplicates=0.0, hang_ups=0.0, misbehaviour={}, follow_ups=0.0, moves={},
    links=0.0, call_backs={},  # a webhook would heal what a mutant breaks
)  # fmt: skip
DOUBTFUL = {
    "charge-then-500": 0.08, "cut-charged": 0.05, "hang-charged": 0.08, "late": 0.04, "accept-late": 0.08, "wrong-amount": 0.06,
    "fail": 0.10,
}  # fmt: skip

SCENARIOS: Mapping[str, Order] = {
    # Half of the orders end in doubt, and the executor dies over some.
    "doubtful gateways": replace(
        CALM,
        payments=200,
        rate_per_s=25.0,
        duplicates=0.1,
        misbehaviour=DOUBTFUL,
        gateway={**GATEWAY, "late_s": 3.0, "hang_s": 5.0},  # later than the first question, sooner than the grace
        faults=(Fault(3.0, "kill", "executor"), Fault(6.0, "kill", "executor")),
        drain_s=30.0,
    ),
    # Everything comes twice: messages, and POSTs whose client went away. Gateways charge for every copy.
    "copies": replace(CALM, duplicates=0.6, hang_ups=0.3, gateway={**GATEWAY, "ignores_idempotency_keys": True}, drain_s=30.0),
    # Messages vanish on their way to the router, to the executor and to the edge, some of them the last word on an attempt.
    "theft": replace(
        CALM,
        misbehaviour={"fail": 0.3, "charge-then-500": 0.1},
        faults=(Fault(0.5, "steal", "router.commands"), Fault(2.2, "steal", "executor.execute.alpha"), Fault(3.3, "steal", "api.evidence")),
        drain_s=45.0,
    ),
    # Charges that come to light when another gateway has charged long ago, and are given back. The executor lives: with it would die the
    # answers that it still listens for, and those charges wait for a reconciliation.
    "late charges": replace(
        CALM,
        misbehaviour={"late": 0.3},
        # Not found, twice, after the grace of 4 s; on a busy machine that is 15 s. Then the answer comes. Captures and refunds are answered
        # at once.
        gateway={**GATEWAY, "late_s": 20.0, "visibility_delay_s": 40.0},
        follow_ups=0.3,
        reversals=True,
        faults=(Fault(21.0, "kill", "verifier"), Fault(23.0, "kill", "api")),
        drain_s=75.0,
    ),
    # Customers pay at gateways' pages, and no gateway says so: whoever wants to know has to ask.
    "links": replace(CALM, payments=90, rate_per_s=15.0, links=1.0, faults=(Fault(4.0, "kill", "executor"),), drain_s=75.0),
    # Gateways tell of everything twice, some of it once more, and beside every second webhook comes a forged one.
    "forgeries": replace(
        CALM,
        misbehaviour={"decline": 0.2, "charge-then-500": 0.1},
        follow_ups=0.3,
        call_backs=dict(CALL_BACKS),
        replays=0.5,
        forgeries=0.5,
        faults=(Fault(2.0, "kill", "verifier"), Fault(4.0, "kill", "api")),
        drain_s=45.0,
    ),
    # The shop fails at first, and the notifier dies with events in its hands.
    "webhooks": replace(CALM, shop={"fail_first_n": 40}, faults=(Fault(3.0, "strike", "notifier"),), drain_s=45.0),
    # For a while nobody hears that payments have succeeded.
    "unbound": replace(CALM, faults=(Fault(1.0, "unbind", "payment.succeeded.v1"),), drain_s=30.0),
    # The broker freezes while the edge has much to say, and crashes. Gateways are slow, so that many outcomes are still to come.
    "broker crash": replace(
        CALM,
        payments=240,
        rate_per_s=60.0,
        gateway={**GATEWAY, "latency_ms_p50": 450, "latency_ms_p95": 550},
        faults=(Fault(1.0, "cut-off", "api"),),
        drain_s=45.0,
    ),
}
