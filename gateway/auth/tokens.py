"""Tokens of a store that has an access control of its own: keys that are their own secret.

What such a key may do is the store's to say. Its answers are kept for a short while, so that a
token which was revoked stops to work within a minute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

from gateway.auth.credentials import Key
from gateway.auth.grants import Grants, Scope
from gateway.auth.remembered import Remembered
from gateway.protocol.operations import Right
from gateway.versioning.names import RepoName

TOKENS_MAX = 4096
PERMISSIONS_MAX = 16_384
TOKEN_LENGTH_MAX = 1024
KNOWN_MS = 60_000
PERMITTED_MS = 30_000
# What was refused may be granted the next moment, and somebody is waiting for it.
REFUSED_MS = 5_000
_SHOWN = 4


class TokenVerifier(Protocol):
    """Who gave the tokens out. Every method may raise Unavailable."""

    async def verify(self, access_key_id: str) -> str | None:
        """The account whose token that is; None where it is no token, or is no longer good."""

    async def permits(self, token: str, right: Right, repo: RepoName) -> bool:
        """Whether the holder of `token` may use `right` on `repo`."""

    async def create_repo(self, token: str, repo: RepoName) -> None:
        """Make a repo in the name of the token's holder, so that it is theirs.

        Does nothing where it is there already. Raises Denied.
        """


class Tokens:
    """Keys made of tokens, and what is known of them. clock: milliseconds since 1970 UTC."""

    def __init__(self, verifier: TokenVerifier, *, clock: Callable[[], int]) -> None:
        self._verifier = verifier
        self._accounts: Remembered[str | None] = Remembered(
            clock, lambda account: REFUSED_MS if account is None else KNOWN_MS, size_max=TOKENS_MAX
        )
        self._permitted: Remembered[bool] = Remembered(
            clock, lambda yes: PERMITTED_MS if yes else REFUSED_MS, size_max=PERMISSIONS_MAX
        )

    async def key(self, token: str) -> Key | None:
        """The key that `token` is; None where it is none. Raises Unavailable."""
        if not _may_be_token(token):
            return None
        account = await self._accounts.get(_digest(token), lambda: self._verifier.verify(token))
        if account is None:
            return None
        return Key(
            name=f"token {masked(token)}",
            account=account,
            access_key_id=token,
            secret_access_key=token,
            grants=Grants(Scope.OWN),
            roles=_HoldersRoles(self, token),
        )

    async def permits(self, token: str, right: Right, repo: RepoName) -> bool:
        """As TokenVerifier.permits, remembered."""
        question = _digest(token), right, repo
        return await self._permitted.get(
            question, lambda: self._verifier.permits(token, right, repo)
        )

    async def create_repo(self, token: str, repo: RepoName) -> None:
        """As TokenVerifier.create_repo."""
        await self._verifier.create_repo(token, repo)


class _HoldersRoles:
    """What one token's holder may do (credentials.Roles)."""

    __slots__ = ("_token", "_tokens")

    def __init__(self, tokens: Tokens, token: str) -> None:
        self._tokens = tokens
        self._token = token

    async def permit(self, right: Right, repo: RepoName) -> bool:
        return await self._tokens.permits(self._token, right, repo)

    async def create_repo(self, repo: RepoName) -> None:
        await self._tokens.create_repo(self._token, repo)


def masked(token: str) -> str:
    """What may be shown of a token: enough to tell it from another, not enough to guess it."""
    return token[: min(_SHOWN, len(token) // 4)] + "..."


def _may_be_token(text: str) -> bool:
    """Only such text can be sent as a token at all."""
    return 0 < len(text) <= TOKEN_LENGTH_MAX and text.isascii() and text.isprintable()


def _digest(token: str) -> bytes:
    """What a token is remembered by: the token itself is kept nowhere."""
    return hashlib.sha256(token.encode()).digest()
