"""Figures of one gateway, window by window: of all, and by method, bank and amount bucket."""

from collections.abc import Iterator

from services.metrics.domain.histogram import Histogram
from services.metrics.domain.windows import MINUTES, Counts, Latencies, Windows
from shared.contracts.questions import WindowFigures

Asked = tuple[str | None, str | None, str | None]  # method, bank, amount bucket; None fixes nothing


def figures_of(windows: Windows, latencies: Latencies, gateway: str) -> tuple[WindowFigures, ...]:
    """What has no attempt in a window is left out of it, but for the gateway as a whole."""
    asked = list(_questions(windows, gateway))
    found = [_figures(windows, latencies, gateway, minutes, one) for minutes in MINUTES for one in asked]
    return tuple(one for one in found if one.attempts or (one.method, one.bank, one.amount_bucket) == (None, None, None))


def _questions(windows: Windows, gateway: str) -> Iterator[Asked]:
    leaves = [leaf[1:] for leaf in windows.leaves if leaf[0] == gateway]
    yield None, None, None
    for method in sorted({method for method, _, _ in leaves}):
        yield method, None, None
    for bank in sorted({bank for _, bank, _ in leaves if bank}):
        yield None, bank, None
    for method, bank in sorted({(method, bank) for method, bank, _ in leaves if bank}):
        yield method, bank, None
    for amount_bucket in sorted({amount_bucket for _, _, amount_bucket in leaves if amount_bucket}):
        yield None, None, amount_bucket


def _figures(windows: Windows, latencies: Latencies, gateway: str, minutes: int, asked: Asked) -> WindowFigures:
    """Latencies are kept by method and bank, not by amount."""
    method, bank, amount_bucket = asked
    counts = windows.read(minutes, gateway=gateway, method=method, bank=bank, amount_bucket=amount_bucket)
    histogram = Histogram()
    if amount_bucket is None:
        for key in latencies.matching(gateway=gateway, method=method, bank=bank):
            for number, times in enumerate(latencies.bins(minutes, key)):
                histogram.add_bin(number, times)
    return WindowFigures(
        minutes=minutes,
        method=method,
        bank=bank,
        amount_bucket=amount_bucket,
        **_counted(counts),
        latency_ms_p50=histogram.percentile(0.50),
        latency_ms_p95=histogram.percentile(0.95),
        latency_ms_p99=histogram.percentile(0.99),
    )


def _counted(counts: Counts) -> dict[str, object]:
    attributable, succeeded = counts.attributable, counts.succeeded
    return {
        "attempts": counts.attempts,
        "attributable": attributable,
        "succeeded": succeeded,
        "success_rate": succeeded / attributable if attributable > 0 else None,
        "by_class": {name: times for name, times in counts.by_class.items() if times},
    }
