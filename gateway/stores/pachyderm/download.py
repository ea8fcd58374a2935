"""The bytes of one content as pachd sends them, whatever calls it takes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress

from gateway.stores.pachyderm.faults import NotFound, PfsError, refused
from gateway.stores.pachyderm.pfs import Pfs, Place
from gateway.stores.pachyderm.words import Content
from gateway.versioning.errors import Corrupt, StoreError

_REMOVED = frozenset({"project", "repo", "branch", "commit"})


class Download:
    """A content from `position` on, in order.

    A call that breaks off after it gave bytes is made again for the rest. One that gave nothing is
    made in the next place: the bytes of a commit under way are asked of its file set first, which
    pachd may have forgotten, then of the commit.
    """

    def __init__(
        self, pfs: Pfs, content: Content, position: int, file_set: str | None = None
    ) -> None:
        self._pfs = pfs
        self._content = content
        self._places = [Place(content.repo, content.commit)]
        if file_set:
            self._places.insert(0, Place.of_file_set(file_set))
        self._call: AsyncGenerator[bytes, None] | None = None
        self._progress = False
        self._rest = memoryview(b"")
        self.position = position

    @property
    def ready(self) -> int:
        """How many bytes `take` can give without waiting."""
        return len(self._rest)

    async def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises Corrupt (pachd has fewer or more bytes than were written, or none: what held them was
        removed there), Unavailable and what else `faults.refused` makes of its answer.
        """
        # PFS takes a negative offset so badly that pachd exits: none is ever sent.
        if not 0 <= self.position <= self.position + size <= self._content.size:
            raise ValueError(f"no {size} bytes at {self.position} of {self._content.size}")
        parts = []
        while size:
            if not self._rest:
                self._rest = memoryview(await self._next_message())
            part = self._rest[:size]
            parts.append(part)
            self._rest = self._rest[len(part) :]
            self.position += len(part)
            size -= len(part)
        if self.position == self._content.size:
            await self._expect_end()
        return b"".join(parts)

    def trim(self) -> None:
        """Let go of a message of which only the end is still wanted."""
        self._rest = memoryview(bytes(self._rest))

    async def close(self) -> None:
        """Cancel the call, if one is under way. The download may go on: it makes another."""
        call, self._call = self._call, None
        if self._rest:
            self._rest = memoryview(b"")
        if call is not None:
            await call.aclose()

    async def _next_message(self) -> bytes:
        while True:
            cause: PfsError | None = None
            try:
                message = await self._receive()
            except PfsError as error:
                failure, cause = self._failure(error), error
            else:
                if message:
                    self._progress = True
                    return message
                failure = self._wrong("ends too early")
            await self.close()
            if self._progress:
                self._progress = False
            elif len(self._places) > 1:
                del self._places[0]
            else:
                raise failure from cause

    async def _receive(self) -> bytes:
        """The next message that holds bytes; empty at the end."""
        if self._call is None:
            self._call = self._pfs.get_file(self._places[0], self._content.path, self.position)
        async for message in self._call:
            if message:
                return message
        return b""

    async def _expect_end(self) -> None:
        more = self.ready > 0
        if not more and self._call is not None:
            with suppress(PfsError):  # every byte is here; how the call ends is of no interest
                more = bool(await self._receive())
        await self.close()
        if more:
            raise self._wrong("goes on behind its end")

    def _wrong(self, what: str) -> Corrupt:
        content = self._content
        return Corrupt(
            f"{content.path!r} of commit {content.commit} in {content.repo} {what}: "
            f"{content.size} bytes were written"
        )

    def _failure(self, error: PfsError) -> StoreError:
        content = self._content
        if isinstance(error, NotFound) and error.what in _REMOVED:
            return Corrupt(
                f"commit {content.commit} of {content.repo} was removed in Pachyderm, and with it "
                f"the bytes of {content.path!r}"
            )
        if isinstance(error, NotFound) and error.what == "file":
            return Corrupt(
                f"{content.path!r} is no longer in commit {content.commit} of {content.repo} in "
                "Pachyderm"
            )
        return refused(error)
