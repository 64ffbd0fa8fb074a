"""Which behaviour an order meets: magic VPA, magic card, magic amount, then the account's rates."""

import re
from collections import Counter
from pathlib import Path
from statistics import quantiles

import pytest
from pydantic import ValidationError

from deploy.sandbox import magic, settings
from deploy.sandbox.behaviour import BEHAVIOURS, MESSAGES, SUCCEED
from deploy.sandbox.choice import Draw, choose, wait_s
from deploy.sandbox.order import Instrument
from deploy.sandbox.settings import Settings

DECLINING = Settings(rates={"decline": 1.0})
UPI = Instrument(type="UPI", vpa="asha@okbank")


def card(number: str) -> Instrument:
    return Instrument(type="card", number=number)


@pytest.mark.parametrize(
    ("vpa", "account", "behaviour"),
    [
        ("hang@sandbox", "alpha", "hang"),
        ("hang@sandbox", "gamma", "hang"),
        ("fail.alpha@sandbox", "alpha", "fail"),
        ("fail.alpha@sandbox", "beta", "succeed"),
        ("fail.alpha_decline.beta@sandbox", "beta", "decline"),
        ("fail.alpha_decline.beta@sandbox", "gamma", "succeed"),
        ("charge-then-500.alpha_fail@sandbox", "alpha", "charge-then-500"),
        ("charge-then-500.alpha_fail@sandbox", "beta", "fail"),
        ("fail_charge-then-500.alpha@sandbox", "alpha", "charge-then-500"),
        ("Fail.Alpha@Sandbox", "alpha", "fail"),
        ("success@razorpay", "alpha", "succeed"),
        ("failure@razorpay", "alpha", "decline"),
        ("success@sandbox", "alpha", "succeed"),
        ("failure.beta@sandbox", "beta", "decline"),
        ("asha@razorpay", "alpha", None),
        ("fail@okbank", "alpha", None),
    ],
)
def test_a_vpa_says_it_per_account(vpa: str, account: str, behaviour: str | None) -> None:
    found = magic.by_vpa(vpa, account)
    assert (found.name if found else None) == behaviour


@pytest.mark.parametrize("vpa", ["asha@sandbox", "fail.alpha_nonsense.beta@sandbox", "error_500@sandbox", "_@sandbox"])
def test_a_slip_of_the_pen_is_no_success_and_is_not_quoted(vpa: str) -> None:
    with pytest.raises(magic.UnknownMagic) as raised:
        magic.by_vpa(vpa, "alpha")
    assert vpa.split("@")[0] not in str(raised.value)


def test_every_behaviour_fits_into_a_vpa_that_an_edge_accepts() -> None:
    for name in BEHAVIOURS:
        assert re.fullmatch(r"[A-Za-z0-9.\-_]{2,256}@[A-Za-z0-9.\-]{2,64}", f"{name}.alpha_fail.beta@sandbox")
        assert not set(name) & set("._@")


def test_the_first_that_speaks_wins() -> None:
    vpa_and_number = Instrument(type="UPI", vpa="hang@sandbox", number=magic.card_of(1))
    assert choose(DECLINING, "alpha", vpa_and_number, 9_008, 0.5).name == "hang"
    assert choose(DECLINING, "alpha", card(magic.card_of(2)), 9_008, 0.5).name == "insufficient-funds"
    assert choose(DECLINING, "alpha", UPI, 129_008, 0.5).name == "fail"
    assert choose(DECLINING, "alpha", UPI, 49_900, 0.5).name == "decline"
    assert choose(DECLINING, "alpha", Instrument(type="UPI", vpa="succeed@sandbox"), 49_900, 0.5) is SUCCEED
    assert choose(Settings(magic_amounts=False), "alpha", UPI, 9_008, 0.5) is SUCCEED


