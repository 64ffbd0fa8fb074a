"""Choosing a gateway: who may take it, in what order, and that the decision says why."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.domain.selection import Gateway, Health, NoRoute, Route, Wish, choose, unfitness
from services.router.picture import Picture
from shared.contracts import GatewayHealth, HealthPicture, Money
from tests.domain.stand import AMOUNT, NOW, after

ALPHA = Gateway("alpha", frozenset({"UPI", "CARD"}), frozenset({"INR"}), 1, 100, 1_000_000, True)
BETA = replace(ALPHA, name="beta", priority=2)
GAMMA = replace(ALPHA, name="gamma", priority=3, methods=frozenset({"UPI"}))
ALL = (ALPHA, BETA, GAMMA)
WISH = Wish(AMOUNT, "UPI")

gateways = st.lists(
    st.builds(
        Gateway,
        name=st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon"]),
        methods=st.frozensets(st.sampled_from(["UPI", "CARD"])),
        currencies=st.frozensets(st.sampled_from(["INR", "USD"])),
        priority=st.integers(1, 3),
        amount_minor_min=st.sampled_from([1, 60_000]),
        amount_minor_max=st.sampled_from([40_000, 2**53]),
        enabled=st.booleans(),
    ),
    unique_by=lambda gateway: gateway.name,
    max_size=5,
)
wishes = st.builds(
    Wish,
    amount=st.just(AMOUNT),
    method=st.sampled_from(["UPI", "CARD"]),
    preferred=st.sampled_from([None, "alpha", "zeta"]),
    tried=st.frozensets(st.sampled_from(["alpha", "beta"])),
)
healths = st.dictionaries(
    st.sampled_from(["alpha", "beta", "gamma"]),
    st.integers(0, 40).flatmap(lambda seen: st.builds(Health, st.just(seen), st.integers(0, seen))),
)


def chosen(wish: Wish = WISH, health: dict[str, Health] | None = None, among: Any = ALL, age_s: float | None = 1.0) -> Route:
    decision = choose(wish, among, health or {}, picture_age_s=age_s)
    assert isinstance(decision, Route)
    return decision


@pytest.mark.parametrize(
    ("wish", "health", "first"),
    [
        (WISH, {}, "alpha"),
        (replace(WISH, tried=frozenset({"alpha"})), {}, "beta"),
        (replace(WISH, tried=frozenset({"alpha", "beta"})), {}, "gamma"),
        (replace(WISH, preferred="gamma"), {}, "gamma"),
        (replace(WISH, preferred="gamma", method="CARD"), {}, "alpha"),
        (replace(WISH, preferred="gamma", tried=frozenset({"gamma"})), {}, "alpha"),
        (replace(WISH, preferred="nobody"), {}, "alpha"),
        (WISH, {"alpha": Health(20, 9)}, "beta"),
        (WISH, {"alpha": Health(20, 10)}, "alpha"),
        (WISH, {"alpha": Health(9, 0)}, "alpha"),
        (WISH, {"alpha": Health(20, 0), "beta": Health(20, 0), "gamma": Health(20, 1)}, "alpha"),
        (replace(WISH, preferred="alpha"), {"alpha": Health(20, 0)}, "alpha"),
    ],
)
def test_who_comes_first(wish: Wish, health: dict[str, Health], first: str) -> None:
    assert chosen(wish, health).gateway == first


@pytest.mark.parametrize(
    ("gateway", "wish", "why"),
    [
        (ALPHA, WISH, None),
        (replace(ALPHA, enabled=False), WISH, "disabled"),
        (ALPHA, replace(WISH, tried=frozenset({"alpha"})), "already tried"),
        (GAMMA, replace(WISH, method="CARD"), "does not take CARD"),
        (ALPHA, replace(WISH, amount=Money(amount_minor=500, currency="USD")), "does not take USD"),
        (ALPHA, replace(WISH, amount=Money(amount_minor=99, currency="INR")), "amount outside its limits"),
        (ALPHA, replace(WISH, amount=Money(amount_minor=100, currency="INR")), None),
        (ALPHA, replace(WISH, amount=Money(amount_minor=1_000_001, currency="INR")), "amount outside its limits"),
    ],
)
def test_who_may_not_take_it(gateway: Gateway, wish: Wish, why: str | None) -> None:
    assert unfitness(gateway, wish) == why


def test_no_route_says_why_of_each() -> None:
    decision = choose(replace(WISH, method="CARD", tried=frozenset({"alpha"})), (ALPHA, GAMMA), {}, picture_age_s=1.0)
    assert decision == NoRoute("no gateway of 2 takes it: alpha: already tried; gamma: does not take CARD", decision.ranked)
    assert [(one.gateway, one.rank) for one in decision.ranked] == [("alpha", None), ("gamma", None)]


@pytest.mark.parametrize(("age_s", "said"), [(None, "no health picture yet"), (11.0, "health picture 11 s old")])
def test_a_missing_or_old_picture_is_said(age_s: float | None, said: str) -> None:
    assert said in chosen(age_s=age_s).reason


def test_a_fresh_picture_is_not() -> None:
    assert chosen(age_s=10.0).reason == "priority 1, first among 3 of 3"


def test_each_place_says_what_is_known() -> None:
    decision = chosen(health={"beta": Health(20, 19)})
    assert [one.reason for one in decision.ranked] == [
        "priority 1, too few samples to judge",
        "priority 2, 0.950 of 20 succeeded",
        "priority 3, too few samples to judge",
    ]


@given(wishes, gateways, healths, st.randoms(use_true_random=False))
def test_a_decision_is_fit_complete_and_the_same_in_any_order(
    wish: Wish, among: list[Gateway], health: dict[str, Health], chance: Any
) -> None:
    decision = choose(wish, among, health, picture_age_s=1.0)
    fit = {gateway.name for gateway in among if unfitness(gateway, wish) is None}
    assert isinstance(decision, Route) == bool(fit)
    assert sorted(one.gateway for one in decision.ranked) == sorted(gateway.name for gateway in among)
    assert [one.rank for one in decision.ranked if one.rank] == list(range(1, len(fit) + 1))
    assert {one.gateway for one in decision.ranked if one.rank} == fit
    if isinstance(decision, Route):
        assert decision.gateway == decision.ranked[0].gateway
        assert wish.preferred not in fit or decision.gateway == wish.preferred
    chance.shuffle(among)
    assert choose(wish, among, health, picture_age_s=1.0) == decision


def picture(epoch: int, succeeded: int) -> HealthPicture:
    return HealthPicture(
        epoch=epoch, as_of=NOW, gateways=(GatewayHealth(gateway="alpha", method="UPI", attributable=20, succeeded=succeeded),)
    )


def test_a_picture_of_an_older_leader_is_ignored() -> None:
    ours = Picture()
    for heard in (picture(2, 20), picture(1, 0)):
        ours.hear(heard.model_dump_json().encode())
    assert ours.health_of("UPI")["alpha"] == Health(20, 20)
    ours.hear(picture(2, 5).model_dump_json().encode())
    assert ours.health_of("UPI")["alpha"] == Health(20, 5)
    assert ours.health_of("CARD")["alpha"] == Health(0, 0)
    assert ours.age_s(after(7)) == 7


def test_no_picture_is_no_age() -> None:
    assert Picture().age_s(NOW) is None
    assert Picture().health_of("UPI")["alpha"].rate == 1.0


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff", b'{"kind":"health.picture.v2"}'])
def test_what_is_no_picture_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        Picture().hear(body)
