"""Whether an endpoint is well, from how its tries end: told of when it fails for long, and disabled when it never comes back."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from services.notifier.domain.schedule import Delivered, Gone, Parked, Verdict

FAILING_AFTER = timedelta(hours=24)  # without a success
DISABLED_AFTER = timedelta(days=5)

Said = Literal["failing", "disabled"]


@dataclass(frozen=True, slots=True)
class Health:
    """`failing_since` is the first failure after the last success; `told`: its owner knows of it."""

    failing_since: datetime | None = None
    told: bool = False
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Judged:
    """`say` is what its owner is to hear of it, elsewhere."""

    health: Health
    say: Said | None
    reason: str


def after_try(health: Health, verdict: Verdict, *, now: datetime) -> Judged:
    """One success ends a failure, however long it was. What is disabled already stays so and is not told of again."""
    if isinstance(verdict, Delivered):
        return Judged(replace(health, failing_since=None, told=False), None, verdict.reason)
    failing = replace(health, failing_since=health.failing_since or now)
    since = failing.failing_since or now
    if not health.enabled:
        return Judged(failing, None, verdict.reason)
    if isinstance(verdict, Gone):
        return Judged(replace(failing, enabled=False), "disabled", "it answered 410")
    if now - since >= DISABLED_AFTER:
        return Judged(replace(failing, enabled=False), "disabled", f"no success in {DISABLED_AFTER.days} days; the last: {verdict.reason}")
    if not health.told and (isinstance(verdict, Parked) or now - since >= FAILING_AFTER):
        return Judged(replace(failing, told=True), "failing", verdict.reason)
    return Judged(failing, None, verdict.reason)
