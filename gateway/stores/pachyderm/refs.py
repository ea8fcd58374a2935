"""Repos, branches and tags: what is there, whose it is, and how it comes and goes.

A repo of ours is a repo of PFS, a branch is its branch. A tag is a note on the repo and no branch
of PFS, where anybody could move it. Whoever adds the note `ref.<name>` first has the name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.asked import Asked
from gateway.stores.pachyderm.known import Known, is_speakable, is_speakable_repo
from gateway.stores.pachyderm.notes import Notes, opening
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.words import COMPANION_REPO
from gateway.versioning.errors import (
    AlreadyExists,
    Denied,
    InvalidName,
    NoCommit,
    NoRef,
    NoRepo,
    ReadOnly,
)
from gateway.versioning.model import Json, Ref, RefKind, Repo, Snapshot
from gateway.versioning.names import (
    RepoName,
    check_name,
    check_project,
)

KEPT_S = 5.0
"""How long an owner or a tag may be told from memory. What is not there is asked for again."""

ABANDONED_MS = 60_000
"""After this long a name that was taken for a branch that never came is free again."""

ASKED_AT_ONCE = 8


class Refs:
    """The repos of one pachd and what names their commits."""

    def __init__(self, pfs: Pfs, clock: Callable[[], int]) -> None:
        self._pfs = pfs
        self._notes = Notes(pfs)
        self._clock = clock
        self._configuring: WeakValueDictionary[RepoName, asyncio.Lock] = WeakValueDictionary()
        self._known: Asked[RepoName, Known] = Asked(self._ask, KEPT_S)

    async def close(self) -> None:
        """Give up the questions under way."""
        await self._known.close()

    # ---- what is there

    async def known(self, repo: RepoName, *, fresh: bool = False) -> Known:
        """A repo and its notes, told from memory for at most KEPT_S. Raises NoRepo."""
        return await self._known.get(repo, fresh=fresh)

    async def _ask(self, repo: RepoName) -> Known:
        if not is_speakable_repo(repo):
            raise NoRepo(f"there is no repo {repo}")
        try:
            info = await self._pfs.inspect_repo(repo)
        except faults.NotFound as error:
            raise NoRepo(f"there is no repo {repo}") from error
        return Known(info, await self._notes.of(info))

    async def all_known(self) -> list[Known]:
        """Every repo that has a name we can spell, by project and name."""
        infos = [info for info in await self._pfs.list_repos() if is_speakable_repo(info.name)]
        found = [Known(info, notes) for info, notes in await self._notes.of_all(infos)]
        return sorted(found, key=lambda one: (one.info.name.project, one.info.name.name))

    async def refs(self, repo: RepoName | None, kind: RefKind | None) -> list[Ref]:
        """Branches and tags, by repo and name; a branch with its newest commit. Raises NoRepo."""
        if repo is None:
            repos = await self.all_known()
        else:
            repos = [await self.known(repo, fresh=True)]
        limit = asyncio.Semaphore(ASKED_AT_ONCE)

        async def of_one(known: Known) -> list[Ref]:
            found = [] if kind is RefKind.BRANCH else known.tags()
            if kind is not RefKind.TAG and known.info.branches:
                async with limit:
                    found += await self._branches(known)
            return sorted(found, key=lambda ref: ref.name)

        return [ref for refs in await asyncio.gather(*map(of_one, repos)) for ref in refs]

    async def _branches(self, known: Known) -> list[Ref]:
        try:
            branches = await self._pfs.list_branches(known.info.name)
        except faults.NotFound:  # deleted since it was listed
            return []
        return [known.branch(info) for info in branches if is_speakable(info.name)]

    # ---- making

    async def create_repo(self, name: RepoName, account: str) -> Repo:
        """A repo without any branch, in a project that is made where it is missing.

        One that is there and that nobody used yet becomes the account's. Raises AlreadyExists.
        """
        check_name(name.name, "repo")
        check_project(name.project)
        if name.name == COMPANION_REPO:
            raise InvalidName(f"repo {COMPANION_REPO!r} is where this store keeps its own records")
        note: Json = {"account": account, "created": self._clock()}
        try:
            await self._made_repo(name, opening({"repo": note}))
        except faults.AlreadyExists as error:
            known = await self.known(name, fresh=True)
            if not known.unused:
                raise AlreadyExists(f"repo {name} is there already") from error
            await self._notes.add(known.info, "repo", note)
        else:
            # Where people change descriptions, the owner must not hang on them.
            known = await self.known(name, fresh=True)
            await self._notes.add(known.info, "repo", note, instead=True)
        return (await self.known(name, fresh=True)).repo

    async def _made_repo(self, name: RepoName, description: str) -> None:
        try:
            await self._pfs.create_repo(name, description)
        except faults.NotFound:
            with suppress(faults.AlreadyExists):  # another replica made it
                await self._pfs.create_project(name.project)
            await self._pfs.create_repo(name, description)

    async def ensure_repo(self, name: RepoName, account: str) -> None:
        """A repo, made where it is missing, and the account's where nobody used it yet."""
        try:
            unused = (await self.known(name, fresh=True)).unused
        except NoRepo:
            unused = True
        if unused:
            with suppress(AlreadyExists):  # another replica made it
                await self.create_repo(name, account)

    @asynccontextmanager
    async def taken(self, repo: RepoName, name: str, note: dict[str, Any]) -> AsyncIterator[None]:
        """Take a free name with a note, for as long as what follows succeeds.

        Raises NoRepo, AlreadyExists.
        """
        known = await self.known(repo, fresh=True)
        there: str | None = "branch" if name in known.info.branches else None
        old = known.notes.get(f"ref.{name}")
        if old is not None and there is None:
            age = self._clock() - int(old.get("created", 0))
            if old.get("kind") == RefKind.TAG or age < ABANDONED_MS:
                there = str(old.get("kind", "name"))
        if there is not None:
            raise AlreadyExists(f"repo {repo} has a {there} {name!r} already")
        note = {**note, "created": self._clock()}
        await self._notes.add(known.info, f"ref.{name}", note, instead=old is not None)
        try:
            yield
        except BaseException:
            await asyncio.shield(self._given_back(known, name))
            raise
        finally:
            self._known.forget(repo)

    async def _given_back(self, known: Known, name: str) -> None:
        with suppress(faults.PfsError):  # else it counts as abandoned after a while
            await self._notes.remove(known.info, [f"ref.{name}"])

    async def configure(self, repo: RepoName, name: str, changes: Json) -> Ref:
        """Merge changes into a branch's properties. Raises NoRepo, NoRef.

        Atomic among the callers of one process: the replica that owns a repo has all of them.
        """
        lock = self._configuring.setdefault(repo, asyncio.Lock())
        async with lock:
            known = await self.known(repo, fresh=True)
            if name not in known.info.branches:
                raise NoRef(f"repo {repo} has no branch {name!r}")
            merged = {**known.properties(name), **changes}
            kept = {key: value for key, value in merged.items() if value is not None}
            branch = known.branch(await self._pfs.inspect_branch(repo, name))
            note = {
                "kind": RefKind.BRANCH.value,
                "account": branch.account,
                "created": branch.created_ms,
                "properties": kept,
            }
            await self._notes.add(known.info, f"ref.{name}", note, instead=True)
            self._known.forget(repo)
            return replace(branch, properties=kept)

    async def create_tag(self, repo: RepoName, name: str, at: Snapshot, account: str) -> Ref:
        """A name for a commit that never moves. Raises NoRepo, NoCommit, AlreadyExists."""
        check_name(name, "tag")
        known = await self.known(repo, fresh=True)
        demand_inside(known.repo, at)
        note = {"kind": RefKind.TAG.value, "account": account, "commit": at.commit}
        async with self.taken(repo, name, note):
            pass
        made = (await self.known(repo, fresh=True)).tag(name)
        if made is None:
            raise NoRef(f"tag {name} of repo {repo} is gone again")
        return made

    # ---- deleting

    async def delete_branch(self, known: Known, name: str) -> bool:
        """Take a branch away, and with the last ref its repo: then True. Raises NoRef, ReadOnly."""
        repo = known.info.name
        if name not in known.info.branches:
            if known.tag(name) is not None:
                raise ReadOnly(f"{name!r} is a tag of repo {repo}, not a branch")
            raise NoRef(f"repo {repo} has no branch {name!r}")
        try:
            branch = await self._pfs.inspect_branch(repo, name)
            if branch.output:
                raise ReadOnly(
                    f"branch {name} of repo {repo} is the output of a pipeline: it goes when the "
                    "pipeline is deleted"
                )
            if set(known.info.branches) == {name} and not known.tags():
                await self._delete_repo(known)
                return True
            await self._pfs.delete_branch(repo, name)
        except faults.NotFound as error:
            raise NoRef(f"repo {repo} has no branch {name!r}") from error
        except faults.PfsError as error:
            raise _needed(error, f"branch {name} of repo {repo}") from error
        finally:
            self._known.forget(repo)
        await self._notes.remove(known.info, [f"ref.{name}"])
        self._known.forget(repo)
        return False

    async def delete_tag(self, repo: RepoName, name: str) -> bool:
        """Take a tag away, and with the last ref its repo: then True."""
        known = await self.known(repo, fresh=True)
        if known.tag(name) is None:
            if name in known.info.branches:
                raise ReadOnly(f"{name!r} is a branch of repo {repo}, not a tag")
            raise NoRef(f"repo {repo} has no tag {name!r}")
        last = not known.info.branches and len(known.tags()) == 1
        try:
            if last:
                await self._delete_repo(known)
            else:
                await self._notes.remove(known.info, [f"ref.{name}"])
        except faults.PfsError as error:
            raise _needed(error, f"repo {repo}") from error
        finally:
            self._known.forget(repo)
        return last

    async def delete_repo(self, known: Known) -> None:
        """Take a repo away with all that is in it. Raises ReadOnly, Denied."""
        try:
            await self._delete_repo(known)
        except faults.PfsError as error:
            raise _needed(error, f"repo {known.info.name}") from error
        finally:
            self._known.forget(known.info.name)

    async def _delete_repo(self, known: Known) -> None:
        repo = known.info.name
        if await self._pfs.delete_repo(repo):
            await self._notes.forget(known.info)
            return
        # It answers so for a repo that is gone, too.
        await self.known(repo, fresh=True)
        raise Denied(f"Pachyderm does not let this gateway delete repo {repo} (REPO_DELETE)")


def demand_inside(repo: Repo, at: Snapshot) -> None:
    """Raise NoCommit where a snapshot is of another repo, or of one that had the name before."""
    if (at.repo.name, at.repo.created_ms) != (repo.name, repo.created_ms):
        raise NoCommit(f"commit {at.commit} is not of repo {repo.name}")


def _needed(error: faults.PfsError, what: str) -> Exception:
    """Why PFS does not delete: others depend on it. Anything else as it is."""
    for sign in ("cannot be deleted because", "delete the pipeline instead"):
        if sign in error.text:
            return ReadOnly(f"{what} is not deleted: Pachyderm says that {_said(error.text, sign)}")
    return error


def _said(text: str, sign: str) -> str:
    line: str = next(line for line in text.splitlines() if sign in line)
    return line.strip()[:300]
