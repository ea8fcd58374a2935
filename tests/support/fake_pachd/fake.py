"""The fake as a whole: its life, and what a test does to it from Python."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import grpc

from fake_pachd import infos
from fake_pachd.auth import Auth
from fake_pachd.branches import Branches
from fake_pachd.commits import Commits
from fake_pachd.contents import DATUM, Tree
from fake_pachd.core import Caller, Core
from fake_pachd.file_sets import TTL_MAX_S, FileSets
from fake_pachd.history import History
from fake_pachd.model import Commit, Repo, RepoKey, new_id
from fake_pachd.reading import Reading
from fake_pachd.repos import Repos
from fake_pachd.server import Calls, new_server
from fake_pachd.system import System
from fake_pachd.transactions import Transactions
from fake_pachd.trouble import Trouble
from fake_pachd.wire import pfs
from fake_pachd.wires import Door
from fake_pachd.writing import Draft, Writing


class FakePachd(Trouble):
    """A pachd of this process.

    finish_delay_s and version may be set at any time; auth: `auth.activate()`, `auth.grant()`.
    Repos are named "labels" or "project/labels". What is not a coroutine works from any thread.
    """

    def __init__(self, *, finish_delay_s: float = 0.0) -> None:
        super().__init__()
        self._core = Core()
        self._core.finish_delay_s = finish_delay_s
        self._system = System(self._core)
        self._branches = Branches(self._core)
        self._repos = Repos(self._core, self._branches)
        self._commits = Commits(self._core, self._branches)
        self._file_sets = FileSets(self._core)
        reading = Reading(self._core, self._file_sets)
        self._writing = Writing(self._core, self._commits, self._file_sets, reading)
        objects = (
            self._system,
            self._branches,
            self._repos,
            self._commits,
            History(self._core),
            self._file_sets,
            reading,
            self._writing,
            Transactions(self._core, self._repos, self._branches, self._commits),
        )
        self._calls = Calls(self, self._core, objects)
        self._caller = Caller(self._core.auth)
        self._door = Door()
        self._server: grpc.aio.Server | None = None
        self._port = 0
        self._dying: asyncio.Task[None] | None = None

    # Life

    async def start(self, port: int = 0) -> str:
        """Serve on a port of 127.0.0.1; the address is given back."""
        self._server = new_server(self._calls)
        behind = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        self._port = await self._door.open(port, behind)
        self._core.live()
        return self.address

    @property
    def address(self) -> str:
        """host:port, also while it is down."""
        return f"127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        """Whether it serves."""
        return self._server is not None

    async def kill(self) -> None:
        """As by SIGKILL: connections are reset, calls under way end; what is kept stays."""
        server, self._server = self._server, None
        await self._door.slam()
        await self._core.die()
        if server is not None:
            await server.stop(None)

    async def restart(self) -> None:
        """Up again on the same port; commits that were finishing go on."""
        if self.running:
            await self.kill()
        await self.start(self._port)

    async def stop(self) -> None:
        """The end."""
        if self._dying is not None:
            await self._dying
        self.recover()
        await self.kill()

    async def crash(self) -> None:
        """By a call's doing: `kill`, seen from within."""
        # The call that did it is ended by the death it brings, so that is not its own task's.
        self._dying = asyncio.create_task(self.kill())
        await asyncio.Event().wait()

    # Settings

    @property
    def auth(self) -> Auth:
        """Tokens and roles."""
        return self._core.auth

    @property
    def version(self) -> tuple[int, int, int]:
        """The release it says it is; methods that came later are unknown."""
        return self._system.version

    @version.setter
    def version(self, release: tuple[int, int, int]) -> None:
        self._system.version = release

    @property
    def finish_delay_s(self) -> float:
        """From FINISHING to FINISHED, for one commit of a repo after the other."""
        return self._core.finish_delay_s

    @finish_delay_s.setter
    def finish_delay_s(self, seconds: float) -> None:
        self._core.finish_delay_s = seconds

    @property
    def message_bytes_max(self) -> int:
        """Larger messages are refused."""
        return self._calls.message_bytes_max

    @message_bytes_max.setter
    def message_bytes_max(self, count: int) -> None:
        self._calls.message_bytes_max = count

    def pause_finishing(self) -> None:
        """Commits stay FINISHING until `resume_finishing`."""
        self._core.may_finish = False

    def resume_finishing(self) -> None:
        """They go on."""
        self._core.may_finish = True
        self._core.touched()

    def advance(self, seconds: float) -> None:
        """Let time pass for file sets, of which some then end."""
        self._file_sets.advance(seconds)

    def expire_file_sets(self) -> None:
        """The time to live of every file set passes; what has none stays."""
        self.advance(TTL_MAX_S + 1)

    def drop_file_sets(self) -> None:
        """All file sets are gone."""
        self._file_sets.drop()

    @property
    def file_set_count(self) -> int:
        """How many are kept."""
        return self._file_sets.count

    # Other people's doings

    def create_repo(self, repo: str, description: str = "") -> None:
        """A repo, and its project."""
        key = RepoKey.of(repo)
        if key.project not in self._core.world.projects:
            self._core.world.add_project(key.project)
            self.auth.bind(("PROJECT", key.project))
        self._repos.add(key, description)

    def delete_repo(self, repo: str) -> None:
        """With all that is in it."""
        self._repos.remove(RepoKey.of(repo))

    def create_output(self, repo: str, branch: str, *sources: str) -> None:
        """An output branch, as a pipeline has it, of branches named "repo@branch".

        Each commit of a source opens one there, which no client can start; `write` goes into it.
        """
        key = RepoKey.of(repo)
        if key not in self._core.world.repos:
            self.create_repo(repo)
        named = (source.rpartition("@") for source in sources)
        request = pfs.CreateBranchRequest(
            branch=infos.branch_message(key, branch),
            provenance=[infos.branch_message(RepoKey.of(of), name) for of, _, name in named],
        )
        self._branches.create(request, self._caller, new_id())

    def write(
        self, repo: str, branch: str, files: Mapping[str, bytes | None], *, append: bool = False
    ) -> str:
        """A one-shot ModifyFile by some other tool: its commit id.

        None deletes; a path that ends in a slash then means a directory. Content replaces unless
        append. Joins the commit that is open on the branch.
        """
        found = self._core.world.repo(RepoKey.of(repo))
        head = found.branches.get(branch)
        before = found.commits[head.head] if head else None
        draft = Draft(lambda: self._core.tree(before, early=True) if before else Tree())
        for path, data in files.items():
            if data is None or not append:
                draft.delete(path, DATUM)
            if data is not None:
                draft.add(path, DATUM, data)
        if before is not None and before.open:
            before.layers.append(draft.done())
            return before.id
        return self._writing.one_shot(found.key, branch, self._caller, draft.done()).id

    def start_commit(self, repo: str, branch: str, description: str = "") -> str:
        """Leave a commit open on a branch."""
        return self._commits.start(RepoKey.of(repo), branch, self._caller, description).id

    def finish_commit(self, repo: str, commit: str, *, error: str = "") -> None:
        """Finish it."""
        self._commits.finish(self.commit(repo, commit), error=error)

    def drop_commit(self, repo: str, commit: str) -> None:
        """Take the head of a branch away."""
        self._commits.drop([self.commit(repo, commit)], self._caller)

    # What is there

    def repo(self, repo: str) -> Repo:
        """A repo as it is kept."""
        return self._core.world.repo(RepoKey.of(repo))

    def commit(self, repo: str, commit: str) -> Commit:
        """A commit as it is kept, by id or as the head of a branch."""
        found = self.repo(repo)
        if commit in found.branches:
            commit = found.branches[commit].head
        return found.commits[commit]

    def files(self, repo: str, commit: str) -> dict[str, bytes]:
        """Path -> content of a commit, by id or branch, in whatever state."""
        tree = self._core.tree(self.commit(repo, commit), early=True)
        return {path: tree.files[path, datum].data for path, datum in tree.keys}
