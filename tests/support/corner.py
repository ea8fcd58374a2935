"""A corner of a real pachd: what a test sees as all of it lies in projects of its own.

Projects get a prefix on their way out and lose it on their way in, `default` included; what is in
other projects is not seen.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from google.protobuf.message import Message

from gateway.stores.pachyderm import pfs_pb2 as wire
from gateway.stores.pachyderm.channel import Pachd
from gateway.stores.pachyderm.target import Target

FILE_SETS = "__filesets__"


def new_prefix() -> str:
    """A prefix that no other test has."""
    return f"t{secrets.token_hex(5)}-"


class Corner(Pachd):
    """A pachd whose projects all begin with `prefix`."""

    def __init__(self, target: Target, prefix: str) -> None:
        super().__init__(target)
        self.prefix = prefix

    async def unary(self, method: str, request: Any, response_type: Any, **more: Any) -> Any:
        answer = await super().unary(method, self._out(request), response_type, **more)
        return self._in(answer)

    async def stream(
        self, method: str, request: Any, response_type: Any, **more: Any
    ) -> AsyncGenerator[Any, None]:
        async for answer in super().stream(method, self._out(request), response_type, **more):
            if self._seen(answer):
                yield self._in(answer)

    async def upload(
        self, method: str, messages: AsyncIterable[Message], response_type: Any, **more: Any
    ) -> Any:
        async def mapped() -> AsyncGenerator[Message, None]:
            async for message in messages:
                yield self._out(message)

        return self._in(await super().upload(method, mapped(), response_type, **more))

    def _out(self, message: Any) -> Any:
        copied = type(message)()
        copied.CopyFrom(message)
        self._rename(copied, lambda name: self.prefix + (name or "default"))
        return copied

    def _in(self, message: Any) -> Any:
        self._rename(message, lambda name: name.removeprefix(self.prefix))
        return message

    def _seen(self, message: Any) -> bool:
        names: list[str] = []
        if isinstance(message, wire.RepoInfo | wire.ProjectInfo):
            self._rename(message, lambda name: (names.append(name), name)[1])
        return all(name.startswith(self.prefix) for name in names)

    def _rename(self, message: Any, rename: Any) -> None:
        match message:
            case wire.Repo() if message.name == FILE_SETS:
                return
            case wire.Repo():
                message.project.name = rename(message.project.name)
            case wire.Project() | wire.ProjectPicker():
                message.name = rename(message.name)
            case _:
                for field, value in message.ListFields():
                    if field.message_type is None or field.message_type.GetOptions().map_entry:
                        continue
                    for one in value if field.is_repeated else [value]:
                        self._rename(one, rename)
