"""Windows count each attempt once, under its last word, in whatever order its words are folded, and by whomever."""

from itertools import permutations

import pytest

from services.metrics import store, wiring
from services.metrics.leader import Leader
from shared.clock import new_id
from shared.contracts import GatewayHealth, HealthPicture
from tests.kernel.waiting import until
from tests.services.metrics.conftest import Stand

FIRST, REFUSED, CHARGED = (0, "unknown"), (1, "gateway_fault"), (2, "success")


@pytest.mark.parametrize("together", [True, False], ids=["in one fold", "in a fold each"])
@pytest.mark.parametrize("words", [*permutations([FIRST, CHARGED]), *permutations([FIRST, REFUSED, CHARGED])])
async def test_a_corrected_attempt_counts_once(stand: Stand, words: list[tuple[int, str]], together: bool) -> None:
    leader, attempt = stand.leader(), new_id()
    for phase, outcome_class in words:
        await stand.outcome(outcome_class, phase=phase, ids=[attempt])
        if not together:
            await leader.round()
    await leader.round()
    await leader.round()
    assert await stand.counted() == {"success": 1}
    assert leader.learner
    assert leader.learner.rates.read(5, (stand.gateway, "UPI", None)) == (1, 1), "in memory as in the database"


async def test_a_correction_counts_in_the_minute_that_it_corrects(stand: Stand) -> None:
    leader = stand.leader()
    attempts = await stand.outcome("unknown", ago_s=600)
    await leader.round()
    await stand.outcome("success", phase=2, ids=attempts)
    await leader.round()
    rows = await stand.database.rows("SELECT minute < now() - interval '9 minutes' AS old, outcome_class, attempts FROM minutes ORDER BY 2")
    assert [tuple(row) for row in rows] == [(True, "success", 1), (True, "unknown", 0)]


async def test_rows_of_the_version_before_count(stand: Stand) -> None:
    await stand.database.rows(
        "INSERT INTO outcomes (attempt_id, phase, gateway, method, outcome_class) VALUES (:id, 0, :gateway, 'UPI', 'success')",
        id=new_id(),
        gateway=stand.gateway,
    )
    await stand.leader().round()
    assert await stand.counted() == {"success": 1}


async def test_a_new_leader_knows_what_the_old_one_knew(stand: Stand) -> None:
    """Killed without a word: windows, percentiles, estimates, arms, breakers and their counts go on."""
    old = stand.leader()
    await stand.outcome("success", times=30, latency_ms=100)
    await stand.outcome("success", times=5, latency_ms=2_000, ago_s=200)
    await stand.outcome("user_decline", times=12, bank=None)
    await stand.outcome("gateway_fault", times=6, method="CARD", bank=None)
    await stand.outcome("success", times=3, method="CARD", bank=None)
    await stand.outcome("gateway_fault", times=10, method="WALLET")
    silent = await stand.outcome("unknown", times=4)
    await stand.outcome("success", phase=2, ids=silent[:1])
    await old.round()
    await stand.end_lease()
    new = stand.leader()
    await new.round()
    assert (old.epoch, new.epoch) == (1, 2)
    await until(lambda: {one.epoch for one in stand.pictures} == {1, 2})
    before, after = stand.pictures[0], stand.pictures[-1]
    found, expected = by_key(after), by_key(before)
    assert {(method, bank) for _, method, bank in expected} == {
        ("UPI", None),
        ("UPI", "hdfc"),
        ("CARD", None),
        ("WALLET", None),
        ("WALLET", "hdfc"),
    }
    assert found.keys() == expected.keys()
    for key, one in expected.items():
        other, faded = found[key], {"successes", "failures", "timeouts", "late"}
        assert one.model_dump(exclude=faded) == other.model_dump(exclude=faded)
        assert (other.successes, other.failures) == pytest.approx((one.successes, one.failures), rel=0.05)
        assert (other.timeouts, other.late) == pytest.approx((one.timeouts, one.late), rel=0.05)
    assert expected[stand.gateway, "UPI", "hdfc"].late > 0.9
    assert after.breakers == before.breakers
    assert {(one.segment, one.gateway) for one in after.arms} == {(one.segment, one.gateway) for one in before.arms}
    await stand.outcome("gateway_fault", method="CARD")
    await new.round()
    assert new.learner
    assert new.learner.breakers[stand.gateway, "CARD"].state == "open", "seven of ten failed, and nine of them before"


