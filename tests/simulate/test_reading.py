"""Worlds from TOML: what a file says is what is played, and what makes no sense is refused with its place."""

from pathlib import Path
from typing import Any

import pytest

from deploy.simulate.chance import random_worlds
from deploy.simulate.reading import BadWorld, check, read_world, read_worlds, world_of
from deploy.simulate.world import DEFAULTS, World

FOLDER = Path(__file__).parents[2] / "deploy" / "simulate" / "worlds"


def world(*pieces: dict[str, Any], **more: Any) -> World:
    mix = {"methods": {"UPI": 0.7, "CARD": 0.3}, "banks": {"hdfc": 0.5, "none": 0.5}}
    return world_of("one", {"duration_s": 600, "payments_per_s": 5, "mix": mix, "gateways": {"alpha": {"pieces": list(pieces)}}, **more})


def test_what_is_left_out_has_a_default() -> None:
    only = world_of("bare", {"duration_s": 60, "payments_per_s": 1, "gateways": {"alpha": {}}})
    assert only.kinds == [("UPI", None)]
    assert only.gateways[0].figures(0, "UPI", None) == DEFAULTS


def test_later_pieces_win_figure_by_figure_where_they_apply() -> None:
    gateway = world(
        {"success": 0.9, "timeout": 0.02},
        {"from_s": 100, "to_s": 200, "success": 0.5},
        {"from_s": 100, "to_s": 200, "method": "CARD", "bank": "hdfc", "timeout": 0.3},
    ).gateways[0]
    seen = {
        (at_s, method, bank): (found["success"], found["timeout"])
        for at_s in (99.9, 100, 200)
        for method, bank in (("UPI", "hdfc"), ("CARD", "hdfc"), ("CARD", None))
        for found in [gateway.figures(at_s, method, bank)]
    }
    assert {key: value for key, value in seen.items() if value != (0.9, 0.02)} == {
        (100, "UPI", "hdfc"): (0.5, 0.02),
        (100, "CARD", "hdfc"): (0.5, 0.3),
        (100, "CARD", None): (0.5, 0.02),
    }


def test_what_drifts_is_linear() -> None:
    gateway = world({"from_s": 100, "to_s": 300, "success": 0.9, "end": {"success": 0.5}}).gateways[0]
    assert [gateway.figures(at_s, "UPI", None)["success"] for at_s in (100, 200)] == [0.9, pytest.approx(0.7)]


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        ({"sucess": 0.9}, r"pieces\[0\]: unknown 'sucess'"),
        ({"success": 1.1}, r"pieces\[0\]\.success: 1\.1 is not 0 or more and at most 1"),
        ({"success": "0.9"}, "a number is wanted"),
        ({"success": True}, "a number is wanted"),
        ({"timeout": float("nan")}, "a number is wanted"),
        ({"latency_ms_p50": 0}, "is not above 0"),
        ({"latency_ms_p50": 1000, "latency_ms_p95": 900}, "is above latency_ms_p95"),
        ({"success": 0.98}, "success . user_decline . timeout is 1.04, more than 1"),
        ({"success": 0.9, "end": {"success": 0.99}}, "more than 1"),
        ({"end": {"success": 0.5}}, "no value to begin with"),
        ({"from_s": 200, "to_s": 100}, "from_s 200 is not before to_s 100"),
        ({"method": "WALLET", "success": 0.5}, r"'WALLET' is not in mix\.methods"),
        ({"bank": "sbi", "success": 0.5}, r"'sbi' is not in mix\.banks"),
        ({"bank": "none"}, r"'none' is not in mix\.banks \(hdfc\)"),
        ({"bank": 7}, "a name is wanted"),
    ],
)
def test_a_piece_that_makes_no_sense_is_refused(piece: dict[str, Any], says: str) -> None:
    with pytest.raises(BadWorld, match=says):
        world(piece)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"duration_s": 0}, r"world\.duration_s: 0 is not above 0"),
        ({"payments_per_s": None}, "payments_per_s is missing"),
        ({"gateways": {}}, "gateways: there is none"),
        ({"mix": {"methods": {"CASH": 1}}}, "no method 'CASH'"),
        ({"mix": {"amounts": {"1.50": 1}}}, "no amount in minor units"),
        ({"mix": {"banks": {"hdfc": 0}}}, "no weight above 0"),
        ({"mix": {"amounts": {"9007199254740992": 1}}}, "no amount in minor units"),
        ({"mix": {"amounts": {"9" * 5000: 1}}}, "no amount in minor units"),
        ({"duration_s": 10**400}, r"world\.duration_s: .* and at most 1e\+15"),
        ({"gateways": {"alpha": {"fee_fixed_minor": 2**53}}}, r"gateways\.alpha\.fee_fixed_minor: .* and at most 9"),
        ({"payments_per_s": 0.08}, "is 48 payments; at least 50 are wanted"),
        ({"speed": 2}, "world: unknown 'speed'"),
        ({"mix": [{"method": "UPI", "weight": 1}]}, r"mix: a table is wanted; write \[mix\] with methods = "),
        ({"mix": {"methods": [{"name": "UPI", "weight": 1}]}}, r"mix\.methods: a table of weights is wanted; write"),
        ({"mix": {"banks": "hdfc"}}, r"mix\.banks: a table of weights is wanted; write"),
        ({"gateways": [{"name": "alpha"}, {"name": "alpha"}]}, "each of a list needs a name of its own"),
        ({"gateways": [{"pieces": []}]}, "each of a list needs a name of its own"),
    ],
)
def test_a_world_that_makes_no_sense_is_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(BadWorld, match=says):
        world(**more)


