"""Who is in which arm: a hash decides, so everybody who asks gets the same answer and nobody has to remember."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

from shared.contracts import Assignment
from shared.contracts.questions import ExperimentView

Arm = Literal["control", "treatment"]


def bucket(customer_id: str, experiment_id: str) -> int:
    """In 0..99: (h[0]·256 + h[1]) mod 100 of h = sha256(customer_id ‖ experiment_id)."""
    digest = sha256(f"{customer_id}{experiment_id}".encode()).digest()
    return (digest[0] * 256 + digest[1]) % 100


def arm_of(customer_id: str, experiment_id: str, control_pct: int) -> Arm:
    return "control" if bucket(customer_id, experiment_id) < control_pct else "treatment"


def covering(experiments: Sequence[ExperimentView], merchant_id: str | None, method: str) -> ExperimentView | None:
    """The running experiment that the payment belongs to: at most one, because overlapping ones are refused."""
    for one in experiments:
        if one.status == "running" and one.method in (None, method) and one.merchant_id in (None, merchant_id):
            return one
    return None


def overlap(one: ExperimentView, other: ExperimentView) -> bool:
    """Could one payment be in both?"""
    methods = one.method is None or other.method is None or one.method == other.method
    merchants = one.merchant_id is None or other.merchant_id is None or one.merchant_id == other.merchant_id
    return methods and merchants


def assignment(experiment: ExperimentView | None, customer_id: str | None) -> Assignment | None:
    """A payment without customer is in no experiment: nothing would keep it in one arm."""
    if experiment is None or customer_id is None:
        return None
    arm = arm_of(customer_id, experiment.experiment_id, experiment.control_pct)
    return Assignment(experiment_id=experiment.experiment_id, arm=arm, control_pct=experiment.control_pct)
