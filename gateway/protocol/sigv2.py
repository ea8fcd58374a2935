"""Signature Version 2, of older clients and of boto3's presigned URLs at custom endpoints.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass

from gateway.protocol import dates, presigned, refusals
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import MARKERS
from gateway.protocol.request import Request

_HINT = re.compile(r"(?:^|&)AWSAccessKeyId=")
_HEADER = re.compile(r"AWS ([^:\s]+):([A-Za-z0-9+/]{27}=)")
_EXPIRES = re.compile(r"[0-9]{1,12}")
_SPACES = re.compile(r"(?<![ \t])[ \t]*+[\r\n]+[ \t]*")
# What selects another resource or another form of it is signed with the path.
_SUBRESOURCES = MARKERS | {
    "partNumber",
    "versionId",
    "torrent",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature as it was sent, well formed but not checked.

    signature: base64 of 20 bytes. time_ms: of the request, None for a presigned one. expires:
    seconds since 1970 until which a presigned URL holds; None where the signature came in a header.
    """

    access_key_id: str
    signature: str
    date: str
    time_ms: int | None = None
    expires: int | None = None


def parse(request: Request) -> Claim | None:
    """The SigV2 claim in a request's Authorization header or query; None without one.

    Raises InvalidArgument, AccessDenied (no date, a broken query), InvalidToken.
    """
    if request.raw_query and _HINT.search(request.raw_query):
        return _parse_query(request)
    authorization = request.headers.get("authorization", "")
    if not authorization.startswith("AWS "):
        return None
    match = _HEADER.fullmatch(authorization)
    if match is None:
        raise S3Error(
            "InvalidArgument",
            'AWS authorization header is invalid. Expected "AWS AccessKeyId:signature"',
            ArgumentName="Authorization",
            ArgumentValue="AWS",
        )
    refusals.refuse_token(request)
    date = "" if "x-amz-date" in request.headers else request.headers.get("date", "")
    sent = request.headers.get("x-amz-date") or date
    time_ms = dates.parse_basic(sent) or dates.parse(sent)
    if not time_ms:  # none, or one before 1970, when nobody signed
        raise S3Error(
            "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"
        )
    return Claim(match[1], match[2], date, time_ms)


def check_time(claim: Claim, now_ms: int) -> None:
    """Raise RequestTimeTooSkewed (header) or AccessDenied (presigned) outside the claim's time."""
    if claim.expires is not None:
        if now_ms > claim.expires * 1000:
            raise refusals.expired(claim.expires * 1000, now_ms, {})
    elif claim.time_ms is not None:
        refusals.check_skew(dates.iso(claim.time_ms), claim.time_ms, now_ms)


def check_signature(claim: Claim, request: Request, secret: str) -> None:
    """Raise SignatureDoesNotMatch unless `secret` signed this very request."""
    sent = claim.signature.encode()
    # botocore signs a bucket's path with a slash behind it that it does not send.
    paths = [request.raw_path]
    if not request.key and not request.raw_path.endswith("/"):
        paths.append(f"{request.raw_path}/")
    # `uploads=` is signed as `uploads` by minio-go, as it was sent by botocore.
    queries = dict.fromkeys(_subresources(request, keep_equals=keep) for keep in (False, True))
    wanted = [string_to_sign(claim, request, path + query) for path in paths for query in queries]
    matches = [hmac.compare_digest(_signature(secret, one), sent) for one in wanted]
    if not any(matches):
        raise refusals.mismatch(claim.access_key_id, wanted[0], claim.signature)


def _signature(secret: str, to_sign: str) -> bytes:
    return base64.b64encode(hmac.digest(secret.encode(), to_sign.encode("latin-1"), "sha1"))


def string_to_sign(claim: Claim, request: Request, resource: str) -> str:
    """What is signed; each character is a byte (Latin-1)."""
    headers = dict(request.headers)
    if claim.expires is not None:
        # Signers put into the query what the browser that sends the URL cannot put into headers.
        headers = {
            **presigned.content_parameters(request),
            **presigned.amz_parameters(request),
            **headers,
        }
    amz = "".join(
        f"{name}:{_SPACES.sub(' ', headers[name].strip())}\n"
        for name in sorted(headers)
        if name.startswith("x-amz-")
    )
    date = claim.date if claim.expires is None else str(claim.expires)
    return "\n".join(
        [
            request.method,
            headers.get("content-md5", ""),
            headers.get("content-type", ""),
            date,
            f"{amz}{resource}",
        ]
    )


def _subresources(request: Request, *, keep_equals: bool = False) -> str:
    """The part of the query that is signed, names sorted, values decoded."""
    if not request.query:
        return ""
    raw_pairs = (pair.partition("=") for pair in request.raw_query.split("&") if pair)
    assigned = [bool(equals) for _, equals, _ in raw_pairs]
    chosen = sorted(
        (name, value, has_value)
        for (name, value), has_value in zip(request.query, assigned, strict=True)
        if name in _SUBRESOURCES
    )
    shown = [
        f"{name}={value.encode().decode('latin-1')}"
        if value or (has_value and keep_equals)
        else name
        for name, value, has_value in chosen
    ]
    return "?" + "&".join(shown) if shown else ""


def _parse_query(request: Request) -> Claim:
    if "authorization" in request.headers:
        raise presigned.is_one_of_several(request.headers)
    refusals.refuse_token(request)
    access_key_id = request.params.get("AWSAccessKeyId", "")
    signature = request.params.get("Signature", "")
    expires = request.params.get("Expires", "")
    if not (access_key_id and signature and expires):
        raise S3Error(
            "AccessDenied",
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
            "parameters",
        )
    if _EXPIRES.fullmatch(expires) is None:
        raise S3Error("AccessDenied", f"Invalid date (should be seconds since epoch): {expires}")
    return Claim(access_key_id, signature, "", None, int(expires))
