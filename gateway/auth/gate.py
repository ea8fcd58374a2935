"""The gate every request passes: whose signature it bears, and whether they may do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.auth.credentials import Key, Keyring
from gateway.protocol import payload, presigned, sigv2, sigv4
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import Right
from gateway.protocol.request import Request
from gateway.protocol.sigv4 import ChunkSigner
from gateway.versioning.model import Repo


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
    """Checks signatures against the keyring and rights against grants."""

    def __init__(self, keyring: Keyring, *, sigv2_accepted: bool, clock: Callable[[], int]) -> None:
        self._keyring = keyring
        self._sigv2_accepted = sigv2_accepted
        self._clock = clock

    def identify(self, request: Request) -> Identity:
        """Who signed `request`. Raises the S3Error that AWS answers, for anonymous ones too."""
        if (claim := sigv4.parse(request)) is not None:
            key = self._usable_key(claim.access_key_id)
            sigv4.check_time(claim, self._clock())
            sigv4.check_signature(claim, request, key.secret_access_key)
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
            key = self._usable_key(old_claim.access_key_id)
            sigv2.check_time(old_claim, self._clock())
            sigv2.check_signature(old_claim, request, key.secret_access_key)
            return Identity(key, _payload(request), old_claim.expires is not None)
        raise S3Error("AccessDenied", "Access Denied: the request is not signed.")

    def _usable_key(self, access_key_id: str) -> Key:
        key = self._keyring.find(access_key_id)
        if key is None or key.disabled:
            raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=access_key_id)
        if key.expires_ms is not None and key.expires_ms <= self._clock():
            raise S3Error("InvalidAccessKeyId", "The access key has expired.")
        return key


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


def allow(key: Key, right: Right, repo: Repo) -> None:
    """Raise AccessDenied unless `key` may use `right` on `repo`."""
    if not key.grants.allows(right, owned=repo.account == key.account):
        raise S3Error(
            "AccessDenied",
            f"Access Denied: key {key.name!r} has no right {right.value!r} on repo {repo.name}.",
        )
