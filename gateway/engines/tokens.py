"""Pachyderm's tokens as keys of the gateway, and its roles as what they may do."""

from __future__ import annotations

import dataclasses
from contextlib import suppress

import grpc

from gateway.protocol.operations import Right
from gateway.stores.pachyderm.channel import Pachd
from gateway.stores.pachyderm.faults import (
    AlreadyExists,
    NotFound,
    PfsError,
    Unauthenticated,
    refused,
)
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.target import Target
from gateway.versioning.names import DEFAULT_PROJECT, RepoName

PERMISSIONS: dict[Right, tuple[str, ...]] = {
    Right.READ: ("REPO_READ",),
    Right.WRITE: ("REPO_WRITE",),
    Right.DELETE: ("REPO_WRITE",),
    Right.ADMIN: ("REPO_CREATE_BRANCH", "REPO_DELETE_BRANCH"),
    Right.ERASE: ("REPO_DELETE",),
}


class PachydermTokens:
    """What Pachyderm says of its tokens (auth.tokens.TokenVerifier)."""

    def __init__(self, pfs: Pfs, target: Target) -> None:
        self._pfs = pfs
        self._target = target

    async def verify(self, access_key_id: str) -> str | None:
        """The subject whose token that is (`robot:gw`); None, too, where auth is off."""
        try:
            return await self._pfs.who_am_i(access_key_id)
        except Unauthenticated:
            return None
        except PfsError as error:
            if error.code is grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise refused(error) from error

    async def permits(self, token: str, right: Right, repo: RepoName) -> bool:
        """Whether the holder's roles on that repo hold what `right` needs."""
        try:
            return await self._pfs.authorized(token, repo, PERMISSIONS[right])
        except Unauthenticated:  # revoked since it was verified
            return False
        except PfsError as error:
            if isinstance(error, NotFound) and error.what == "repo":  # it was just deleted
                return False
            raise refused(error) from error

    async def create_repo(self, token: str, repo: RepoName) -> None:
        """Make a repo, and its project, with that token: its holder becomes the owner."""
        pachd = Pachd(dataclasses.replace(self._target, token=token))
        try:
            pfs = Pfs(pachd)
            if repo.project != DEFAULT_PROJECT:
                with suppress(AlreadyExists):
                    await pfs.create_project(repo.project)
            with suppress(AlreadyExists):
                await pfs.create_repo(repo)
        except PfsError as error:
            raise refused(error) from error
        finally:
            await pachd.close()