def by_key(picture: HealthPicture) -> dict[tuple[str, str, str | None], GatewayHealth]:
    return {(one.gateway, one.method, one.bank): one for one in picture.gateways}


async def test_of_two_replicas_one_leads_and_nothing_counts_twice(stand: Stand) -> None:
    one, other = stand.leader(), stand.leader()
    for _ in range(3):
        await stand.outcome("success", times=10)
        await one.round()
        await other.round()
    assert await stand.counted() == {"success": 30}
    assert other.learner is None
    await stand.end_lease()
    await stand.outcome("success", times=10)
    await other.round()
    await one.round()
    assert one.learner is None, "whoever has lost the lease forgets what it knew"
    assert await stand.counted() == {"success": 40}
    assert other.learner
    assert other.learner.rates.read(5, (stand.gateway, "UPI", None)) == (40, 40)


async def test_a_leader_that_is_stopped_is_followed_at_once(stand: Stand) -> None:
    one, other, third = stand.leader(), stand.leader(), stand.leader()
    await one.round()
    await third.resign()
    await other.round()
    assert other.learner is None, "who does not lead has nothing to resign"
    await one.resign()
    await other.round()
    assert other.learner
    assert (one.epoch, other.epoch) == (1, 2)


def test_the_service_resigns_when_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMESH_DATABASE_URL", "postgresql+asyncpg://nobody@localhost:1/x")
    monkeypatch.setenv("PAYMESH_RABBITMQ_URL", "amqp://localhost:1/")
    assert [getattr(act, "__func__", act) for act in wiring.build().after_stop] == [Leader.resign]


async def test_who_lost_and_won_the_lease_again_reads_again(stand: Stand) -> None:
    one, other = stand.leader(), stand.leader()
    for leader in (one, other, one):
        await stand.outcome("success", times=10)
        await leader.round()
        await stand.end_lease()
    assert one.epoch == 3
    assert one.learner
    assert one.learner.rates.read(5, (stand.gateway, "UPI", None)) == (30, 30)


async def test_a_round_that_fails_counts_nothing(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was learnt is forgotten with the transaction, and learnt once when it is read again."""
    leader = stand.leader()
    await leader.round()
    await stand.outcome("gateway_fault", times=10)
    async with stand.database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE breakers RENAME TO elsewhere")
    with pytest.raises(Exception, match="breakers"):
        await leader.round()
    assert leader.learner is None
    assert (await stand.counted(), stand.said) == ({}, [])
    async with stand.database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO breakers")
    await leader.round()
    assert await stand.counted() == {"gateway_fault": 10}
    assert stand.kinds_said() == ["circuit.opened.v1"]
    assert leader.learner
    assert leader.learner.rates.read(5, (stand.gateway, "UPI", None)) == (10, 0)


async def test_a_round_takes_a_backlog_in_pieces(stand: Stand) -> None:
    leader: Leader = stand.leader()
    await stand.outcome("success", times=12_000)
    for _ in range(3):
        await leader.round()
    assert await stand.counted() == {"success": 12_000}


async def test_what_is_too_old_goes(stand: Stand) -> None:
    await stand.outcome("success", times=3, ago_s=5 * 86_400)
    await stand.outcome("success", times=2, ago_s=3 * 86_400)
    await stand.leader().round()
    await stand.outcome("success", times=4, ago_s=5 * 86_400)
    await store.prune(stand.database.engine)
    assert await stand.database.value("SELECT count(*) FROM outcomes") == 6, "what is not folded yet stays, however old"
    assert await stand.database.value("SELECT count(*) FROM minutes") == 0


async def test_history_is_a_line_a_minute(stand: Stand) -> None:
    await stand.outcome("success", times=19, latency_ms=100, ago_s=120)
    await stand.outcome("gateway_fault", times=1, latency_ms=3_000, ago_s=120)
    await stand.outcome("user_decline", times=5, latency_ms=50, ago_s=120)
    await stand.leader().round()
    (row,) = await stand.database.rows("SELECT gateway, method, attributable, succeeded, latency_ms_p95 FROM history")
    assert tuple(row)[:4] == (stand.gateway, "UPI", 20, 19)
    assert row.latency_ms_p95 == pytest.approx(100, rel=0.05)
