"""Small files of an instance: replaced whole or not at all, and logs that keep to a size."""

import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

LOG_LIMIT_BYTES = 32 * 1024 * 1024  # per program, and as much again for the one older copy


def write_atomically(file: Path, text: str, mode: int = 0o644) -> None:
    """Readers see the old text or the new one; a crash leaves no half file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_native_id()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    os.replace(new, file)


class Remembered(Generic[T]):
    """Names and values in one small JSON file, each made on first use. Safe between threads; between processes the instance's lock is."""

    _lock = threading.Lock()

    def __init__(self, file: Path, mode: int = 0o644) -> None:
        self._file = file
        self._mode = mode

    def all(self) -> dict[str, T]:
        """Everything remembered; nothing when the file is missing or spoilt."""
        try:
            known: dict[str, T] = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return known

    def get(self, name: str, make: Callable[[Mapping[str, T]], T], keep: Callable[[T], bool] = lambda _: True) -> T:
        """What is remembered under the name if it is worth keeping, else what `make` makes of the others, remembered from now on."""
        with self._lock:
            known = self.all()
            if name in known and keep(known[name]):
                return known[name]
            known.pop(name, None)
            known[name] = make(known)
            write_atomically(self._file, json.dumps(known, indent=1), self._mode)
            return known[name]


def keep_to_size(log: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> bool:
    """Move what a log holds to `<log>.1` once it is over the limit, and say whether it did.

    Copy and truncate, because the writing process keeps the file open (for appending, so it goes on at the new end); lines written
    between the two are lost, which a log of a development machine may.
    """
    try:
        if log.stat().st_size <= limit_bytes:
            return False
    except FileNotFoundError:
        return False
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
    return True


def tail(log: Path, lines: int, window_bytes: int = 256 * 1024) -> list[str]:
    """The last lines of a log, read from its last `window_bytes` only."""
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - window_bytes))
            text = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:] if lines > 0 else []
