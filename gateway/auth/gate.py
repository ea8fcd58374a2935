"""The gate every request passes: whose signature it bears, and whether they may do it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from gateway.auth.credentials import Key, Keyring
from gateway.auth.tokens import Tokens
from gateway.protocol import payload, presigned, sigv2, sigv4
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import Right
from gateway.protocol.request import Request
from gateway.protocol.sigv4 import ChunkSigner
from gateway.versioning.model import Repo
from gateway.versioning.names import RepoName

QUESTIONS_AT_ONCE = 8
_UNKNOWN = (
    "The AWS Access Key Id you provided does not exist in our records. A token of Pachyderm is "
    "the access key id and the secret access key at once."
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed a request, and what the signature says of the body.

    payload: hex SHA-256 of the body, or one of S3's tokens (UNSIGNED-PAYLOAD, STREAMING-...).
    chunk_signer: checks the chunk signatures of a signed stream; None for any other payload.
    """

    key: Key
    payload: str
    presigned: bool
    chunk_signer: ChunkSigner | None = None

    @property
    def account(self) -> str:
        """The account the key belongs to; the owner shown on the wire."""
        return self.key.account


class Gate:
    """Checks signatures against the keyring, and against tokens where the store gives any out."""

    def __init__(
        self,
        keyring: Keyring,
        *,
        sigv2_accepted: bool,
        clock: Callable[[], int],
        tokens: Tokens | None = None,
    ) -> None:
        self._keyring = keyring
        self._sigv2_accepted = sigv2_accepted
        self._clock = clock
        self._tokens = tokens

    async def identify(self, request: Request) -> Identity:
        """Who signed `request`.

        Raises the S3Error that AWS answers, for anonymous ones too, and Unavailable where nobody
        can be asked about a token.
        """
        if (claim := sigv4.parse(request)) is not None:
            key = await self._signer(claim.access_key_id, partial(self._check_v4, claim, request))
            signed_stream = payload.is_signed_stream(claim.payload)
            signer = ChunkSigner(claim, key.secret_access_key) if signed_stream else None
            return Identity(key, claim.payload, claim.expires is not None, signer)
        if (old_claim := sigv2.parse(request)) is not None:
            if not self._sigv2_accepted:
                raise S3Error(
                    "InvalidRequest",
                    "The authorization mechanism you have provided is not supported. "
                    "Please use AWS4-HMAC-SHA256.",
                )
            check = partial(self._check_v2, old_claim, request)
            key = await self._signer(old_claim.access_key_id, check)
            return Identity(key, _payload(request), old_claim.expires is not None)
        raise S3Error("AccessDenied", "Access Denied: the request is not signed.")

    async def _signer(self, access_key_id: str, check: Callable[[str], None]) -> Key:
        """The key of that id. check: raises S3Error unless that secret signed, in time."""
        key = self._keyring.find(access_key_id)
        if key is None:
            return await self._holder(access_key_id, check)
        if key.disabled:
            raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=access_key_id)
        if key.expires_ms is not None and key.expires_ms <= self._clock():
            raise S3Error("InvalidAccessKeyId", "The access key has expired.")
        check(key.secret_access_key)
        return key

    async def _holder(self, token: str, check: Callable[[str], None]) -> Key:
        """The key that a token is. What signed is looked at first: asking about it costs more."""
        if self._tokens is None:
            raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=token)
        try:
            check(token)
        except S3Error as error:
            if error.code != "SignatureDoesNotMatch":
                raise
        else:
            if (key := await self._tokens.key(token)) is not None:
                return key
        raise S3Error("InvalidAccessKeyId", _UNKNOWN, AWSAccessKeyId=token)

    def _check_v4(self, claim: sigv4.Claim, request: Request, secret: str) -> None:
        sigv4.check_time(claim, self._clock())
        sigv4.check_signature(claim, request, secret)

    def _check_v2(self, claim: sigv2.Claim, request: Request, secret: str) -> None:
        sigv2.check_time(claim, self._clock())
        sigv2.check_signature(claim, request, secret)


def _payload(request: Request) -> str:
    """What a request says of its body without SigV4, which cannot sign chunks.

    Said it is all the same by some clients: framing must not be stored as data.
    """
    said = presigned.effective(request).headers.get(payload.HEADER)
    if said is None:
        return payload.UNSIGNED
    if payload.is_signed_stream(payload.check(said)):
        raise S3Error("InvalidRequest", f"{said} needs a request signed with AWS4-HMAC-SHA256.")
    return said


async def may(key: Key, right: Right, repo: Repo) -> bool:
    """Whether `key` may use `right` on `repo`. Raises Unavailable where nobody can be asked."""
    if key.roles is not None:
        return await key.roles.permit(right, repo.name)
    return key.grants.allows(right, owned=repo.account == key.account)


async def allow(key: Key, right: Right, repo: Repo) -> None:
    """Raise AccessDenied unless `key` may use `right` on `repo`."""
    if not await may(key, right, repo):
        raise S3Error(
            "AccessDenied",
            f"Access Denied: key {key.name!r} has no right {right.value!r} on repo {repo.name}.",
        )


async def allow_create(key: Key, repo: RepoName) -> None:
    """Raise AccessDenied, or Denied, unless `key` may make that repo.

    Where the store has an access control of its own the repo is there afterwards, so that it is
    the key's holder's and not ours.
    """
    if not key.grants.may_create_repos:
        raise S3Error("AccessDenied", "Access Denied: this key may not make repos.")
    if key.roles is not None:
        await key.roles.create_repo(repo)


async def readable_of(key: Key, repos: Iterable[Repo]) -> list[Repo]:
    """Those of `repos` that `key` may read, in their order."""
    listed = list(repos)
    if key.roles is None:
        return [repo for repo in listed if await may(key, Right.READ, repo)]
    # Each may be a question to another machine: a few at a time.
    several = asyncio.Semaphore(QUESTIONS_AT_ONCE)

    async def asked(repo: Repo) -> bool:
        async with several:
            return await may(key, Right.READ, repo)

    answers = await asyncio.gather(*map(asked, listed))
    return [repo for repo, yes in zip(listed, answers, strict=True) if yes]
