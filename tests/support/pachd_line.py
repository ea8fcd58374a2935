"""A line to a pachd for tests: how its calls are made, and how its things are named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
from fake_pachd.wire import Empty, pfs
from google.protobuf.message import Message

MESSAGE_BYTES_MAX = 64 * 1024 * 1024
PFS = "/pfs_v2.API/"


class PachdLine:
    """A channel. prefix: of all names of repos, to keep apart on a real one."""

    def __init__(self, address: str, prefix: str = "") -> None:
        self.prefix = prefix
        self.token: str | None = None
        self.project = "default"
        self.fake: Any = None
        options = [("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
        self._line = grpc.aio.insecure_channel(address, options=options)

    async def close(self) -> None:
        await self._line.close()

    # Names

    def repo(self, name: str, kind: str = "user") -> pfs.Repo:
        whole = name if name.startswith("__") else self.prefix + name
        return pfs.Repo(name=whole, type=kind, project=pfs.Project(name=self.project))

    def branch(self, repo: str, name: str = "master") -> pfs.Branch:
        return pfs.Branch(repo=self.repo(repo), name=name)

    def at(self, repo: str, commit: str = "", branch: str = "") -> pfs.Commit:
        """By id, by branch, or by both."""
        return pfs.Commit(repo=self.repo(repo), id=commit, branch=self.branch(repo, branch))

    def master(self, repo: str) -> pfs.Commit:
        return self.at(repo, branch="master")

    def of_file_set(self, file_set: str) -> pfs.Commit:
        return self.at("__filesets__", file_set)

    # How calls are made

    async def unary(
        self,
        method: str,
        request: Message,
        answer: type[Message] = Empty,
        *,
        timeout_s: float = 180,
    ) -> Any:
        path = method if method.startswith("/") else PFS + method
        call = self._line.unary_unary(
            path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        return await _until_not_rolled_back(
            lambda: call(request, timeout=timeout_s, metadata=self._metadata())
        )

    async def stream(
        self, method: str, request: Message, answer: type[Message], *, timeout_s: float = 180
    ) -> list[Any]:
        call = self._line.unary_stream(
            PFS + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        return [one async for one in call(request, timeout=timeout_s, metadata=self._metadata())]

    async def upload(
        self, method: str, requests: Iterable[Message], answer: type[Message] = Empty
    ) -> Any:
        call = self._line.stream_unary(
            PFS + method,
            request_serializer=lambda one: one.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        whole = list(requests)
        return await _until_not_rolled_back(
            lambda: call(iter(whole), timeout=180, metadata=self._metadata())
        )

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return () if self.token is None else (("authn-token", self.token),)


async def _until_not_rolled_back(call: Callable[[], Awaitable[Any]]) -> Any:
    """A busy database of a real pachd gives up now and then; nothing was done then."""
    for _ in range(20):
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if "unexpectedly resulted in rollback" not in (error.details() or ""):
                raise
        await asyncio.sleep(0.1)
    return await call()
