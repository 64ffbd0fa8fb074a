"""Who is in which arm: the hash that was documented, its split, and experiments that would meet."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.domain.experiments import arm_of, assignment, bucket, covering, overlap
from tests.domain.boards import experiment


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_bucket_is_the_documented_one(customer_id: str, experiment_id: str) -> None:
    h = sha256(customer_id.encode() + experiment_id.encode()).digest()
    assert bucket(customer_id, experiment_id) == (h[0] * 256 + h[1]) % 100


def test_known_buckets() -> None:
    """Worked out by another program: `printf c_1exp_1 | sha256sum` begins with these two bytes."""
    assert [bucket(f"c_{number}", "exp_1") for number in (1, 2, 3)] == [9, 6, 87]


@pytest.mark.parametrize("control_pct", [1, 10, 50, 90, 99])
def test_the_split_is_what_was_configured(control_pct: int) -> None:
    arms = [arm_of(f"c_{number}", "exp_7", control_pct) for number in range(20_000)]
    assert arms.count("control") / len(arms) == pytest.approx(control_pct / 100, abs=0.012)


def test_a_customer_keeps_an_arm_and_experiments_split_independently() -> None:
    customers = [f"c_{number}" for number in range(20_000)]
    both = [arm_of(one, "exp_1", 50) == arm_of(one, "exp_2", 50) for one in customers]
    assert both.count(True) / len(both) == pytest.approx(0.5, abs=0.012)
    assert all(arm_of(one, "exp_1", 50) == arm_of(one, "exp_1", 50) for one in customers[:100])


def test_more_control_takes_nobody_out_of_it() -> None:
    for customer in map(str, range(500)):
        if arm_of(customer, "exp_1", 20) == "control":
            assert arm_of(customer, "exp_1", 60) == "control"


def test_without_a_customer_there_is_no_arm() -> None:
    assert assignment(experiment(), None) is None
    assert assignment(None, "c_1") is None


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ({}, {}, True),
        ({"method": "UPI"}, {}, True),
        ({"method": "UPI"}, {"method": "CARD"}, False),
        ({"merchant_id": "a"}, {"merchant_id": "b"}, False),
        ({"merchant_id": "a"}, {"method": "UPI"}, True),
        ({"merchant_id": "a", "method": "UPI"}, {"merchant_id": "a", "method": "UPI"}, True),
        ({"merchant_id": "a", "method": "UPI"}, {"merchant_id": "a", "method": "CARD"}, False),
    ],
)
def test_which_experiments_would_meet(one: dict[str, str], other: dict[str, str], meet: bool) -> None:
    assert overlap(experiment(**one), experiment(**other)) is meet
    assert overlap(experiment(**other), experiment(**one)) is meet


def test_which_experiment_covers_a_payment() -> None:
    trials = [experiment(experiment_id="a", method="CARD"), experiment(experiment_id="b", method="UPI", merchant_id="m_002")]
    assert covering(trials, "m_001", "UPI") is None
    assert [one.experiment_id for merchant in ("m_001", "m_002") if (one := covering(trials, merchant, "CARD"))] == ["a", "a"]
    assert (found := covering(trials, "m_002", "UPI"))
    assert found.experiment_id == "b"
