"""No card number, VPA or secret leaves in a log line, and ids, times and amounts do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log import REDACTED, redact
from tests.domain.test_instruments import visa_numbers, vpas


def logged(**event: Any) -> Any:
    return redact(None, "info", event)


@given(visa_numbers, st.sampled_from(["{}", "card {} declined", "n={},x", "[{}]", "'{}'", "({})"]))
def test_a_card_number_never_leaves(number: str, around: str) -> None:
    spaced = " ".join(number[start : start + 4] for start in range(0, 16, 4))
    for spelling in (number, spaced, spaced.replace(" ", "-")):
        assert spelling not in str(logged(event="e", text=around.format(spelling)))
        assert spelling not in str(logged(event=around.format(spelling)))


@given(vpas.filter(lambda vpa: vpa.partition("@")[2][0].isalpha()), st.sampled_from(["{}", "for {}: no", "vpa={},", "<{}>"]))
def test_a_vpa_never_leaves(vpa: str, around: str) -> None:
    assert vpa not in str(logged(event="e", text=around.format(vpa)))


@pytest.mark.parametrize(
    "name", ["vpa", "card", "number", "card_number", "cvv", "secret", "api_secret", "Password", "authorization", "instrument", "api_key"]
)
def test_what_is_named_a_secret_never_leaves(name: str) -> None:
    assert logged(event="e", **{name: "anything"})[name] == REDACTED


@pytest.mark.parametrize(
    "hidden",
    [
        {"details": {"instrument": {"vpa": "alice@okhdfcbank"}}},
        {"details": {"deep": [{"text": "alice@okhdfcbank"}]}},
        {"items": ["4100280000001007"]},
        {"items": ("x", {"card": "4100280000001007"})},
        {"number": 4100280000001007},
        {"body": b'{"vpa": "alice@okhdfcbank", "number": "4100280000001007"}'},
    ],
)
def test_nothing_hides_inside(hidden: dict[str, Any]) -> None:
    said = str(logged(event="e", **hidden))
    assert "alice@okhdfcbank" not in said
    assert "4100280000001007" not in said
    assert REDACTED in said


@pytest.mark.parametrize(
    "value",
    [
        "01a1fda9-d127-7039-9417-cb03440231d0",
        "pay_0351NrGe9H9yQZS7KXDmJ7",
        "2026-01-05T09:30:00.123456+00:00",
        "2026-01-05 09:30:00",
        "attempt.execute.v1.alpha",
        "http://127.0.0.1:8080/api/v1/payments",
        "50000 INR",
        "max 9007199254740991x",
        7,
        12.5,
        None,
        True,
    ],
)
def test_what_is_no_secret_is_left_alone(value: Any) -> None:
    assert logged(event="e", text=value) == {"event": "e", "text": value}


def test_counters_named_number_are_left_alone() -> None:
    assert logged(event="delivery", number=3)["number"] == 3


def test_a_database_url_loses_its_password() -> None:
    assert "hunter2" not in str(logged(event="e", url="postgresql://paymesh:hunter2@db.example/paymesh_api"))
