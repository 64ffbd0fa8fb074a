"""Instruments: what is refused, what is recognised, and that no description names anybody."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.domain.instruments import BadInstrument, check_card, check_vpa, hints_of, luhn, network_of, number_of

TODAY = date(2026, 1, 5)
TEST_CARDS = {
    "4100280000001007": "VISA",
    "5500670000001002": "MASTERCARD",
    "6527658900001005": "RUPAY",
    "340256000401007": "AMEX",
}


def check_digit(body: str) -> str:
    return next(digit for digit in "0123456789" if luhn(body + digit))


def card(number: str, **more: Any) -> dict[str, Any]:
    return {"number": number, "expiry_month": 12, "expiry_year": 2030, **more}


visa_numbers = st.text("0123456789", min_size=14, max_size=14).map(lambda body: (number := f"4{body}") + check_digit(number))
vpas = st.builds(
    "{}@{}".format, st.from_regex(r"[A-Za-z0-9.\-_]{2,30}", fullmatch=True), st.from_regex(r"[A-Za-z0-9.\-]{2,20}", fullmatch=True)
)


@pytest.mark.parametrize(("number", "network"), TEST_CARDS.items())
def test_cards_that_gateways_document_are_taken(number: str, network: str) -> None:
    check_card(card(number), today=TODAY)
    assert network_of(number) == network


@given(st.text("0123456789", min_size=1, max_size=18))
def test_luhn_knows_one_check_digit_of_ten(body: str) -> None:
    assert sum(luhn(body + digit) for digit in "0123456789") == 1


@given(visa_numbers, st.integers(0, 15), st.integers(1, 9))
def test_luhn_notices_one_wrong_digit(number: str, place: int, off: int) -> None:
    wrong = number[:place] + str((int(number[place]) + off) % 10) + number[place + 1 :]
    assert not luhn(wrong)


@pytest.mark.parametrize(
    ("number", "network"),
    [
        ("2221000000000009", "MASTERCARD"),
        ("2230000000000008", "MASTERCARD"),
        ("2299999999999999", "MASTERCARD"),
        ("2720990000000007", "MASTERCARD"),
        ("2220990000000000", None),
        ("2721000000000000", None),
        ("5600000000000000", None),
        ("5081000000000000", "RUPAY"),
        ("6000000000000000", "RUPAY"),
        ("8100000000000000", "RUPAY"),
        ("370000000000000", "AMEX"),
        ("3700000000000000", None),
        ("4000000000000", "VISA"),
        ("400000000000000", None),
        ("4000000000000000000", "VISA"),
        ("3528000000000000", None),
    ],
)
def test_network_follows_the_range(number: str, network: str | None) -> None:
    assert network_of(number) == network


@given(st.integers(2221, 2720), st.text("0123456789", min_size=12, max_size=12))
def test_all_of_mastercards_second_range_is_mastercards(prefix: int, rest: str) -> None:
    assert network_of(f"{prefix}{rest}") == "MASTERCARD"


@pytest.mark.parametrize(
    "number",
    [
        "4100280000001008",  # check digit
        "41002800000010",  # length of no card of this network
        "3528000000000007",  # a network that is not taken
        "4100 2800 0000 1007",
        "４１００２８００００００１００７",  # digits, but not ASCII's: one card would have two fingerprints
        "4" + "١٠٠٢٨٠٠٠٠٠٠١٠٠٧".rjust(15, "٠"),
        "",
        "4" * 20,
    ],
)
def test_what_is_no_card_is_refused(number: str) -> None:
    with pytest.raises(BadInstrument) as refused:
        check_card(card(number), today=TODAY)
    assert not number or number not in str(refused.value)


@pytest.mark.parametrize(
    ("year", "month", "expired"), [(2026, 1, False), (2025, 12, True), (2026, 2, False), (2025, 1, True), (2027, 1, False)]
)
def test_a_card_is_good_until_its_month_is_over(year: int, month: int, expired: bool) -> None:
    ours = card("4100280000001007", expiry_year=year, expiry_month=month)
    if expired:
        with pytest.raises(BadInstrument, match="expired"):
            check_card(ours, today=TODAY)
    else:
        check_card(ours, today=TODAY)


@given(vpas)
def test_vpas_are_taken(vpa: str) -> None:
    check_vpa(vpa)


@pytest.mark.parametrize(
    "vpa", ["", "a@upi", "alice", "@upi", "alice@", "alice@u", "al ice@upi", "alice@upi\n", "alice@up@i", "ålice@upi", "a" * 257 + "@upi"]
)
def test_what_is_no_vpa_is_refused(vpa: str) -> None:
    with pytest.raises(BadInstrument) as refused:
        check_vpa(vpa)
    assert "alice" not in str(refused.value)


@given(visa_numbers)
def test_a_described_card_shows_four_digits(number: str) -> None:
    hints = hints_of({"type": "CARD", **card(number)}, "fp")
    assert hints.masked == f"•••• {number[-4:]}"
    assert (hints.network, hints.fingerprint) == ("VISA", "fp")
    assert number[:-4] not in hints.model_dump_json()


@given(vpas)
def test_a_described_vpa_shows_its_handle_and_one_letter(vpa: str) -> None:
    hints, (name, _, handle) = hints_of({"type": "UPI", "vpa": vpa}, "fp"), vpa.partition("@")
    assert hints.masked == f"{name[0]}•••@{handle}"
    assert vpa not in hints.model_dump_json()


@pytest.mark.parametrize(
    ("instrument", "bank", "masked"),
    [
        ({"type": "UPI", "vpa": "alice@OKHDFCBANK"}, "HDFC", "a•••@OKHDFCBANK"),
        ({"type": "UPI", "vpa": "alice@unheardof"}, None, "a•••@unheardof"),
        ({"type": "CARD", "number": "4100280000001007"}, "HDFC", "•••• 1007"),
        ({"type": "CARD", "number": "4000000000000002"}, None, "•••• 0002"),
        ({"type": "NETBANKING", "bank": "icici"}, "ICICI", "ICICI"),
        ({"type": "WALLET", "wallet": "paytm"}, None, "PAYTM"),
        ({}, None, None),
    ],
)
def test_hints(instrument: dict[str, Any], bank: str | None, masked: str | None) -> None:
    hints = hints_of(instrument, None)
    assert (hints.bank, hints.masked) == (bank, masked)


def test_what_makes_two_instruments_the_same() -> None:
    assert number_of({"type": "CARD", "number": "41"}) == "41"
    assert number_of({"type": "UPI", "vpa": "a@b"}) == "a@b"
    assert number_of({"type": "WALLET", "wallet": "paytm"}) is None
