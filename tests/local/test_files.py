"""Small files change whole, and logs keep to a size."""

import stat
from pathlib import Path

from deploy.local.files import Remembered, keep_to_size, tail, write_atomically


def test_a_secret_file_is_for_its_owner_only(tmp_path: Path) -> None:
    write_atomically(tmp_path / "deep" / "secrets.json", "{}", mode=0o600)
    assert stat.S_IMODE((tmp_path / "deep" / "secrets.json").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["secrets.json"]


def test_a_value_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def make(known: object) -> int:
        made.append(1)
        return 7

    for _ in range(2):
        remembered: Remembered[int] = Remembered(tmp_path / "values.json")
        assert remembered.get("a", make) == 7
    assert made == [1]


def test_a_value_not_worth_keeping_is_made_again_from_the_others(tmp_path: Path) -> None:
    remembered: Remembered[int] = Remembered(tmp_path / "values.json")
    remembered.get("a", lambda _: 1)
    remembered.get("b", lambda _: 2)
    assert remembered.get("b", lambda known: sum(known.values()) * 10, keep=lambda value: value != 2) == 10
    assert remembered.all() == {"a": 1, "b": 10}


def test_a_log_over_its_limit_moves_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        assert not keep_to_size(log, limit_bytes=100)
        writer.write(b"y")
        assert keep_to_size(log, limit_bytes=100)
        writer.write(b"after\n")
    assert log.read_bytes() == b"after\n"
    assert (tmp_path / "api.log.1").stat().st_size == 101


def test_the_tail_is_the_last_lines_of_the_last_window(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    assert tail(log, 5) == []
    assert not keep_to_size(log)
    log.write_text("".join(f"line {number}\n" for number in range(1000)))
    assert tail(log, 2) == ["line 998", "line 999"]
    assert tail(log, 0) == []
    assert len(tail(log, 1000, window_bytes=90)) == 10
