"""An append-only file of JSON lines. A record is said to be written only once it is on disk; whoever judges the mesh judges by it."""

import asyncio
import fcntl
import os
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import orjson

Record = dict[str, Any]

# A flush costs 0.2 to 0.4 ms of CPU (two thread hops, write, fdatasync) whatever its size. An idle journal flushes at once, a busy one
# every 10 ms: at 1,000 records a second that makes it ten records and about 35 µs each.
FLUSH_EVERY_S = 0.010
RECENT_MAX = 50
CHUNK_BYTES = 4 * 2**20

_sync = getattr(os, "fdatasync", os.fsync)  # the size is metadata that fdatasync does write


class JournalError(Exception):
    """The file cannot be trusted: another process has it, a line in its middle is no record, or the disk refused a write."""


class Journal:
    """`key` names the field by which `find` finds records. One process at a time may have a file open."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.size = 0  # bytes known to be on disk: all that any reader is shown
        self.failure: str | None = None
        self.grown = asyncio.Event()  # set, and replaced by a fresh one, whenever records have been written
        self._places: dict[str, tuple[int, ...]] = {}
        self._recent: deque[int] = deque(maxlen=RECENT_MAX)
        self._pending: list[tuple[bytes, str | None, asyncio.Future[None]]] = []
        self._flushing = False
        self._flushed_at_s = 0.0
        self._idle = asyncio.Event()
        self._idle.set()

    def open(self, replay: Callable[[Record], None] = lambda record: None) -> None:
        """Hand every record to `replay`, cut off a last line that a crash tore, and be ready to append. Raises JournalError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = self.path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise JournalError(f"{self.path} belongs to a sandbox that is running") from error
        try:
            self._rebuild(replay)
        except JournalError:
            self._file.close()
            raise
        self._reader = self.path.open("rb")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        folder = os.open(self.path.parent, os.O_RDONLY)
        os.fsync(folder)  # the file's name must last as well
        os.close(folder)

    def _rebuild(self, replay: Callable[[Record], None]) -> None:
        with self.path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                try:
                    record = orjson.loads(line)
                    replay(record)
                except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                    raise JournalError(f"{self.path}: the line at byte {self.size} is no record of this journal") from error
                self._index(record.get(self.key), len(line))
        os.truncate(self._file.fileno(), self.size)

    def append(self, record: Mapping[str, Any]) -> asyncio.Future[None]:
        """Done when the record is on disk. Raises JournalError, also through the future."""
        if self.failure is not None:
            raise JournalError(self.failure)
        loop = asyncio.get_running_loop()
        written = loop.create_future()
        if not self._pending and not self._flushing:
            loop.call_later(max(0.0, self._flushed_at_s + FLUSH_EVERY_S - loop.time()), self._flush)
        self._pending.append((orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE), record.get(self.key), written))
        self._idle.clear()
        return written

    def _flush(self) -> None:
        batch, self._pending = self._pending, []
        self._flushing = True
        loop = asyncio.get_running_loop()
        self._flushed_at_s = loop.time()
        done = loop.run_in_executor(self._thread, self._write, b"".join([line for line, _, _ in batch]))
        done.add_done_callback(partial(self._settle, batch))

    def _write(self, data: bytes) -> None:
        while data:
            data = data[self._file.write(data) :]
        _sync(self._file.fileno())

    def _settle(self, batch: list[tuple[bytes, str | None, asyncio.Future[None]]], done: asyncio.Future[None]) -> None:
        self._flushing = False
        error = done.exception()
        if error is not None:  # what reached the disk is unknown, and nothing may follow a torn line: only a new start helps
            self.failure = f"{self.path}: {error}"
            batch, self._pending = batch + self._pending, []
        for line, key, written in batch:
            if error is None:
                self._index(key, len(line))
            if written.done():  # its waiter was cancelled
                continue
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(JournalError(self.failure))
        grown, self.grown = self.grown, asyncio.Event()
        grown.set()
        if self._pending:
            loop = asyncio.get_running_loop()
            loop.call_later(max(0.0, self._flushed_at_s + FLUSH_EVERY_S - loop.time()), self._flush)
        else:
            self._idle.set()

    def _index(self, key: str | None, length: int) -> None:
        if key is not None:
            self._places[key] = (*self._places.get(key, ()), self.size)
        self._recent.append(self.size)
        self.size += length

    def find(self, key: str, after: int = 0) -> list[Record]:
        """Every record of a key from byte offset `after` on, oldest first."""
        return [self._at(place) for place in self._places.get(key, ()) if place >= after]

    def recent(self) -> list[Record]:
        """The last RECENT_MAX records, newest first."""
        return [self._at(place) for place in reversed(self._recent)]

    def _at(self, place: int) -> Record:
        self._reader.seek(place)
        record: Record = orjson.loads(self._reader.readline())
        return record

    def read(self, after: int, limit: int) -> tuple[list[Record], int]:
        """Up to `limit` records from byte offset `after` on, and the offset to go on from. Raises ValueError for no record's start."""
        if after == self.size:
            return [], after
        self._reader.seek(max(0, after - 1))
        if not 0 <= after < self.size or (after and self._reader.read(1) != b"\n"):
            raise ValueError("not the offset of a record")
        chunk = self._reader.read(min(CHUNK_BYTES, self.size - after))
        records: list[Record] = []
        start = 0
        while len(records) < limit and (end := chunk.find(b"\n", start)) >= 0:
            records.append(orjson.loads(chunk[start:end]))
            start = end + 1
        return records, after + start

    async def until(self, look: Callable[[], bool], wait_s: float) -> None:
        """Return as soon as `look` is true, or when `wait_s` have passed. It looks again whenever the journal has grown."""
        deadline_s = asyncio.get_running_loop().time() + wait_s
        while True:
            grown, left_s = self.grown, deadline_s - asyncio.get_running_loop().time()
            if look() or left_s <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(grown.wait(), left_s)

    async def close(self) -> None:
        """Write what was taken in, then let go of the file."""
        await self._idle.wait()
        self._thread.shutdown()
        self._reader.close()
        self._file.close()
