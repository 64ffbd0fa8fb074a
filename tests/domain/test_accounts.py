"""Gateway accounts as their file names them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.accounts import load
from shared.gateways import CODECS
from shared.settings import Waiting
from tests.tidy.tree import ROOT

ONE = """
[alpha]
kind = "sandbox"
base_url = "${TEST_GATEWAY_HOST}/a"
api_key = "${TEST_GATEWAY_KEY}"
methods = ["UPI"]
currencies = ["INR"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateways.toml"
    path.write_text(ONE)
    return path


def test_values_come_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_GATEWAY_HOST", "http://gateway.example")
    monkeypatch.setenv("TEST_GATEWAY_KEY", "sk_1")
    (account,) = load(file)
    assert (account.name, account.base_url, account.api_key) == ("alpha", "http://gateway.example/a", "sk_1")
    assert account.missing_variables() == []


def test_what_the_environment_lacks_is_named_by_who_needs_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The router reads names and limits only: it starts without the gateways' keys."""
    monkeypatch.setenv("TEST_GATEWAY_HOST", "http://gateway.example")
    (account,) = load(file)
    assert account.missing_variables() == ["TEST_GATEWAY_KEY"]


@pytest.mark.parametrize(
    "change",
    [
        ("[alpha]", "[Alpha]"),
        ("[alpha]", '["a.b"]'),
        ("[alpha]", '["' + "a" * 32 + '"]'),
        ('kind = "sandbox"', ""),
        ('methods = ["UPI"]', 'methods = ["CASH"]'),
        ('currencies = ["INR"]', 'currencies = ["INR"]\npriorty = 1'),
    ],
)
def test_a_table_that_is_no_account_is_refused(file: Path, change: tuple[str, str]) -> None:
    file.write_text(ONE.replace(*change))
    with pytest.raises(ValidationError):
        load(file)


def test_the_accounts_that_come_with_it_speak_a_known_format() -> None:
    accounts = load(ROOT / "deploy" / "gateways.toml")
    assert len(accounts) >= 3
    assert {account.kind for account in accounts} <= set(CODECS)
    assert len({account.priority for account in accounts}) == len(accounts)


def test_those_of_one_machine_are_the_same_and_two_that_no_other_payment_meets() -> None:
    ours, local = load(ROOT / "deploy" / "gateways.toml"), load(ROOT / "deploy" / "local" / "gateways.toml")
    assert local[: len(ours)] == ours
    assert [(account.name, account.kind) for account in local[len(ours) :]] == [("razorpay", "razorpay"), ("stripe", "stripe")]
    taken = [currency for account in local for currency in account.currencies]
    assert [taken.count(currency) for account in local[len(ours) :] for currency in account.currencies] == [1, 1]


def test_the_example_asks_the_environment_for_keys_and_is_silent_of_webhooks_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ("RAZORPAY_BASE_URL", "RAZORPAY_KEY_ID", "RAZORPAY_KEY_SECRET", "STRIPE_BASE_URL", "STRIPE_SECRET_KEY")
    others = ("RAZORPAY_WEBHOOK_SECRET", "STRIPE_WEBHOOK_SECRET")
    for name in keys + others:
        monkeypatch.delenv(name, raising=False)
    example = ROOT / "deploy" / "gateways.example.toml"
    bare = load(example)
    assert [account.kind for account in bare] == ["razorpay", "stripe"]
    assert tuple(name for account in bare for name in account.missing_variables()) == keys
    assert [account.webhook_secrets() for account in bare] == [[], []]
    for name in keys:
        monkeypatch.setenv(name, f"a {name.lower()}")
    monkeypatch.setenv("RAZORPAY_WEBHOOK_SECRET", "new old")
    razorpay, stripe = load(example)
    assert razorpay.missing_variables() == stripe.missing_variables() == []
    assert (razorpay.webhook_secrets(), stripe.webhook_secrets()) == (["new", "old"], [])
    assert (razorpay.api_key, razorpay.key_secret) == ("a razorpay_key_id", "a razorpay_key_secret")


def test_how_long_a_gateway_may_take_has_a_short_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAYMESH_GATEWAY_TIMEOUT_MS", "GATEWAY_TIMEOUT_MS"):
        monkeypatch.delenv(name, raising=False)
    assert Waiting().gateway_timeout_ms == 2_500
    monkeypatch.setenv("GATEWAY_TIMEOUT_MS", "1200")
    assert Waiting().gateway_timeout_ms == 1_200
    monkeypatch.setenv("PAYMESH_GATEWAY_TIMEOUT_MS", "900")
    assert Waiting().gateway_timeout_ms == 900
