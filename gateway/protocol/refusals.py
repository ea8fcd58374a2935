"""What a signature of either version is refused with: the same words and fields as AWS's."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.protocol import dates
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request

SKEW_MS_MAX = 15 * 60 * 1000
_TOKEN = "x-amz-security-token"  # noqa: S105 - the name of a header


def mismatch(
    access_key_id: str, to_sign: str, signature: str, canonical_request: str = ""
) -> S3Error:
    """SignatureDoesNotMatch with all that a client's author needs to find the difference."""
    fields: dict[str, str | int] = {
        "AWSAccessKeyId": access_key_id,
        "StringToSign": to_sign,
        "SignatureProvided": signature,
        "StringToSignBytes": to_sign.encode().hex(" "),
    }
    if canonical_request:
        sent = canonical_request.encode("latin-1")
        fields["CanonicalRequest"] = sent.decode("utf-8", "replace")
        fields["CanonicalRequestBytes"] = sent.hex(" ")
    return S3Error("SignatureDoesNotMatch", extra=fields)


def check_skew(sent: str, time_ms: int, now_ms: int) -> None:
    """Raise RequestTimeTooSkewed beyond 15 minutes. sent: the request's time as it was written."""
    if abs(now_ms - time_ms) > SKEW_MS_MAX:
        raise S3Error(
            "RequestTimeTooSkewed",
            RequestTime=sent,
            ServerTime=dates.iso(now_ms),
            MaxAllowedSkewMilliseconds=SKEW_MS_MAX,
        )


def expired(end_ms: int, now_ms: int, fields: Mapping[str, str | int]) -> S3Error:
    """AccessDenied: a presigned URL that was good until `end_ms`."""
    times = {"Expires": dates.iso(end_ms), "ServerTime": dates.iso(now_ms)}
    return S3Error("AccessDenied", "Request has expired", extra={**fields, **times})


def refuse_token(request: Request) -> None:
    """Raise InvalidToken for a session token: nothing here issues any, so none can be checked."""
    if request.headers.get(_TOKEN) or any(
        value for name, value in request.query if name.lower() == _TOKEN
    ):
        raise no_tokens()


def no_tokens() -> S3Error:
    """InvalidToken: there is a session token, and nothing here issues any."""
    return S3Error(
        "InvalidToken", "Session tokens are not accepted here; sign with a key pair alone."
    )
