"""File sets: what is written outside any commit, for a time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from fake_pachd.contents import Layer, Tree, digest
from fake_pachd.core import Caller, Core, method
from fake_pachd.model import new_id
from fake_pachd.picking import check_commit, pick
from fake_pachd.refusals import Refusal, missing, plain
from fake_pachd.wire import Empty, pfs

_API = "/pfs_v2.API/"
DEFAULT_TTL_S = 600
TTL_MAX_S = 1800
_TOKEN_CHARS = 32
_BILLION = 1_000_000_000


@dataclass(eq=False)
class FileSet:
    layers: list[Layer]
    until_s: float


class FileSets:
    """By the first part of their ids; the second only tells of the content."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sets: dict[str, FileSet] = {}
        self._skipped_s = 0.0

    # From Python

    def advance(self, seconds: float) -> None:
        """Let time pass for those there are; made later or renewed later, they live as long."""
        self._skipped_s += seconds

    def drop(self) -> None:
        """Forget every one, whatever its time."""
        self._sets.clear()

    @property
    def count(self) -> int:
        """How many are kept."""
        return len(self._sets)

    def add(self, layers: list[Layer], ttl_s: float = DEFAULT_TTL_S) -> str:
        """Keep one; its id is given back. ttl_s: 0 means for ever."""
        token = new_id()
        until = self._now_s() + ttl_s if ttl_s > 0 else math.inf
        self._sets[token] = FileSet(layers, until)
        tree = Tree().with_layers(layers)
        mark = digest(repr([(key, tree.files[key].hash) for key in tree.keys]).encode())
        return f"{token}.{mark.hex()}"

    def layers(self, file_set_id: str) -> list[Layer]:
        """What one holds."""
        found = self._find(self._token(file_set_id))
        if found is None:
            raise plain("path does not exist")
        return found.layers

    # Calls

    @method(_API + "AddFileSet", "unary", pfs.AddFileSetRequest)
    async def add_file_set(self, request: pfs.AddFileSetRequest, caller: Caller) -> Empty:
        # No right is asked for: pachd does not either.
        check_commit(request.commit if request.HasField("commit") else None)
        self._token(request.file_set_id)
        commit = pick(self._core.world, request.commit)
        if not commit.open:
            raise plain(f"commit {commit} has already finished")
        try:
            commit.layers.extend(self.layers(request.file_set_id))
        except Refusal as refusal:
            raise refusal.within("add file set") from None
        return Empty()

    @method(_API + "RenewFileSet", "unary", pfs.RenewFileSetRequest)
    async def renew_file_set(self, request: pfs.RenewFileSetRequest, caller: Caller) -> Empty:
        token = self._token(request.file_set_id)
        ttl_ns = request.ttl_seconds * _BILLION
        if request.ttl_seconds < 1:
            raise plain(f"ttl ({ttl_ns}) must be at least one second")
        if request.ttl_seconds > TTL_MAX_S:
            raise plain(f"ttl ({ttl_ns}) exceeds max ttl ({TTL_MAX_S * _BILLION})")
        found = self._find(token)
        if found is None:
            raise missing(f"tracker does not contain item: (fileset/{token})")
        found.until_s = self._now_s() + request.ttl_seconds
        return Empty()

    @method(_API + "ComposeFileSet", "unary", pfs.ComposeFileSetRequest)
    async def compose_file_set(
        self, request: pfs.ComposeFileSetRequest, caller: Caller
    ) -> pfs.CreateFileSetResponse:
        layers: list[Layer] = []
        for token in map(self._token, request.file_set_ids):
            found = self._find(token)
            if found is None:
                raise plain("the operation would create a dangling reference")
            layers += found.layers
        return pfs.CreateFileSetResponse(file_set_id=self.add(layers, request.ttl_seconds))

    @staticmethod
    def _token(file_set_id: str) -> str:
        token = file_set_id.partition(".")[0]
        if len(token) < _TOKEN_CHARS:
            raise plain(f"parsing fileset.Token: too short to be Token len={len(token)}")
        return token

    def _find(self, token: str) -> FileSet | None:
        found = self._sets.get(token)
        if found is not None and found.until_s <= self._now_s():
            del self._sets[token]
            return None
        return found

    def _now_s(self) -> float:
        return time.monotonic() + self._skipped_s
