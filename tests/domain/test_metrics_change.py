"""A gateway that changes is noticed soon, one that doesn't is left alone, and what was learnt before a change is forgotten."""

from collections.abc import Iterable
from random import Random

import pytest

from services.metrics.domain.change import HEARD_MAX, Change, Watch, Watches, Word
from services.metrics.domain.learner import KEPT, Learner
from tests.domain.test_metrics_learner import NOW, after, gateway, outcome

YES, NO = Word("UPI", None, True, False), Word("UPI", None, False, False)


def heard(watch: Watch, words: Iterable[Word]) -> int | None:
    """After how many it says that something has changed."""
    return next((number for number, word in enumerate(words, 1) if watch.hear(word)), None)


def chance(rate: float, number: int, seed: int) -> list[Word]:
    luck = Random(seed)
    return [YES if luck.random() < rate else NO for _ in range(number)]


@pytest.mark.parametrize(
    ("before", "after_it", "least", "most"),
    [
        (0.97, 0.0, 4, 6),  # silence: a second or two at five payments a second
        (0.95, 0.1, 4, 12),
        (0.05, 0.95, 4, 8),  # it works again: known from its probes
        (0.0, 1.0, 4, 6),
        (0.95, 0.6, 5, 40),
        (0.95, 0.85, 10, 1_000),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_change_is_noticed_after_so_many_outcomes(before: float, after_it: float, least: int, most: int, seed: int) -> None:
    found = heard(Watch(before, HEARD_MAX), chance(after_it, 2_000, seed))
    assert found is not None
    assert least <= found <= most


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5, 0.9, 0.95, 0.99, 1.0])
def test_what_does_not_change_is_rarely_said_to_have(rate: float) -> None:
    """A false alarm in more than a thousand outcomes, on average."""
    watch, words = Watch(rate, HEARD_MAX), chance(rate, 50_000, 7)
    assert sum(watch_alarmed(watch, word) for word in words) < 50


def watch_alarmed(watch: Watch, word: Word) -> bool:
    passed = watch.hear(word) is not None
    if passed:
        watch.begin(watch.rate, HEARD_MAX)
    return passed


def test_what_came_since_the_change_is_told() -> None:
    watches = Watches()
    watches.watch(("alpha",), 190.0, 10.0)
    watches.watch(("alpha", "CARD"), 190.0, 10.0)
    for _ in range(50):
        assert watches.hear(("alpha",), YES, 100.0) is None
    found = [change for number in range(6) if (change := watches.hear(("alpha",), NO, 101.0 + number))]
    assert found == [Change(("alpha",), False, (NO,) * len(found[0].since))]
    assert watches.watches["alpha", "CARD"].rate < 0.3, "its methods are looked at anew"
    assert watches.before("alpha", "CARD", 100.0)
    assert not watches.before("alpha", "CARD", 110.0)
    assert not watches.before("beta", "CARD", 0.0)


def outage(*, method: str = "UPI") -> Learner:
    """Ten minutes of success, then six failures in a row."""
    learner = Learner()
    for second in range(600):
        learner.learn([outcome(seconds=second, method=method, bank="HDFC")], after(second))
    learner.learn([outcome("unknown", seconds=600 + number / 10, method=method, bank="HDFC") for number in range(6)], after(601))
    return learner


def test_what_was_learnt_before_a_change_is_forgotten_and_persisted() -> None:
    learner = outage()
    for bank in (None, "HDFC"):
        found = gateway(learner, after(601), bank=bank)
        assert found
        assert found.successes < KEPT
        assert found.failures == pytest.approx(6.0, abs=0.1)
        assert found.timeouts == pytest.approx(6.0, abs=0.1)
        assert found.attributable > 290, "windows are counts and stay so"
    assert learner.arms.read(("UPI:<50000", "alpha"), after(601).timestamp())[0] > 400, "what it was before is remembered"
    learner.learn([outcome("gateway_fault", seconds=602 + number) for number in range(100)], after(702))
    learnt = learner.learn([outcome(seconds=703 + number) for number in range(8)], after(711))
    successes, failures = learner.arms.read(("UPI:<50000", "alpha"), after(711).timestamp())
    assert successes > 400, "what it was before its outage is the best guess of what it is after it"
    assert failures < 10, "and of the outage nothing remains, but what was heard until it was noticed"
    assert learnt.arms == {("UPI:<50000", "alpha")}
    assert {("alpha", "UPI", ""), ("alpha", "UPI", "HDFC")} <= learnt.estimates


@pytest.mark.parametrize(("usual", "forgets"), [("success", False), ("gateway_fault", True)])
def test_an_arm_forgets_all_where_its_gateway_is_better_than_it_ever_was(usual: str, forgets: bool) -> None:
    """A newcomer whose credentials are put right, or a gateway that is well again after a second outage that came upon the first."""
    learner = Learner()
    for second in range(600):
        learner.learn([outcome(usual, seconds=second)], after(second))
    for begin in (600, 650):
        learner.learn([outcome("gateway_fault", seconds=begin + number) for number in range(30)], after(begin + 30))
        learner.learn([outcome(seconds=begin + 30 + number) for number in range(20)], after(begin + 50))
    successes, failures = learner.arms.read(("UPI:<50000", "alpha"), after(700).timestamp())
    assert (successes + failures < 60) is forgets
    assert failures < 30


def test_another_gateway_and_another_method_of_its_own_rate_keep_theirs() -> None:
    learner = Learner()
    for second in range(300):
        learner.learn([outcome(seconds=second, gateway=name) for name in ("alpha", "beta")], after(second))
    learner.learn([outcome("gateway_fault", seconds=300)] * 8, after(301))
    beta = gateway(learner, after(301), name="beta")
    assert beta
    assert beta.successes > 100


def test_a_correction_of_what_has_been_forgotten_changes_nothing() -> None:
    learner = outage()
    before = gateway(learner, after(601))
    learner.learn([outcome("success", seconds=590, was="gateway_fault")] * 3, after(601))
    found = gateway(learner, after(601))
    assert before
    assert found
    assert (found.successes, found.failures) == (before.successes, before.failures)


def test_a_new_leader_begins_with_what_is_known() -> None:
    """Else the first failures of a gateway that is known to be bad would look like a change."""
    learner = Learner()
    learner.estimates.restore(("alpha", "UPI", None), 2.0, 60.0, NOW.timestamp())
    learner.learn([outcome("gateway_fault", seconds=1)] * 8, after(2))
    found = gateway(learner, after(2))
    assert found
    assert found.failures > 60
