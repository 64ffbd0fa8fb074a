"""Why a payment went where it went, and how operators move it: decisions, attempts, breakers, experiments, and the audit of it all.

Cards, because other tests pay by UPI and a breaker is of one method; every test leaves the breakers as it found them.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.bench import heard
from deploy.bench.heard import breaker_heard
from deploy.local.mesh import Mesh
from tests.mesh.instruments import card, upi
from tests.mesh.merchant import Answer, Merchant, Payment, order
from tests.mesh.outside import Outside
from tests.mesh.waiting import until

HEARD_WITHIN_S = 60.0  # an outcome is in metrics' figures, and a breaker's move at every router; how soon is the bench's to measure
OPENS_WITHIN_S = 60.0  # ten failures in a row open it, of those decided by a picture that knows its last move


class Operator(Merchant):
    """Speaks to operators' routes, and fails the test where one refuses."""

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.call(method, path, body)
        assert answer.status in (200, 201), (path, answer.body)
        return answer.body

    async def breaker(self, gateway: str = "alpha", method: str = "CARD") -> dict[str, Any]:
        found = await self.ask("GET", "/circuit-breaker/status")
        return next((one for one in found["items"] if (one["gateway"], one["method"]) == (gateway, method)), {"state": "closed"})

    async def explained(self) -> dict[str, dict[str, Any]]:
        """Gateway → candidate of a card payment that is not made: what the router's picture says now."""
        decision = await self.ask("GET", "/scoring/debug?amount=50000&method=CARD")
        return {one["gateway"]: one for one in decision["candidates"]}

    async def is_candidate(self, gateway: str = "alpha") -> bool:
        return (await self.explained())[gateway]["rank"] is not None


@pytest.fixture(scope="module")
def boss(merchant: Merchant, operator: dict[str, str]) -> Operator:
    return Operator(merchant.http, merchant.api, operator)


@pytest.fixture
async def clean(boss: Operator, outside: Outside) -> AsyncIterator[None]:
    """Alpha takes cards before and after, whatever happened: forced closed and released, it begins anew."""

    async def renew() -> None:
        await outside.change("/gateways/alpha", rates={})
        for act in ("force-close", "release"):
            await boss.ask("POST", f"/circuit-breaker/{act}/alpha/CARD", {"reason": "between two tests"})
        await until(boss.is_candidate, within_s=HEARD_WITHIN_S, what="alpha takes cards")

    await renew()
    yield
    await renew()


async def pay_by_card(merchant: Merchant, **change: Any) -> Payment:
    payment = await merchant.pay(order(**card(), **change), wait_s=30)
    assert payment.answer.body["status"] == "succeeded", payment.answer.body
    return payment


def gateway_of(payment: Payment) -> Any:
    return payment.answer.body["gateway"]


async def attempts(who: Merchant, payment: Payment) -> list[dict[str, Any]]:
    answer = await who.call("GET", f"/payments/{payment.id}/attempts")
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.body["items"]
    return items


async def decisions(who: Merchant, payment: Payment) -> dict[str, Any]:
    answer = await who.call("GET", f"/payments/{payment.id}/routing-decision")
    assert answer.status == 200, answer.body
    return answer.body


async def test_a_decision_is_shown_with_its_candidates(merchant: Merchant, boss: Operator, neighbour: Merchant) -> None:
    payment = await merchant.pay(order(alias="beta"), wait_s=30)
    shown = await decisions(merchant, payment)
    assert (shown["payment_id"], shown["gateway"]) == (payment.id, "beta")
    [decision] = shown["decisions"]
    ranked = {one["gateway"]: one["rank"] for one in decision["candidates"]}
    assert ranked["beta"] == 1
    assert {"alpha", "beta", "gamma"} <= ranked.keys()
    assert ranked["closed"] is None  # it takes no INR
    assert all(one["reason"] for one in decision["candidates"])
    assert await decisions(boss, payment) == shown
    for what in ("routing-decision", "attempts"):
        assert (await neighbour.call("GET", f"/payments/{payment.id}/{what}")).status == 404


