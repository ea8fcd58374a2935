"""Long reads: in threads, each with a connection and caches of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway.stores.timeline.database import connect
from gateway.stores.timeline.lines import Reader
from gateway.stores.timeline.state import States
from gateway.versioning.errors import Unavailable

READING_THREADS = 3

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Walker:
    """What a reading thread works with."""

    reader: Reader
    states: States


class Walkers:
    """A few reading threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._local = threading.local()
        self._all: list[Walker] = []
        self._threads = ThreadPoolExecutor(READING_THREADS, thread_name_prefix="labelgate-reader")

    async def walk(self, work: Callable[[Walker], _T]) -> _T:
        """Run a long read. Raises what `work` raises, Unavailable once the store is closed."""
        try:
            future = self._threads.submit(lambda: work(self._current()))
        except RuntimeError as error:
            raise Unavailable("the store is closed") from error
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Wait for the reads under way."""
        self._threads.shutdown()
        for walker in self._all:
            walker.reader.connection.close()

    def _current(self) -> Walker:
        walker = self._walker()
        if walker.reader.refresh():
            walker.states.forget()
        return walker

    def _walker(self) -> Walker:
        walker: Walker | None = getattr(self._local, "walker", None)
        if walker is None:
            reader = Reader(connect(self._file))
            walker = self._local.walker = Walker(reader, States(reader))
            self._all.append(walker)
        return walker
