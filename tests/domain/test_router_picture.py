"""What the router holds in memory: the newest leader's picture, and nothing compiled that is out of date."""

import pytest

from services.router.domain.retry import Policy
from services.router.domain.rulebook import Rulebook
from services.router.picture import Picture
from shared.contracts import HealthPicture
from shared.contracts.questions import RetryPolicyView
from tests.domain.boards import ALL, account, breaker, decided, health, picture, scoring
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
    ours = heard(Picture(FIXED), picture(health("alpha", 20, 19), age_s=9))
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
    assert [first(ours, at_s) for at_s in (0, 19.9, 20)] == ["beta", "beta", "alpha"]


def test_no_picture_is_no_age() -> None:
    assert Picture(FIXED).board(NOW).age_s(NOW) is None


def test_a_merchant_has_a_retry_policy_of_its_own() -> None:
    own = RetryPolicyView(merchant_id="m_001", attempts_max=1, latency_budget_ms=500, enabled=False)
    ours, default = Picture(Rulebook(retries={"m_001": own})), Policy()
    assert ours.retry_policy("m_001", default) == Policy(attempts_max=1, latency_budget_ms=500, enabled=False)
    assert ours.retry_policy("m_002", default) is default
