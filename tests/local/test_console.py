"""Logs for people: readable, nothing lost, nothing twice."""

from pathlib import Path

from deploy.local.console import Follower, render


def test_a_json_line_becomes_columns() -> None:
    line = (
        '{"at": "2026-07-01T12:34:56.789012Z", "level": "warning", "event": "attempt late", "service": "executor", "ms": 12, "who": "a b"}'
    )
    assert render("executor", line).plain == '12:34:56.789 executor  warning attempt late ms=12 who="a b"'


def test_a_traceback_follows_below() -> None:
    text = render("api", '{"at": "", "level": "error", "event": "boom", "exception": "Traceback\\nValueError"}').plain
    assert text.endswith("boom \nTraceback\nValueError")


def test_what_is_no_json_object_stays_as_it_is() -> None:
    for line in ("Traceback (most recent call last):", "[1, 2]", "17", "[bold]not markup[/bold]"):
        assert render("postgres", line).plain.endswith(f"postgres  {line}")


def test_the_follower_gives_each_whole_line_once(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("old\n")
    follower = Follower({"api": log, "missing": tmp_path / "missing.log"})
    with log.open("a") as writer:
        writer.write("one\ntw")
        writer.flush()
        assert follower.lines() == [("api", "one")]
        writer.write("o\n")
        writer.flush()
        assert follower.lines() == [("api", "two")]
    assert follower.lines() == []


def test_the_follower_begins_again_in_a_log_that_was_cut(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("a long line that was there before\n")
    follower = Follower({"api": log})
    log.write_text("new\n")
    assert follower.lines() == [("api", "new")]


def test_a_log_that_comes_later_is_read_whole(tmp_path: Path) -> None:
    follower = Follower({"api": tmp_path / "api.log"})
    (tmp_path / "api.log").write_text("first\n")
    assert follower.lines() == [("api", "first")]
