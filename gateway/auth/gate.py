"""The gate every request passes: whose signature it bears."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.auth.credentials import Key, Keyring
from gateway.auth.identity import NOBODY, Identity
from gateway.auth.tokens import Tokens
from gateway.protocol import payload, presigned, sigv2, sigv4
from gateway.protocol.errors import S3Error
from gateway.protocol.headers import response_overrides
from gateway.protocol.request import Request
from gateway.protocol.sigv4 import ChunkSigner

_V4, _V2 = "AWS4-HMAC-SHA256", "AWS"
_UNKNOWN = (
    "The AWS Access Key Id you provided does not exist in our records. A token of Pachyderm is "
    "the access key id and the secret access key at once."
)


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
        """Whose `request` is: of a key, or of nobody where nothing says that it is signed.

        Raises the S3Error that AWS answers, and Unavailable where nobody can be asked about a
        token.
        """
        if (claim := sigv4.parse(request)) is not None:
            key = await self.signer(claim.access_key_id, partial(self._check_v4, claim, request))
            signed_stream = payload.is_signed_stream(claim.payload)
            chunks = ChunkSigner(claim, key.secret_access_key) if signed_stream else None
            return Identity(key, claim.payload, claim.expires is not None, chunks, _V4)
        if (old_claim := sigv2.parse(request)) is not None:
            self.accept_v2()
            check = partial(self._check_v2, old_claim, request)
            key = await self.signer(old_claim.access_key_id, check)
            return Identity(key, _payload(request), old_claim.expires is not None, None, _V2)
        return _nobody(request)

    def accept_v2(self) -> None:
        """Raise InvalidRequest where Signature Version 2 is switched off."""
        if not self._sigv2_accepted:
            raise S3Error(
                "InvalidRequest",
                "The authorization mechanism you have provided is not supported. "
                "Please use AWS4-HMAC-SHA256.",
            )

    def knows(self, account: str) -> bool:
        """Whether there is an account of that name, as far as can be known without asking."""
        return self._tokens is not None or self._keyring.has_account(account)

    async def signer(self, access_key_id: str, check: Callable[[str], None]) -> Key:
        """The key of that id, where it may be used now.

        check: raises S3Error unless the secret it is given signed, in time.
        """
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
    """What a request says of its body without SigV4, when nothing signs its chunks.

    Said it is all the same by some clients: framing must not be stored as data.
    """
    said = presigned.effective(request).headers.get(payload.HEADER)
    if said is None:
        return payload.UNSIGNED
    if payload.is_signed_stream(payload.check(said)):
        raise S3Error("InvalidRequest", f"{said} needs a request signed with AWS4-HMAC-SHA256.")
    return said


def _nobody(request: Request) -> Identity:
    """A request that is not signed. Raises InvalidArgument, InvalidRequest."""
    if scheme := request.headers.get("authorization", "").partition(" ")[0]:
        raise S3Error(
            "InvalidArgument",
            "Unsupported Authorization Type",
            ArgumentName="Authorization",
            ArgumentValue=scheme,
        )
    if response_overrides(request.params):
        raise S3Error(
            "InvalidRequest",
            "Request specific response headers cannot be used for anonymous GET requests.",
        )
    return Identity(NOBODY, _payload(request))