async def test_a_retry_is_visible(merchant: Merchant) -> None:
    payment = await merchant.pay(order(alias="alpha", **upi("fail.alpha_succeed")), wait_s=30)
    [first, second] = await attempts(merchant, payment)
    assert (first["number"], first["gateway"], first["state"], first["code"]) == (1, "alpha", "failed", "gateway_error_not_charged")
    assert (second["number"], second["state"], second["attempt_id"]) == (2, "succeeded", payment.references[1])
    assert [one["number"] for one in (await decisions(merchant, payment))["decisions"]] == [1, 2]


@pytest.mark.usefixtures("clean")
async def test_a_forced_breaker_sends_payments_elsewhere_until_it_is_released(merchant: Merchant, boss: Operator) -> None:
    assert gateway_of(await pay_by_card(merchant, alias="alpha")) == "alpha"
    forced = await boss.ask("POST", "/circuit-breaker/force-open/alpha/card", {"reason": "a drill"})
    assert (forced["state"], forced["actor"], forced["reason"]) == ("forced_open", "root", "a drill")
    await until(boss.is_candidate, accept=lambda found: not found, within_s=HEARD_WITHIN_S, what="the router has it")
    payment = await pay_by_card(merchant, alias="alpha")
    assert gateway_of(payment) != "alpha"
    skipped = [one for one in await attempts(merchant, payment) if one["state"] == "skipped"]
    assert [(one["gateway"], one["number"], one["attempt_id"]) for one in skipped] == [("alpha", None, None)]
    assert "breaker" in skipped[0]["reason"].lower() or "open" in skipped[0]["reason"].lower()

    await boss.ask("POST", "/circuit-breaker/release/alpha/CARD", {"reason": "the drill is over"})
    await boss.ask("POST", "/circuit-breaker/force-close/alpha/CARD", {"reason": "no probes, please"})
    await until(boss.is_candidate, within_s=HEARD_WITHIN_S, what="alpha is back")
    assert gateway_of(await pay_by_card(merchant, alias="alpha")) == "alpha"


async def test_the_benchmark_measures_how_soon_a_breaker_is_heard_of_and_leaves_it_closed(mesh: Mesh, boss: Operator) -> None:
    found = await asyncio.to_thread(breaker_heard, mesh, 2)
    assert 0 < found["breaker_heard_ms_p50"] <= found["breaker_heard_ms_max"]
    assert (await boss.breaker(heard.GATEWAY, heard.METHOD))["state"] == "closed"


async def test_the_breaker_of_nobody_is_not_found(boss: Operator) -> None:
    answer = await boss.call("POST", "/circuit-breaker/force-open/omega/CARD")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


@pytest.mark.usefixtures("clean")
async def test_a_gateway_that_fails_opens_its_breaker_and_every_router_hears_of_it(
    merchant: Merchant, boss: Operator, outside: Outside
) -> None:
    await outside.change("/gateways/alpha", rates={"fail": 1.0})

    async def one_more() -> dict[str, Any]:
        await pay_by_card(merchant, alias="alpha")
        return await boss.breaker()

    found = await until(one_more, accept=lambda one: one["state"] == "open", within_s=OPENS_WITHIN_S, what="the breaker opens")
    assert found["reason"]
    await until(boss.is_candidate, accept=lambda found: not found, within_s=HEARD_WITHIN_S, what="the router has it")
    payment = await pay_by_card(merchant, alias="alpha")
    assert gateway_of(payment) != "alpha"
    assert "alpha" in {one["gateway"] for one in await attempts(merchant, payment) if one["state"] == "skipped"}


