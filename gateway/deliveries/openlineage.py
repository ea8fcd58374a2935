"""The channel that tells catalogues of commits: OpenLineage events over HTTP, to a file, or out."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import httpx

from gateway.deliveries.changes import changes_of
from gateway.deliveries.channel import Undelivered
from gateway.deliveries.outcome import UNREACHED, refused, unreached
from gateway.lineage.openlineage import Style, run_event
from gateway.versioning.model import ChangeInfo, Commit, Snapshot
from gateway.versioning.store import Store

CHANGES_MAX = 10_000
_TIMEOUT = httpx.Timeout(30, connect=5)


@dataclass(frozen=True, slots=True)
class Target:
    """Where events go.

    url: where they are POSTed, complete. api_key: sent as a bearer token. file: that they are
    appended to, one a line.
    """

    transport: Literal["http", "file", "console"]
    url: str = ""
    api_key: str | None = None
    file: Path | None = None

    @property
    def shown(self) -> str:
        """For people: nothing of it is secret."""
        match self.transport:
            case "http":
                parts = urlsplit(self.url)
                return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
            case "file":
                return str(self.file)
            case "console":
                return "console"


class Transport(Protocol):
    """What takes one event."""

    async def send(self, event: bytes) -> None:
        """Raises Undelivered."""


class OpenLineage:
    """The channel. Of a commit with more changes the event tells the first 10,000."""

    name = "openlineage"

    def __init__(self, store: Store, transport: Transport, style: Style, target: str) -> None:
        self._store = store
        self._transport = transport
        self._style = style
        self.target = target

    def since_ms(self) -> int | None:
        """Everything is wanted."""
        return 0

    def wants(self, branch: str, commit: Commit) -> bool:
        """Of what a branch takes over from another one catalogues have heard there."""
        return commit.branch == branch and commit.change_count > 0

    async def deliver(self, branch: str, at: Snapshot, commit: Commit) -> None:
        """Send the event of a commit; the same again has the same run id."""
        del branch  # the commit names its own
        most = min(commit.change_count, CHANGES_MAX)
        changes = await changes_of(self._store, at, most)
        event = await asyncio.to_thread(_encoded, commit, changes, self._style)
        await self._transport.send(event)


@asynccontextmanager
async def openlineage(store: Store, target: Target, style: Style) -> AsyncIterator[OpenLineage]:
    """The channel to `target` while in context."""
    if target.transport != "http":
        to_file = _File(target.file) if target.file is not None else _Console()
        yield OpenLineage(store, to_file, style, target.shown)
        return
    headers = {"content-type": "application/json", "user-agent": f"labelgate/{style.version}"}
    if target.api_key:
        headers["authorization"] = f"Bearer {target.api_key}"
    async with httpx.AsyncClient(timeout=_TIMEOUT, headers=headers) as http:
        yield OpenLineage(store, _Http(http, target.url), style, target.shown)


class _Http:
    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url

    async def send(self, event: bytes) -> None:
        """POST it. Not redirected: a POST would become a GET, and a key go elsewhere."""
        try:
            response = await self._http.post(self._url, content=event)
        except UNREACHED as error:
            raise unreached(error) from None
        if not response.is_success:
            raise refused(response)


class _File:
    def __init__(self, file: Path) -> None:
        self._file = file

    async def send(self, event: bytes) -> None:
        """Append a line, and have it on disk."""
        try:
            await asyncio.to_thread(self._append, event)
        except OSError as error:
            raise Undelivered(f"{self._file}: {error.strerror}") from None

    def _append(self, event: bytes) -> None:
        self._file.touch(mode=0o600)
        with self._file.open("ab") as file:
            file.write(event + b"\n")
            file.flush()
            os.fsync(file.fileno())


class _Console:
    async def send(self, event: bytes) -> None:
        """Print a line on stdout."""
        sys.stdout.write(event.decode("ascii") + "\n")
        sys.stdout.flush()


def _encoded(commit: Commit, changes: list[ChangeInfo], style: Style) -> bytes:
    return json.dumps(run_event(commit, changes, style), separators=(",", ":")).encode("ascii")
