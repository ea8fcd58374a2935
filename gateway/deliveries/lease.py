"""Of several processes on one data directory one delivers; the kernel says which."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

NAME = "deliveries.lock"
LOOK_S = 2.0


@asynccontextmanager
async def lease(folder: Path, *, look_s: float = LOOK_S) -> AsyncIterator[None]:
    """Hold the lease; waits for whoever has it. Released by the kernel when a process dies."""
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(look_s)
        yield
    finally:
        os.close(descriptor)
