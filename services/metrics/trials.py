"""Experiments as the database counts them: what each arm has come to, and whether its treatment does harm."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from services.metrics.domain.experiment import ArmCounts
from services.metrics.domain.guardrail import Limits, violation
from services.metrics.domain.histogram import GROWTH, Histogram
from services.metrics.domain.outcome import ATTRIBUTABLE
from services.metrics.facts import head
from shared.contracts import GuardrailViolated
from shared.storage.transaction import Transaction

Arm = Literal["control", "treatment"]
ARMS: tuple[Arm, ...] = ("control", "treatment")
NOBODY = ArmCounts()

COUNTS = "SELECT experiment_id, arm, outcome_class, attempts FROM experiment_counts WHERE experiment_id = ANY($1::text[])"
BINS = "SELECT experiment_id, arm, bin, attempts FROM experiment_latencies WHERE experiment_id = ANY($1::text[])"
UNHARMED = "SELECT experiment_id FROM experiments WHERE experiment_id = ANY($1::text[]) AND guardrail IS NULL FOR UPDATE"
GUARDRAIL = "SELECT guardrail FROM experiments WHERE experiment_id = $1"
HARMED = "UPDATE experiments SET guardrail = $2, violated_at = $3 WHERE experiment_id = $1"


async def arms_of(transaction: Transaction, experiment_ids: Collection[str]) -> dict[tuple[str, str], ArmCounts]:
    """(experiment, arm) → what it has come to; an arm without outcomes is not there."""
    asked = list(experiment_ids)
    classes: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row in await transaction.fetch(COUNTS, asked):
        classes[row.experiment_id, row.arm][row.outcome_class] = row.attempts
    histograms: dict[tuple[str, str], Histogram] = defaultdict(Histogram)
    for row in await transaction.fetch(BINS, asked):
        histograms[row.experiment_id, row.arm].add_bin(row.bin, row.attempts)
    return {key: counts_of(by_class, histograms[key]) for key, by_class in classes.items()}


def counts_of(by_class: dict[str, int], latencies: Histogram) -> ArmCounts:
    return ArmCounts(
        attempts=sum(by_class.values()),
        attributable=sum(count for name, count in by_class.items() if name in ATTRIBUTABLE),
        succeeded=by_class.get("success", 0),
        latency_ms_p95=latencies.percentile(0.95),
        latencies=tuple((GROWTH**number, count) for number, count in enumerate(latencies.bins) if count > 0),
    )


async def guardrail_of(transaction: Transaction, experiment_id: str) -> str | None:
    """The violation that was said, None where there was none."""
    rows = await transaction.fetch(GUARDRAIL, experiment_id)
    return rows[0].guardrail if rows else None


async def harmed(transaction: Transaction, experiment_ids: Collection[str], limits: Limits, now: datetime) -> list[GuardrailViolated]:
    """Experiments whose treatment now does proven harm; each is said once, and remembered in its row."""
    unharmed = [row.experiment_id for row in await transaction.fetch(UNHARMED, sorted(experiment_ids))]
    arms = await arms_of(transaction, unharmed) if unharmed else {}
    said = []
    for experiment_id in unharmed:
        control, treatment = (arms.get((experiment_id, arm), NOBODY) for arm in ARMS)
        found = violation(control, treatment, limits)
        if found is not None:
            await transaction.fetch(HARMED, experiment_id, found.reason, now)
            said.append(GuardrailViolated(**head(), experiment_id=experiment_id, reason=found.reason, **_samples(control, treatment)))
    return said


def _samples(control: ArmCounts, treatment: ArmCounts) -> dict[str, Any]:
    return {
        "control_rate": control.success_rate or 0.0,
        "treatment_rate": treatment.success_rate or 0.0,
        "control_samples": control.attributable,
        "treatment_samples": treatment.attributable,
    }
