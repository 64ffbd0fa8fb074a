"""When a webhook is tried again, and when no more."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.schedule import (
    JITTER,
    RETRY_AFTER_MAX_S,
    Answer,
    Delivered,
    Gone,
    Parked,
    Retry,
    Verdict,
    judge,
    retry_after_s,
)
from services.notifier.wiring import NotifierSettings
from tests.domain.stand import NOW

SCHEDULE_S = (0.0, 5.0, 300.0)
MIDDLE = 0.5  # a draw that adds no jitter


def judged(answer: Answer, *, tries: int = 1, draw: float = MIDDLE) -> Verdict:
    return judge(answer, tries=tries, schedule_s=SCHEDULE_S, now=NOW, draw=draw)


def pause_s(verdict: Verdict) -> float:
    assert isinstance(verdict, Retry)
    return (verdict.due_at - NOW).total_seconds()


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_only_2xx_is_delivered(status: int) -> None:
    assert judged(Answer(status)) == Delivered(f"answered {status}")


@pytest.mark.parametrize("status", [100, 199, 300, 301, 307, 400, 401, 404, 429, 500, 503])
def test_everything_else_is_tried_again(status: int) -> None:
    assert judged(Answer(status)) == Retry(NOW + timedelta(seconds=5), f"answered {status}")


def test_no_answer_is_tried_again_with_its_reason() -> None:
    assert judged(Answer(None, error="TimeoutError"), tries=2) == Retry(NOW + timedelta(seconds=300), "TimeoutError")


def test_a_spent_schedule_parks_it() -> None:
    assert judged(Answer(500), tries=3) == Parked("answered 500; 3 tries made")
    assert judged(Answer(200), tries=3) == Delivered("answered 200")


@pytest.mark.parametrize(
    ("status", "asked_s", "waited_s"),
    [
        (429, 60.0, 60.0),
        (503, 60.0, 60.0),
        (429, 1.0, 5.0),
        (429, 1e9, RETRY_AFTER_MAX_S),
        (500, 60.0, 5.0),
        (429, None, 5.0),
    ],
)
def test_retry_after_is_honoured_within_bounds(status: int, asked_s: float | None, waited_s: float) -> None:
    assert pause_s(judged(Answer(status, retry_after_s=asked_s))) == waited_s


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 2))
def test_jitter_stays_within_its_share(draw: float, tries: int) -> None:
    planned_s = SCHEDULE_S[tries]
    assert planned_s * (1 - JITTER) - 1e-6 <= pause_s(judged(Answer(500), tries=tries, draw=draw)) <= planned_s * (1 + JITTER) + 1e-6


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        (" 120 ", 120.0),
        ("Mon, 05 Jan 2026 09:32:00 GMT", 120.0),
        ("Mon, 05 Jan 2026 09:29:00 GMT", 0.0),
        ("Monday, 05-Jan-26 09:32:00 GMT", 120.0),
        ("Mon, 05 Jan 2026 09:32:00 -0100", 3720.0),
        ("tomorrow", None),
        ("Mon, 99 Jan 2026 09:32:00 GMT", None),
        ("Mon, 05 Jan 99999999999999 09:32:00 GMT", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, now=NOW) == seconds


@given(st.text(max_size=80))
def test_no_header_breaks_a_try(header: str) -> None:
    found = retry_after_s(header, now=NOW)
    assert found is None or found >= 0


def test_gone_parks_at_once() -> None:
    assert judged(Answer(410)) == Gone("answered 410; the endpoint is disabled")


def test_an_absurd_retry_after_is_bounded() -> None:
    assert pause_s(judged(Answer(429, retry_after_s=retry_after_s("9" * 400, now=NOW)))) == RETRY_AFTER_MAX_S


def test_the_schedule_spans_three_days_of_silence() -> None:
    """0, 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h."""
    schedule_s = NotifierSettings.model_fields["webhook_schedule_s"].default
    assert schedule_s == (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)


@pytest.mark.parametrize("name", ["WEBHOOK_RETRY_INTERVALS_TEST", "PAYMESH_WEBHOOK_RETRY_INTERVALS_TEST"])
def test_a_schedule_to_try_things_out_with(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for needed in ("DATABASE_URL", "RABBITMQ_URL", "SECRETS_KEY"):
        monkeypatch.setenv(f"PAYMESH_{needed}", "-")
    monkeypatch.setenv("PAYMESH_WEBHOOK_SCHEDULE_S", "[0, 1]")
    assert NotifierSettings().schedule_s == (0, 1)
    monkeypatch.setenv(name, "true")
    assert NotifierSettings().schedule_s == (0, 5, 10, 15, 20)