async def test_an_experiment_assigns_customers_and_shows_what_came_of_it(merchant: Merchant, boss: Operator) -> None:
    body = {"name": "gamma first", "treatment_gateway": "gamma", "control_pct": 50, "method": "CARD", "reason": "try"}
    made = await boss.ask("POST", "/experiments", body)
    try:
        again = await boss.call("POST", "/experiments", body)
        assert (again.status, again.code) == (409, "CONFLICT")
        path = f"/experiments/{made['experiment_id']}"
        customers = [f"c-{uuid.uuid4().hex}" for _ in range(8)]
        arms = (await boss.ask("POST", f"{path}/preview", {"customer_ids": customers}))["arms"]
        for customer in customers:
            payment = await pay_by_card(merchant, customer_id=customer)
            [decision] = (await decisions(merchant, payment))["decisions"]
            assert (decision["experiment_id"], decision["arm"]) == (made["experiment_id"], arms[customer])
            assert arms[customer] == "control" or gateway_of(payment) == "gamma"

        async def counted() -> dict[str, int]:
            found = await boss.ask("GET", f"{path}/results")
            return {one["arm"]: one["attempts"] for one in found["results"]["arms"]}

        expected = {arm: list(arms.values()).count(arm) for arm in set(arms.values())}
        await until(
            counted,
            accept=lambda found: {arm: count for arm, count in found.items() if count} == expected,
            within_s=HEARD_WITHIN_S,
            what=f"results are {expected}",
        )
        assert (await boss.ask("GET", f"{path}/winner"))["winner"] is None
    finally:
        stopped = await boss.ask("POST", f"/experiments/{made['experiment_id']}/stop", {"reason": "enough"})
    assert stopped["status"] == "stopped"
    assert made["experiment_id"] in {one["experiment_id"] for one in (await boss.ask("GET", "/experiments"))["items"]}


async def test_a_disabled_gateway_gets_nothing(merchant: Merchant, boss: Operator) -> None:
    await boss.ask("PATCH", "/gateways/gamma", {"enabled": False, "reason": "contract ended"})
    try:
        await until(lambda: boss.is_candidate("gamma"), accept=lambda found: not found, within_s=HEARD_WITHIN_S, what="gamma is out")
        assert gateway_of(await pay_by_card(merchant, alias="gamma")) != "gamma"
    finally:
        await boss.ask("PATCH", "/gateways/gamma", {"enabled": True, "reason": "contract renewed"})
    await until(lambda: boss.is_candidate("gamma"), within_s=HEARD_WITHIN_S, what="gamma is back")


async def test_what_operators_did_is_written_down(boss: Operator) -> None:
    """Of two services, newest first, with who, before, after and why."""
    reason = f"for the audit {uuid.uuid4()}"
    before = next(one for one in (await boss.ask("GET", "/gateways"))["items"] if one["name"] == "gamma")
    await boss.ask("PATCH", "/gateways/gamma", {"priority": before["priority"] + 1, "reason": reason})
    await boss.ask("PATCH", "/gateways/gamma", {"priority": before["priority"], "reason": reason})
    await boss.ask("POST", "/circuit-breaker/force-open/gamma/WALLET", {"reason": reason})
    await boss.ask("POST", "/circuit-breaker/release/gamma/WALLET", {"reason": reason})
    audit = await boss.ask("GET", "/audit?limit=50")
    assert audit["missing"] == []
    mine = [one for one in audit["items"] if one["reason"] == reason]
    assert len(mine) == 4
    assert {one["actor"] for one in mine} == {"root"}
    assert [one["at"] for one in mine] == sorted((one["at"] for one in mine), reverse=True)
    back, moved = [one for one in mine if one["subject"] == "gamma"]
    assert (moved["before"]["priority"], moved["after"]["priority"]) == (before["priority"], before["priority"] + 1)
    assert (back["before"], back["after"]) == (moved["after"], moved["before"])


async def test_figures_follow_payments(merchant: Merchant, boss: Operator) -> None:
    async def attempts_at_beta() -> int:
        found = await boss.ask("GET", "/metrics/gateways/beta")
        return sum(one["attempts"] for one in found["windows"] if one["minutes"] == 5 and one["method"] == "CARD" and one["bank"] is None)

    async def one_more() -> int:
        """What is older than the window leaves it meanwhile."""
        assert gateway_of(await pay_by_card(merchant, alias="beta")) == "beta"
        return await attempts_at_beta()

    before = await attempts_at_beta()
    await until(one_more, accept=lambda found: found > before, within_s=HEARD_WITHIN_S, what="the payments are in the figures")
    unknown: Answer = await boss.call("GET", "/metrics/gateways/omega")
    assert (unknown.status, unknown.code) == (404, "NOT_FOUND")
