"""A pachd for tests: the in-repo fake in a thread, or a real one where an address is given."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from fake_pachd import FakePachd

REAL = "LABELGATE_TEST_PACHD"
"""The environment variable that names a real pachd, host:port."""

_T = TypeVar("_T")


class FakeInThread:
    """A fake pachd for tests that block: its loop runs in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.fake: FakePachd = self.run(self._made())
        self.address: str = self.run(self.fake.start())

    @staticmethod
    async def _made() -> FakePachd:
        from fake_pachd import FakePachd

        return FakePachd()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something with the fake where it lives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self.run(self.fake.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def fake_pachd_in_thread() -> Iterator[FakeInThread]:
    """A fresh fake."""
    made = FakeInThread()
    try:
        yield made
    finally:
        made.close()


@contextmanager
def any_pachd() -> Iterator[str]:
    """The address of the real pachd that the environment names, else of a fresh fake."""
    real = os.environ.get(REAL)
    if real:
        yield real
        return
    with fake_pachd_in_thread() as made:
        yield made.address


def environment(address: str) -> dict[str, str]:
    """What a gateway process needs to run in front of that pachd."""
    return {"LABELGATE_STORE": "pachyderm", "LABELGATE_PACHD_ADDRESS": address}