BY_HAND = """
duration_s = 600
payments_per_s = 2.0
mix = { methods = { UPI = 0.7, CARD = 0.3 }, banks = { hdfc = 1, sbi = 1 }, amounts = { 50000 = 3, 250000 = 1 } }

[gateways.one]
fee = 0.02
pieces = [
  { from_s = 0, to_s = 300, success = 0.9, user_decline = 0.05, timeout = 0.01, latency_ms_p50 = 300, latency_ms_p95 = 900 },
  { from_s = 300, to_s = 600, method = "UPI", bank = "sbi", success = 0.4, user_decline = 0.05, timeout = 0.3 },
]

[[gateways.two.pieces]]
from_s = 0
to_s = 600
success = 0.85
user_decline = 0.05
timeout = 0.02
latency_ms_p50 = 500
latency_ms_p95 = 1500
"""


def test_a_world_written_by_hand_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(BY_HAND)
    (one,) = read_worlds(tmp_path)
    assert (one.name, one.duration_s, [gateway.name for gateway in one.gateways]) == ("mine", 600, ["one", "two"])
    assert one.gateways[0].figures(400, "UPI", "sbi")["success"] == 0.4
    assert one.amounts_minor == {50_000: 3, 250_000: 1}


def test_gateways_may_be_a_list_and_mixes_stand_beside_it() -> None:
    plain = world({"success": 0.9})
    said = {"duration_s": 600, "payments_per_s": 5, "methods": {"UPI": 0.7, "CARD": 0.3}, "banks": {"hdfc": 0.5, "none": 0.5}}
    assert world_of("one", {**said, "gateways": [{"name": "alpha", "pieces": [{"success": 0.9}]}]}) == plain


def test_an_error_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("duration_s = ")
    with pytest.raises(BadWorld, match=r"broken\.toml"):
        read_world(file)
    with pytest.raises(BadWorld, match="no world there"):
        read_worlds(tmp_path / "nowhere")


def test_the_worlds_of_the_house_are_long_enough() -> None:
    worlds = read_worlds(FOLDER)
    assert len(worlds) >= 12
    assert all(one.duration_s >= 3600 and one.payments_per_s >= 5 and one.about for one in worlds)


def test_worlds_made_by_chance_make_sense_and_can_be_had_again() -> None:
    worlds = random_worlds(30, 1)
    for one in worlds:
        check(one)
    assert worlds == random_worlds(30, 1)
    assert worlds != random_worlds(30, 2)
