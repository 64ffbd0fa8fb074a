"""Figures of a gateway, answered by any replica from the database."""

import pytest

from tests.services.metrics.conftest import Stand


async def test_windows_by_method_bank_and_amount(stand: Stand) -> None:
    await stand.outcome("success", times=95, latency_ms=100)
    await stand.outcome("gateway_fault", times=5, latency_ms=3_000, bank="icici")
    await stand.outcome("user_decline", times=10, method="CARD", bank=None, amount_bucket=">=1000000", latency_ms=None)
    await stand.outcome("success", times=7, ago_s=700, latency_ms=100)
    await stand.outcome("success", gateway="somebody_else", times=50)
    await stand.leader().round()
    figures = await stand.desk.figures(stand.gateway)
    found = {(one.minutes, one.method, one.bank, one.amount_bucket): one for one in figures.windows}
    five, hour = found[5, None, None, None], found[60, None, None, None]
    assert (five.attempts, five.attributable, five.succeeded, five.success_rate) == (110, 100, 95, 0.95)
    assert five.by_class == {"success": 95, "gateway_fault": 5, "user_decline": 10}
    assert five.latency_ms_p50 == five.latency_ms_p95 == pytest.approx(100, rel=0.05)
    assert five.latency_ms_p99 == pytest.approx(3_000, rel=0.05), "a p99 is no p95"
    assert (hour.attempts, hour.succeeded) == (117, 102)
    assert found[5, "UPI", "icici", None].success_rate == 0.0
    assert found[5, None, None, ">=1000000"].success_rate is None
    assert found[5, "CARD", None, None].latency_ms_p95 is None
    assert (5, "UPI", None, None) in found
    assert (1, "WALLET", None, None) not in found


async def test_a_gateway_that_nobody_has_heard_of(stand: Stand) -> None:
    figures = await stand.desk.figures("gw_none")
    found = [(one.minutes, one.attempts, one.success_rate) for one in figures.windows]
    assert found == [(minutes, 0, None) for minutes in (1, 5, 15, 60)]
    assert figures.history == ()


async def test_arms_fade_to_what_is_known_of_nobody(stand: Stand) -> None:
    await stand.outcome("success", times=8)
    await stand.outcome("gateway_fault", times=2, epoch=0)
    await stand.leader().round()
    (arm,) = await stand.desk.arms("UPI:<50000")
    assert arm.gateway == stand.gateway
    assert [arm.alpha, arm.beta] == pytest.approx([9, 3], rel=0.01)
    await stand.database.rows("UPDATE arms SET at = at - interval '1 day'")
    (arm,) = await stand.desk.arms(None)
    assert [arm.alpha, arm.beta] == pytest.approx([1, 1])
    assert await stand.desk.arms("CARD:<50000") == []
