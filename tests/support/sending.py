"""Files as pachd sends them, by a stand-in that tells what was asked of it."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import grpc

from gateway.stores.pachyderm.contents import PIECE_BYTES, Contents
from gateway.stores.pachyderm.faults import NotFound, PfsError, Unreachable
from gateway.stores.pachyderm.pfs import Place
from gateway.stores.pachyderm.words import Content
from gateway.versioning.names import CommitId, RepoName

REPO = RepoName("labels")
COMMIT = CommitId("c" * 32)
PLENTY = 1 << 30
KIB = 1024
UNREACHABLE = Unreachable(grpc.StatusCode.UNAVAILABLE, "connection refused", sent=True)


def missing(what: Any) -> NotFound:
    return NotFound(grpc.StatusCode.NOT_FOUND, f"{what} not found", what)


@dataclass
class Call:
    """One GetFile: what was asked, how much was sent, and whether it was given up."""

    at: Place
    offset: int
    sent: int = 0
    given_up: bool = False
    over: bool = False


@dataclass
class Sender:
    """Stands in for Pfs: files by place, in messages of `message_bytes`."""

    files: dict[tuple[Place, str], bytes] = field(default_factory=dict)
    message_bytes: int = 19 * KIB * KIB
    calls: list[Call] = field(default_factory=list)
    gate: asyncio.Event | None = None
    fail: Callable[[Call], PfsError | None] = lambda call: None

    async def get_file(self, at: Place, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        call = Call(at, offset)
        self.calls.append(call)
        try:
            data = self.files.get((at, path))
            if data is None:
                raise missing("file")
            assert offset >= 0, "this ends a pachd"
            while True:
                if self.gate is not None:
                    await self.gate.wait()
                error = self.fail(call)
                if error is not None:
                    raise error
                message = data[offset : offset + self.message_bytes]
                if not message:
                    return
                offset += len(message)
                call.sent += len(message)
                yield message
        except (GeneratorExit, asyncio.CancelledError):
            call.given_up = True
            raise
        finally:
            call.over = True

    def add(self, data: bytes, path: str = "/a", at: Place | None = None) -> Content:
        self.files[at or Place(REPO, COMMIT), path] = data
        return Content(REPO, COMMIT, path, len(data), hashlib.sha256(data).digest())


def opened(
    sender: Sender, folder: Path, bytes_max: int = PLENTY, block_bytes: int = 1024 * KIB
) -> Contents:
    return Contents(cast("Any", sender), folder, bytes_max, block_bytes=block_bytes)


async def get(
    contents: Contents,
    content: Content,
    start: int = 0,
    stop: int | None = None,
    file_set: str | None = None,
) -> bytes:
    stop = content.size if stop is None else stop
    given = await contents.read(content, start, stop, file_set=file_set)
    if isinstance(given, bytes):
        assert len(given) <= PIECE_BYTES
        return given
    pieces = [piece async for piece in given]
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


async def begun(contents: Contents, content: Content) -> AsyncGenerator[bytes, None]:
    """A reader of all of it that has its first piece."""
    given = await contents.read(content, 0, content.size)
    assert not isinstance(given, bytes)
    await anext(given)
    return cast("AsyncGenerator[bytes, None]", given)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for knows of no event
            await asyncio.sleep(0.002)


BIG = random.Random(1).randbytes(3 * KIB * KIB + 12_345)


def stored(folder: Path) -> list[Path]:
    """The files of a cache."""
    return [path for path in folder.rglob("*") if path.is_file()]
