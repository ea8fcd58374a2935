"""The handles that a store gives for staged bodies: good for one write each."""

from __future__ import annotations

from dataclasses import replace

from gateway.stores.pachyderm.staging import PfsStaging
from gateway.stores.pachyderm.words import Staged
from gateway.versioning.model import Change, Put


class Handle:
    """A staged body that no write has taken yet."""

    __slots__ = ("_staged",)

    def __init__(self, staged: Staged) -> None:
        self._staged: Staged | None = staged

    def take(self) -> Staged:
        """The body, once. Whoever was refused stages again."""
        staged, self._staged = self._staged, None
        if staged is None:
            raise ValueError("this handle was used for a write already: stage its bytes again")
        return staged


class HandleStaging:
    """A body on its way in (versioning.store.Staging), which ends as a handle."""

    def __init__(self, staging: PfsStaging) -> None:
        self._staging = staging

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take more bytes, in order. The buffer may be reused after the call."""
        await self._staging.write(data)

    async def finish(self, sha256: bytes | None = None) -> Handle:
        """Make the bytes durable and return their handle."""
        return Handle(await self._staging.finish(sha256))

    async def abort(self) -> None:
        """Forget the bytes. Safe to call at any time; once a write has taken them, does nothing."""
        await self._staging.abort()


def taken(change: Change) -> Change:
    """The change with the body itself in the place of its handle."""
    if isinstance(change, Put) and isinstance(change.content, Handle):
        return replace(change, content=change.content.take())
    return change
