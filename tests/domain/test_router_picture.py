"""What the router holds in memory: the newest leader's picture, and nothing compiled that is out of date."""

import pytest

from services.router.domain.decision import decide
from services.router.domain.policy import POLICIES
from services.router.domain.retry import Policy
from services.router.domain.rulebook import Rulebook
from services.router.picture import Picture
from shared.contracts import HealthPicture
from shared.contracts.questions import RetryPolicyView
from tests.domain.boards import ALL, WISH, account, breaker, decided, health, picture, scoring
from tests.domain.stand import NOW, after

FIXED = Rulebook(gateways=ALL, scoring=scoring("fixed"))


def heard(on: Picture, said: HealthPicture) -> Picture:
    on.hear(said.model_dump_json().encode())
    return on


def first(on: Picture, at_s: float = 0.0) -> str | None:
    return decided(on.board(after(at_s))).gateway


def test_a_picture_of_an_older_leader_is_ignored() -> None:
    ours = Picture(FIXED)
    heard(ours, picture(breaker("alpha", "open"), epoch=2))
    heard(ours, picture(epoch=1))
    assert first(ours) == "beta"
    heard(ours, picture(epoch=2))
    assert first(ours) == "alpha"


def test_a_leader_of_a_database_that_began_anew_is_heard_when_nobody_else_speaks_any_more() -> None:
    ours = heard(Picture(FIXED), picture(breaker("alpha", "open"), epoch=57, age_s=20))
    heard(ours, picture(epoch=1, age_s=6))
    assert first(ours) == "beta"
    heard(ours, picture(epoch=1, age_s=5))
    assert first(ours) == "alpha"


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff", b'{"kind":"health.picture.v2"}'])
def test_what_is_no_picture_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        Picture().hear(body)


def test_a_breaker_that_moves_is_gone_by_at_once() -> None:
    ours = heard(Picture(FIXED), picture())
    assert first(ours) == "alpha"
    heard(ours, picture(breaker("alpha", "open")))
    assert first(ours) == "beta"


def test_a_picture_that_says_the_same_keeps_what_is_compiled_and_is_younger() -> None:
    ours = heard(Picture(FIXED), picture(health("alpha", 20, 19), age_s=4))
    before = ours.board(NOW)
    row = before.row("UPI", "INR", None, 50_000)
    heard(ours, picture(health("alpha", 20, 19), age_s=1))
    assert ours.board(NOW) is before
    assert ours.board(NOW).row("UPI", "INR", None, 50_000) is row
    assert ours.board(NOW).age_s(NOW) == 1
    heard(ours, picture(health("alpha", 21, 19)))
    assert ours.board(NOW) is not before


def test_rules_that_change_are_gone_by_at_once() -> None:
    ours = heard(Picture(FIXED), picture())
    assert first(ours) == "alpha"
    same = ours.board(NOW)
    ours.rules = Rulebook(gateways=ALL, scoring=scoring("fixed"))
    assert ours.board(NOW) is same, "read again, found the same"
    ours.rules = Rulebook(gateways=(account("alpha", enabled=False), *ALL[1:]), scoring=scoring("fixed"))
    assert first(ours) == "beta"


def test_what_changes_by_itself_is_gone_by_when_it_does() -> None:
    """Without a leader nobody would say that the breaker's time is up."""
    ours = heard(Picture(FIXED), picture(breaker("alpha", "forced_open", until=after(20))))
    chosen = [{decided(ours.board(after(at_s)), draw=draw).gateway for draw in range(200)} for at_s in (0, 19.9, 20)]
    assert chosen == [{"beta"}, {"beta"}, {"alpha", "beta"}], "one in ten is a probe then"


@pytest.mark.parametrize(
    ("age_s", "trust", "rate"),
    [(0, 1.0, 0.9), (5, 1.0, 0.9), (65, 0.5, 0.7), (125, 0.25, 0.6), (3_600, 0.0, 0.5)],
)
def test_the_older_a_picture_the_less_it_is_believed(age_s: float, trust: float, rate: float) -> None:
    """Pulled towards what is taken of a gateway that nobody knows; and nobody is refused for it."""
    ours = heard(Picture(Rulebook(gateways=ALL, scoring=scoring("score"))), picture(health("alpha", 20, 18, latency_ms_p95=250), age_s=0))
    found = decide(ours.board(after(age_s - 0.001)), WISH, 1, after(age_s - 0.001))
    alpha = next(one.candidate for one in found.places if one.candidate.name == "alpha")
    assert alpha.facts.trust == pytest.approx(trust, abs=0.001)
    assert alpha.factors.success_rate == pytest.approx(rate, abs=0.001)
    assert alpha.factors.latency == pytest.approx(0.4 + trust * 0.4, abs=0.001)
    assert ("trusted" in found.reason) == (trust < 1.0)


def test_what_is_compiled_from_an_old_picture_is_good_for_five_seconds_and_a_fresh_one_mends_it() -> None:
    ours = heard(Picture(FIXED), picture(age_s=0))
    boards = {at_s: ours.board(after(at_s)) for at_s in (0, 5, 6, 9, 11)}
    assert boards[0] is boards[5]
    assert boards[6] is boards[9]
    assert len({id(one) for one in boards.values()}) == 3
    ours.hear(picture(age_s=-11).model_dump_json().encode())
    assert ours.board(after(11)).trust == 1.0


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_without_metrics_an_open_breaker_is_probed_after_its_cooldown(policy: str) -> None:
    """It was open in a picture of a minute ago, and there is nobody to say that its time is up."""
    seen = [health(name, 40, 38, successes=38.0, failures=2.0) for name in ("beta", "gamma")]
    down = health("alpha", 40, 0, failures=40.0, timeouts=30.0)
    ours = heard(
        Picture(Rulebook(gateways=ALL, scoring=scoring(policy))), picture(*seen, down, breaker("alpha", "open", until=after(30)), age_s=0)
    )
    probed = {}
    for at_s in (29.0, 31.0, 600.0, 1e6):
        made = [decide(ours.board(after(at_s)), WISH, number * 0x9E3779B97F4A7C15, after(at_s)) for number in range(400)]
        assert all(one.gateway for one in made), "nobody is refused"
        assert all(one.probe == (one.gateway == "alpha") for one in made)
        probed[at_s] = sum(one.probe for one in made) / len(made)
    assert probed[29.0] == 0.0
    assert 0.0 < probed[31.0] <= 0.13
    assert 0.0 < probed[600.0] <= 0.13


def test_no_picture_is_no_age() -> None:
    assert Picture(FIXED).board(NOW).age_s(NOW) is None


def test_a_merchant_has_a_retry_policy_of_its_own() -> None:
    own = RetryPolicyView(merchant_id="m_001", attempts_max=1, latency_budget_ms=500, enabled=False)
    ours, default = Picture(Rulebook(retries={"m_001": own})), Policy()
    assert ours.retry_policy("m_001", default) == Policy(attempts_max=1, latency_budget_ms=500, enabled=False)
    assert ours.retry_policy("m_002", default) is default
