"""Who may take a payment at all, and why not. Whether its breaker lets anything through is asked apart: that passes."""

from collections.abc import Sequence
from datetime import UTC, datetime

from shared.contracts import BreakerHealth
from shared.contracts.questions import GatewayView, MaintenanceWindow

ALREADY_TRIED = "already tried"
OUTSIDE_LIMITS = "amount outside its limits"
PROBE_SHARE = 0.1  # of an open breaker whose time is up, and of the least bad gateway when every breaker is open


def unfit(gateway: GatewayView, method: str, currency: str, now: datetime) -> str | None:
    """Why it takes no payment of this kind, whatever the amount; None if it does."""
    if not gateway.enabled:
        return "disabled"
    if method not in gateway.methods:
        return f"does not take {method}"
    if currency not in gateway.currencies:
        return f"does not take {currency}"
    if window := maintenance(gateway.maintenance, method, now):
        why = f": {window.reason}" if window.reason else ""
        return f"maintenance until {window.ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC{why}"
    return None


def maintenance(windows: Sequence[MaintenanceWindow], method: str, now: datetime) -> MaintenanceWindow | None:
    for window in windows:
        if window.method in (None, method) and window.starts_at <= now < window.ends_at:
            return window
    return None


def standing(breaker: BreakerHealth | None, now: datetime) -> BreakerHealth | None:
    """The breaker as it is at `now`, None for closed: what was forced expires, and one whose time is up is probed, open or forced open,
    even where nobody is left to say so."""
    if breaker is None or breaker.state == "closed":
        return None
    if breaker.until is None or now < breaker.until:
        return breaker
    if breaker.state in ("open", "forced_open"):
        return breaker.model_copy(update={"state": "half_open", "probe_share": breaker.probe_share or PROBE_SHARE, "until": None})
    return breaker if breaker.state == "half_open" else None


def instants(gateways: Sequence[GatewayView], breakers: Sequence[BreakerHealth]) -> list[datetime]:
    """When something of the above changes by itself."""
    windows = [window for gateway in gateways for window in gateway.maintenance]
    found = [one for window in windows for one in (window.starts_at, window.ends_at)]
    return found + [breaker.until for breaker in breakers if breaker.until]
