"""Who a request is of: the key that signed it, or nobody."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.auth.credentials import ANONYMOUS, Key
from gateway.auth.grants import Grants
from gateway.protocol.sigv4 import ChunkSigner

# Nobody's key: it opens nothing, so that only ACLs and policies can.
NOBODY = Key("anonymous", ANONYMOUS, "", "", Grants(None))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed a request, and what it says of the body.

    payload: hex SHA-256 of the body, or one of S3's tokens (UNSIGNED-PAYLOAD, STREAMING-...).
    chunk_signer: checks the chunk signatures of a signed stream; None for any other payload.
    algorithm: `AWS4-HMAC-SHA256`, `AWS`, or "" where nobody signed.
    posted: the request is a browser's form, whose policy is what was signed.
    """

    key: Key
    payload: str
    presigned: bool = False
    chunk_signer: ChunkSigner | None = None
    algorithm: str = ""
    posted: bool = False

    @property
    def account(self) -> str:
        """The account the key belongs to; the owner shown on the wire."""
        return self.key.account

    @property
    def anonymous(self) -> bool:
        """Whether nobody signed."""
        return self.key is NOBODY
