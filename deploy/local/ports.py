"""Ports of an instance: picked once, remembered, and given up only to a stranger who took them meanwhile."""

import socket
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.local.files import Remembered

# Below Linux's ephemeral range (32768 up): no outgoing connection of this machine can occupy one of ours between two starts.
FIRST_PORT, LAST_PORT = 20_000, 31_999
# What a person sees in the README and types; only the default instance asks for these.
PREFERRED: Mapping[str, int] = {"api": 8080, "sandbox": 8081}


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 now. TIME_WAIT of an earlier server does not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Ports:
    """The remembered ports of one instance, in `ports.json` of its folder."""

    def __init__(self, folder: Path, preferred: Mapping[str, int] | None = None, free: Callable[[int], bool] = is_free) -> None:
        self._remembered: Remembered[int] = Remembered(folder / "ports.json")
        self._preferred = preferred or {}
        self._free = free
        # Two checkouts or instances start searching at different places, so that they do not race for one port.
        self._first = FIRST_PORT + zlib.crc32(str(folder.resolve()).encode()) % (LAST_PORT - FIRST_PORT + 1)

    def remembered(self) -> dict[str, int]:
        """Every name that has a port."""
        return self._remembered.all()

    def last(self, name: str) -> int:
        """The remembered port of `name`, whoever uses it now; a fresh one if there is none."""
        return self._remembered.get(name, lambda known: self._pick(name, known))

    def of(self, name: str, *, ours: bool = False) -> int:
        """The port of `name`. `ours`: our own program listens there already, so being taken is no reason to move.

        Raises OSError when the whole range is taken.
        """
        return self._remembered.get(name, lambda known: self._pick(name, known), keep=lambda port: ours or self._free(port))

    def _pick(self, name: str, known: Mapping[str, int]) -> int:
        taken = set(known.values())
        span = LAST_PORT - FIRST_PORT + 1
        candidates = [self._preferred[name]] if name in self._preferred else []
        candidates += [FIRST_PORT + (self._first - FIRST_PORT + step) % span for step in range(span)]
        for port in candidates:
            if port not in taken and self._free(port):
                return port
        raise OSError(f"no free port between {FIRST_PORT} and {LAST_PORT}")
