"""Passes a write on to the replica that owns its repo, as it came: signature, target and body.

It is the owner that checks the signature. Where the owner cannot be reached the write is done here.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import unquote

import httpx

from gateway.forwarding.passing import (
    App,
    Broken,
    ClientGone,
    NotReached,
    Receive,
    Scope,
    Send,
    pass_on,
    say_broken,
)
from gateway.forwarding.peers import Peers
from gateway.versioning.errors import InvalidName
from gateway.versioning.names import RepoName, parse_bucket

FORWARDED = b"x-labelgate-forwarded"
"""Marks what was passed on, so that it is passed on once. Nothing is allowed because of it."""

OWN_WRITES_SECONDS = 5.0
"""For so long after a write that was passed on, its repo is read from the owner, too: others see
the write when pachd has finished it, and whoever made it sees it at once."""

_WRITES = frozenset({"PUT", "POST", "DELETE"})
_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})
_COPY_SOURCE = b"x-amz-copy-source"
_REPOS_MAX = 4096


class Forwarder:
    """In front of the S3 service. counted: told of each request that is another's to answer.

    `answered` by the owner; `unreachable`: answered here; `broken`: the owner went away with it.
    """

    def __init__(
        self,
        app: App,
        peers: Peers,
        http: httpx.AsyncClient,
        counted: Callable[[str], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._peers = peers
        self._http = http
        self._counted = counted
        self._monotonic = monotonic
        self._written: OrderedDict[RepoName, tuple[float, str | None]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        owner = self._owner(scope)
        if owner is None:
            await self._app(scope, receive, send)
            return
        try:
            mark = FORWARDED, self._peers.own.encode()
            await pass_on(self._http, owner, (scope, receive, send), mark=mark)
            self._counted("answered")
        except NotReached:
            self._counted("unreachable")
            self._peers.lost(owner)
            await self._app(scope, receive, send)
        except Broken as broken:
            self._counted("broken")
            self._peers.lost(owner)
            if not broken.begun:
                await say_broken(scope, send)
        except ClientGone:
            self._counted("answered")

    def _owner(self, scope: Scope) -> str | None:
        """The other replica whose request this is; None: it is ours."""
        repo = _repo(scope)
        if repo is None or any(name == FORWARDED for name, _ in scope["headers"]):
            return None
        if not _changes(scope):
            return self._wrote_lately(repo)
        # A copy goes where its source is written: only there the newest of it is sure to be seen.
        owner = self._peers.owner(_copied(scope) or repo)
        if scope["method"] in _WRITES:
            self._written[repo] = self._monotonic(), owner
            self._written.move_to_end(repo)
            while len(self._written) > _REPOS_MAX:
                self._written.popitem(last=False)
        return owner

    def _wrote_lately(self, repo: RepoName) -> str | None:
        """The other replica that a write to that repo was just passed on to."""
        when, owner = self._written.get(repo, (-OWN_WRITES_SECONDS, None))
        return owner if self._monotonic() - when < OWN_WRITES_SECONDS else None


def _repo(scope: Scope) -> RepoName | None:
    return _named(scope["raw_path"])


def _copied(scope: Scope) -> RepoName | None:
    """The repo that a copy reads."""
    headers = dict(scope["headers"])
    return _named(headers[_COPY_SOURCE]) if _COPY_SOURCE in headers else None


def _named(path: bytes) -> RepoName | None:
    """The repo of the bucket that a path begins with."""
    bucket = unquote(path.decode("latin-1")).lstrip("/").partition("/")[0]
    try:
        return parse_bucket(bucket).repo
    except InvalidName:
        return None


def _changes(scope: Scope) -> bool:
    """Whether it is for the owner alone: a write, or a question about uploads under way."""
    match scope["method"]:
        case "DELETE":
            return True
        case "PUT" | "POST":
            # Without a length it is refused anyway, and passed on it would get one.
            return any(name in _LENGTHS for name, _ in scope["headers"])
        case "GET":
            names = {pair.partition(b"=")[0] for pair in scope["query_string"].split(b"&")}
            return not names.isdisjoint({b"uploads", b"uploadId"})
    return False
