"""Ports are picked once, remembered, and given up to strangers only."""

import socket
from pathlib import Path

import pytest

from deploy.local.ports import FIRST_PORT, LAST_PORT, Ports, is_free


def test_a_port_is_remembered_by_the_next_runner(tmp_path: Path) -> None:
    port = Ports(tmp_path).of("api")
    assert FIRST_PORT <= port <= LAST_PORT
    assert Ports(tmp_path).of("api") == port


def test_every_name_has_its_own(tmp_path: Path) -> None:
    ports = Ports(tmp_path)
    names = ["api", "sandbox", "postgres", "rabbitmq", "epmd"]
    assert len({ports.of(name) for name in names}) == len(names)


def test_it_moves_when_a_stranger_took_the_port(tmp_path: Path) -> None:
    port = Ports(tmp_path).of("api")
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        moved = Ports(tmp_path).of("api")
        assert moved != port
    assert Ports(tmp_path).of("api") == moved


def test_it_stays_when_our_own_program_listens_there(tmp_path: Path) -> None:
    port = Ports(tmp_path).of("postgres")
    ports = Ports(tmp_path, free=lambda _: False)
    assert ports.of("postgres", ours=True) == port
    assert ports.last("postgres") == port


def test_preferred_ports_are_taken_when_free_only(tmp_path: Path) -> None:
    assert Ports(tmp_path / "a", {"api": 8080}, free=lambda _: True).of("api") == 8080
    assert Ports(tmp_path / "b", {"api": 8080}, free=lambda port: port != 8080).of("api") != 8080


def test_two_instances_begin_at_different_places(tmp_path: Path) -> None:
    first, second = (Ports(tmp_path / name, free=lambda _: True).of("api") for name in ("one", "two"))
    assert first != second


def test_a_full_range_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no free port"):
        Ports(tmp_path, free=lambda _: False).of("api")


def test_a_spoilt_file_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")
    assert FIRST_PORT <= Ports(tmp_path).of("api") <= LAST_PORT


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port: int = listener.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)