def test_magic_cards_pass_a_luhn_check_and_differ() -> None:
    assert len(magic.CARDS) == len(magic.CODES) + 3
    for number in magic.CARDS:
        doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
        assert len(number) == 16
        assert sum(digit // 10 + digit % 10 for digit in doubled) % 10 == 0


def test_ordinary_cards_and_amounts_are_not_magic() -> None:
    for number in ("4100280000001007", "5500670000001002", "6527658900001005", "340256000401007"):
        assert choose(Settings(), "alpha", card(number), 49_900, 0.5) is SUCCEED
    for amount_minor in (1, 100, 9_900, 49_900, 99_900, 129_900, 9_500, 9_999, 19_000, 2**53 - 1):
        assert choose(Settings(), "alpha", UPI, amount_minor, 0.5) is SUCCEED


def test_draws_follow_the_rates_and_repeat() -> None:
    flaky = Settings(rates={"fail": 0.2, "charge_then_500": 0.1})

    def names(seed: int) -> list[str]:
        return [choose(flaky, "alpha", UPI, 100, Draw.of(seed, "alpha", f"ref-{n}").behaviour).name for n in range(4_000)]

    first = names(1)
    assert first == names(1)
    assert first != names(2)
    counts = Counter(first)
    assert set(counts) == {"fail", "charge-then-500", "succeed"}
    assert 700 < counts["fail"] < 900  # 800 expected; these draws are always the same
    assert 320 < counts["charge-then-500"] < 480


def test_latency_has_the_quantiles_it_was_given() -> None:
    spread = Settings(latency_ms_p50=40, latency_ms_p95=160)
    waits = [wait_s(spread, SUCCEED, Draw.of(0, "alpha", f"ref-{n}").latency) for n in range(4_000)]
    cuts = quantiles(waits, n=20)
    assert cuts[9] == pytest.approx(0.040, rel=0.1)
    assert cuts[18] == pytest.approx(0.160, rel=0.15)
    assert wait_s(Settings(latency_ms=25), SUCCEED, 0.0) == 0.025
    assert wait_s(Settings(late_s=7, latency_ms=25), BEHAVIOURS["late"], 0.0) == 7
    assert wait_s(Settings(slow_s=2), BEHAVIOURS["slow"], 0.0) == 2
    assert max(wait_s(spread, SUCCEED, draw) for draw in (0.0, 1 - 2**-48)) < 1


@pytest.mark.parametrize(
    "change",
    [
        {"rates": {"nonsense": 0.1}},
        {"rates": {"fail": 0.6, "decline": 0.6}},
        {"rates": {"fail": -0.1}},
        {"late_s": 1_000},
        {"hang_s": float("inf")},
        {"latency_ms_p50": 10},
        {"latency_ms_p50": 10, "latency_ms_p95": 5},
        {"latencyms": 3},
    ],
)
def test_settings_have_bounds(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings().changed(change)


def test_a_change_leaves_the_rest() -> None:
    changed = Settings(late_s=3, rates={"fail": 0.1}).changed({"seed": 7})
    assert (changed.late_s, changed.rates, changed.seed) == (3, {"fail": 0.1}, 7)


def test_the_accounts_file_is_good_enough_for_a_demonstration() -> None:
    accounts = settings.load()
    assert set(accounts) >= {"alpha", "beta", "gamma"}
    assert not accounts["alpha"].rates
    assert not accounts["beta"].rates
    assert sum(accounts["gamma"].rates.values()) <= 0.1


def test_accounts_call_back_below_their_names_unless_their_table_says_where(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text('[alpha]\n[beta]\nwebhook_url = "http://elsewhere"\nwebhook_delay_s = 0\n')
    assert {name: one.webhook_url for name, one in settings.load(file).items()} == {"alpha": None, "beta": "http://elsewhere"}
    accounts = settings.load(file, "http://edge/webhooks")
    assert (accounts["alpha"].webhook_url, accounts["alpha"].webhook_delay_s) == ("http://edge/webhooks/alpha", 1)
    assert (accounts["beta"].webhook_url, accounts["beta"].webhook_delay_s) == ("http://elsewhere", 0)


def test_the_page_names_everything() -> None:
    page = Path(settings.__file__).with_name("README.md").read_text()
    for code, name in magic.CODES.items():
        behaviour = BEHAVIOURS[name]
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"| {magic.AMOUNT_BASE + code} | {magic.card_of(code)} |" in row
        assert behaviour.code is None or f"`{behaviour.code}`" in row
    assert {*magic.CODES.values(), "succeed"} == set(BEHAVIOURS)
    assert {one.code for one in BEHAVIOURS.values() if one.code} == set(MESSAGES)
    for name in Settings.model_fields:
        assert f"`{name}`" in page
