"""When a webhook is tried again, and when no more."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.schedule import JITTER, RETRY_AFTER_MAX_S, Answer, Delivered, Parked, Retry, Verdict, judge
from services.notifier.sender import retry_after_s
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
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds


def test_an_absurd_retry_after_is_bounded() -> None:
    assert pause_s(judged(Answer(429, retry_after_s=retry_after_s("9" * 400)))) == RETRY_AFTER_MAX_S


def test_the_schedule_spans_three_days_of_silence() -> None:
    """0, 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h."""
    schedule_s = NotifierSettings.model_fields["webhook_schedule_s"].default
    assert schedule_s == (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
