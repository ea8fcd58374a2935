"""What all calls share: the state, the caller's rights, waiting, and the finishing of commits."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from google.protobuf.message import Message

from fake_pachd import trees
from fake_pachd.auth import Auth, Resource, repo_resource
from fake_pachd.contents import Tree
from fake_pachd.model import Commit, RepoKey, World
from fake_pachd.refusals import Refusal, plain

TREES_KEPT = 64

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Method:
    """How a call is made. kind: "unary", "stream" (of answers) or "upload" (of questions).

    cluster: rights on the whole cluster that it needs. since: the first release that has it.
    """

    path: str
    kind: str
    request: type[Message]
    token: bool = True
    cluster: tuple[str, ...] = ()
    since: tuple[int, int] = (2, 0)


def method(path: str, kind: str, request: type[Message], **more: Any) -> Callable[[_F], _F]:
    """Make a function one that is called from outside."""

    def marked(function: _F) -> _F:
        function.method = Method(path, kind, request, **more)  # type: ignore[attr-defined]
        return function

    return marked


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call: subject is None while auth is off."""

    auth: Auth
    subject: str | None = None
    token: str | None = None

    def need(self, resource: Resource, *rights: str) -> None:
        """Refuses who lacks one."""
        if self.subject is not None:
            self.auth.check(self.subject, resource, *rights)

    def need_repo(self, key: RepoKey, *rights: str) -> None:
        """The same on a repo."""
        self.need(repo_resource(key), *rights)


class Core:
    """The state and its clockwork. finish_delay_s: from FINISHING to FINISHED, per commit."""

    def __init__(self) -> None:
        self.world = World()
        self.auth = Auth()
        self.finish_delay_s = 0.0
        self.may_finish = True
        self._trees: OrderedDict[Commit, Tree] = OrderedDict()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._change = asyncio.Event()
        self._queues: dict[RepoKey, deque[Commit]] = {}
        self._finishers: dict[RepoKey, asyncio.Task[None]] = {}
        self.auth.bind(("PROJECT", "default"), "allClusterUsers", "projectWriter")

    # Waiting

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait until something is so."""
        while not ready():
            change = self._change
            await change.wait()

    def touched(self) -> None:
        """Something changed: who waits looks again, and commits go on. From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
        for key, queue in self._queues.items():
            if queue and key not in self._finishers:
                self._finishers[key] = asyncio.create_task(self._finish_all(key, queue))

    # Commits

    async def readable(self, commit: Commit) -> Tree:
        """The files of a commit; waits while it is being finished."""
        await self.until(lambda: not commit.finishing or not self.exists(commit))
        if commit.finishing:
            raise plain(f"inspect finishing or finished commit: commit {commit} was deleted")
        return self.tree(commit)

    def exists(self, commit: Commit) -> bool:
        """Whether it is still there."""
        repo = self.world.repos.get(commit.repo)
        return repo is not None and repo.commits.get(commit.id) is commit

    def tree(self, commit: Commit, *, early: bool = False) -> Tree:
        """The files of a commit, which is not FINISHING. Errored ancestors are left out.

        early: also where pachd could not tell them yet.
        """
        tree, chain = Tree(), []
        one: Commit | None = commit
        while one is not None:
            if one in self._trees:
                self._trees.move_to_end(one)
                tree = self._trees[one]
                break
            chain.append(one)
            base = self._base(one)
            if base is not None and base.finished_ns is None and not early:
                raise plain(f"base commit {base} for commit {one} unfinished")
            one = base
        for later in reversed(chain):
            tree = tree.with_layers(later.layers)
        if commit.finished_ns is not None:
            self._keep(commit, tree)
        return tree

    def forget_trees(self) -> None:
        """After history was rewritten."""
        self._trees.clear()

    def _keep(self, commit: Commit, tree: Tree) -> None:
        self._trees[commit] = tree
        while len(self._trees) > TREES_KEPT:
            self._trees.popitem(last=False)

    def _base(self, commit: Commit) -> Commit | None:
        base = self.world.parent(commit)
        while base is not None and base.error:
            base = self.world.parent(base)
        return base

    # Finishing: one at a time per repo, in order

    def finishing(self, commit: Commit) -> None:
        """It takes no more, and is to be finished."""
        self._queues.setdefault(commit.repo, deque()).append(commit)
        self.touched()

    async def _finish_all(self, key: RepoKey, queue: deque[Commit]) -> None:
        try:
            while queue:
                await self.until(lambda: self.may_finish)
                await asyncio.sleep(self.finish_delay_s)
                commit = queue[0]
                if not self.exists(commit) or commit.finished_ns is not None:
                    queue.popleft()
                elif self.may_finish:
                    await self.until(partial(self._base_is_finished, commit))
                    self._finish(commit)
        finally:
            del self._finishers[key]

    def _base_is_finished(self, commit: Commit) -> bool:
        base = self._base(commit) if self.exists(commit) else None
        return base is None or base.finished_ns is not None

    def _finish(self, commit: Commit) -> None:
        if not commit.error and self.exists(commit):
            tree = self.tree(commit)
            self._keep(commit, tree)
            commit.size = tree.size
            try:
                trees.check_order(tree)
            except Refusal as collision:
                commit.error = collision.text
        commit.finished_ns = commit.updated_ns = self.world.now_ns()
        self.touched()

    # Life

    def live(self) -> None:
        """The process runs, on the loop of the caller; commits that were finishing go on."""
        self._loop = asyncio.get_running_loop()
        self.touched()

    async def die(self) -> None:
        """The process ends; what it keeps stays."""
        self._loop = None
        doing = list(self._finishers.values())
        for task in doing:
            task.cancel()
        await asyncio.gather(*doing, return_exceptions=True)
