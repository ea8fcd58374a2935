"""Signature Version 4 of requests: reading the claim, checking it, making one.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.protocol import canonical, dates, payload, presigned, refusals
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request

EXPIRES_SECONDS_MAX = 7 * 24 * 3600

_HINT = re.compile(r"x-amz-(?:algorithm|credential|signature)=", re.IGNORECASE)
_CREDENTIAL = re.compile(r"(.+)/([0-9]{8})/([^/]*)/([^/]*)/([^/]*)")
_SIGNED_HEADERS = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+(?:;[!#$%&'*+.^_`|~0-9a-z-]+)*")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_EXPIRES = re.compile(r"-?[0-9]{1,12}")
_FIELDS = ("Credential", "SignedHeaders", "Signature")
_PARAMETERS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature as it was sent, well formed but not checked.

    timestamp: the request's time as signed, `20261124T160000Z`. signed_headers: names, lower case,
    joined with ";". payload: hex SHA-256 of the body or a token in its place. expires: seconds a
    presigned URL holds; None where the signature came in a header.
    """

    access_key_id: str
    date: str
    region: str
    timestamp: str
    time_ms: int
    signed_headers: str
    signature: str
    payload: str
    expires: int | None = None

    @property
    def scope(self) -> str:
        """What the signing key is good for."""
        return canonical.scope(self.date, self.region)


def parse(request: Request) -> Claim | None:
    """The SigV4 claim in a request's Authorization header or query; None without one.

    Raises AuthorizationHeaderMalformed, AuthorizationQueryParametersError, AccessDenied (no date),
    InvalidRequest, InvalidArgument, InvalidToken, NotImplemented.
    """
    if request.raw_query and _HINT.search(request.raw_query):
        given = _signature_parameters(request)
        if not given.keys().isdisjoint(_LOWER):
            return _parse_query(request, given)
    authorization = request.headers.get("authorization", "")
    if not authorization.startswith("AWS4-"):
        return None
    return _parse_header(request, authorization)


def check_time(claim: Claim, now_ms: int) -> None:
    """Raise RequestTimeTooSkewed (header) or AccessDenied (presigned) outside the claim's time.

    A presigned URL is bound by its own expiry only, however long ago it was made.
    """
    if claim.expires is None:
        refusals.check_skew(claim.timestamp, claim.time_ms, now_ms)
        return
    if claim.time_ms > now_ms + refusals.SKEW_MS_MAX:
        raise S3Error(
            "AccessDenied",
            "Request is not yet valid",
            extra={"X-Amz-Date": claim.timestamp, "ServerTime": dates.iso(now_ms)},
        )
    end_ms = claim.time_ms + claim.expires * 1000
    if now_ms > end_ms:
        raise refusals.expired(end_ms, now_ms, {"X-Amz-Expires": claim.expires})


def check_signature(claim: Claim, request: Request, secret: str) -> None:
    """Raise SignatureDoesNotMatch unless `secret` signed this very request.

    Raises AccessDenied where a header that must be signed is not.
    """
    _check_all_signed(claim, request.headers)
    without = "" if claim.expires is None else "x-amz-signature"
    wanted = canonical.request(
        request.method,
        request.raw_path,
        canonical_query=canonical.query(request.raw_query, without=without),
        headers=request.headers,
        signed_headers=claim.signed_headers,
        payload=claim.payload,
    )
    to_sign = canonical.string_to_sign(claim.timestamp, claim.scope, wanted)
    key = canonical.signing_key(secret, claim.date, claim.region)
    if not hmac.compare_digest(canonical.signature(key, to_sign), claim.signature):
        raise refusals.mismatch(claim.access_key_id, to_sign, claim.signature, wanted)


class ChunkSigner:
    """Checks the chunks and trailers of a signed stream, beginning with the request's signature."""

    def __init__(self, claim: Claim, secret: str) -> None:
        self.trailing = claim.payload == payload.SIGNED_TRAILER
        self._access_key_id = claim.access_key_id
        self._key = canonical.signing_key(secret, claim.date, claim.region)
        self._place = f"{claim.timestamp}\n{claim.scope}"
        self._previous = claim.signature

    def check_chunk(self, signature: str, sha256: str) -> None:
        """Raise SignatureDoesNotMatch unless the next chunk, of that digest, was signed so."""
        self._check("AWS4-HMAC-SHA256-PAYLOAD", signature, f"{payload.EMPTY_SHA256}\n{sha256}")

    def check_trailers(self, signature: str, sha256: str) -> None:
        """Raise SignatureDoesNotMatch unless the trailers, of that digest, were signed so."""
        self._check("AWS4-HMAC-SHA256-TRAILER", signature, sha256)

    def _check(self, kind: str, signature: str, digests: str) -> None:
        to_sign = f"{kind}\n{self._place}\n{self._previous}\n{digests}"
        computed = canonical.signature(self._key, to_sign)
        if not hmac.compare_digest(computed.encode(), signature.encode()):
            raise refusals.mismatch(self._access_key_id, to_sign, signature)
        self._previous = computed


def sign(
    method: str,
    target: str,
    headers: Mapping[str, str],
    *,
    sha256: str,
    access_key_id: str,
    secret: str,
    now_ms: int,
    region: str = "us-east-1",
) -> dict[str, str]:
    """The headers to add to a request so that it is signed.

    target: path and query exactly as they will be sent. headers: those of the request; must have
    `host`; it, `content-type` and `x-amz-*` are signed. sha256: hex digest of the body, or
    UNSIGNED-PAYLOAD.
    """
    path, _, raw_query = target.partition("?")
    timestamp = dates.basic(now_ms)
    date = timestamp[:8]
    added = {"x-amz-date": timestamp, payload.HEADER: sha256}
    lower = {name.lower(): value for name, value in headers.items()} | added
    signed_headers = canonical.signable(lower)
    wanted = canonical.request(
        method,
        path,
        canonical_query=canonical.query(raw_query),
        headers=lower,
        signed_headers=signed_headers,
        payload=sha256,
    )
    scope = canonical.scope(date, region)
    to_sign = canonical.string_to_sign(timestamp, scope, wanted)
    signature = canonical.signature(canonical.signing_key(secret, date, region), to_sign)
    added["authorization"] = (
        f"{canonical.ALGORITHM} Credential={access_key_id}/{scope}, "
        f"SignedHeaders={signed_headers}, Signature={signature}"
    )
    return added


_LOWER = frozenset({"x-amz-algorithm", "x-amz-credential", "x-amz-signature"})


def _parse_header(request: Request, authorization: str) -> Claim:
    scheme, _, rest = authorization.partition(" ")
    _check_algorithm(scheme)
    refusals.refuse_token(request)
    given: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.partition("=")
        given.setdefault(name.strip(), value.strip())
    missing = [name for name in _FIELDS if not given.get(name)]
    if missing:
        raise _header_malformed(f"the {missing[0]} is missing.")
    timestamp, time_ms = _request_time(request.headers)
    access_key_id, date, region = _credential(given["Credential"], _header_malformed)
    if date != timestamp[:8]:
        raise _header_malformed(
            f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: '
            f'"{timestamp[:8]}".'
        )
    body = request.headers.get(payload.HEADER)
    if body is None:
        # curl before 8 sends no such header; without a body there is only one it can mean.
        if request.has_body:
            raise S3Error(
                "InvalidRequest", f"Missing required header for this request: {payload.HEADER}"
            )
        body = payload.EMPTY_SHA256
    return Claim(
        access_key_id,
        date,
        region,
        timestamp,
        time_ms,
        _names(given["SignedHeaders"], _header_malformed),
        _hex(given["Signature"], _header_malformed),
        payload.check(body),
    )


def _parse_query(request: Request, given: Mapping[str, str]) -> Claim:
    if "authorization" in request.headers:
        raise presigned.is_one_of_several(request.headers)
    missing = [name for name in _PARAMETERS if not given.get(name.lower())]
    if missing:
        raise _query_malformed(
            f"Query-string authentication version 4 requires {', '.join(_PARAMETERS)}."
        )
    _check_algorithm(given["x-amz-algorithm"])
    refusals.refuse_token(request)
    timestamp = given["x-amz-date"]
    time_ms = dates.parse_basic(timestamp)
    if time_ms is None:
        raise _query_malformed(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        )
    access_key_id, date, region = _credential(given["x-amz-credential"], _query_malformed)
    if date != timestamp[:8]:
        raise _query_malformed(
            f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: '
            f'"{timestamp[:8]}".'
        )
    said = given.get(payload.HEADER) or request.headers.get(payload.HEADER)
    return Claim(
        access_key_id,
        date,
        region,
        timestamp,
        time_ms,
        _names(given["x-amz-signedheaders"], _query_malformed),
        _hex(given["x-amz-signature"], _query_malformed),
        payload.UNSIGNED if said is None else payload.check(said),
        _expiry(given["x-amz-expires"]),
    )


def _signature_parameters(request: Request) -> dict[str, str]:
    """The query by lower-case name; the first of a repeated parameter counts."""
    return {name.lower(): value for name, value in reversed(request.query)}


def _expiry(text: str) -> int:
    if _EXPIRES.fullmatch(text) is None:
        raise _query_malformed("X-Amz-Expires should be a number")
    seconds = int(text)  # one below 1 had expired before it was sent
    if seconds > EXPIRES_SECONDS_MAX:
        raise _query_malformed(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
            f"must be less than {EXPIRES_SECONDS_MAX} seconds"
        )
    return seconds


def _request_time(headers: Mapping[str, str]) -> tuple[str, int]:
    """X-Amz-Date, or Date, as it is signed and in ms. Raises AccessDenied without one."""
    text = headers.get("x-amz-date")
    if text is not None:
        time_ms = dates.parse_basic(text)
    else:
        time_ms = dates.parse(headers.get("date", ""))
        text = "" if time_ms is None else dates.basic(time_ms)
    if time_ms is None:
        raise S3Error(
            "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"
        )
    return text, time_ms


def _credential(text: str, malformed: Callable[[str], S3Error]) -> tuple[str, str, str]:
    """Key id, date and region of a credential; the region may be any."""
    match = _CREDENTIAL.fullmatch(text)
    if match is None:
        raise malformed(
            "the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    access_key_id, date, region, service, terminator = match.groups()
    if service != canonical.SERVICE:
        raise malformed(f'incorrect service "{service}". This endpoint belongs to "s3".')
    if terminator != canonical.TERMINATOR:
        raise malformed(f'incorrect terminal "{terminator}". This endpoint uses "aws4_request".')
    return access_key_id, date, region


def _names(text: str, malformed: Callable[[str], S3Error]) -> str:
    names = text.lower()
    if _SIGNED_HEADERS.fullmatch(names) is None:
        raise malformed("the SignedHeaders are mal-formed.")
    if "host" not in names.split(";"):
        raise malformed("the SignedHeaders must include host.")
    return names


def _hex(text: str, malformed: Callable[[str], S3Error]) -> str:
    if _SIGNATURE.fullmatch(text) is None:
        raise malformed("the Signature is mal-formed; expecting 64 lower-case hex digits.")
    return text


def _check_algorithm(name: str) -> None:
    if name.startswith("AWS4-ECDSA"):
        raise S3Error(
            "NotImplemented",
            f"Asymmetric signatures are not offered; use {canonical.ALGORITHM}.",
        )
    if name != canonical.ALGORITHM:
        raise S3Error("InvalidRequest", f"Please use {canonical.ALGORITHM}.")


def _check_all_signed(claim: Claim, headers: Mapping[str, str]) -> None:
    """A header that means something to S3 but is not signed may be anybody's (seaweedfs#9121)."""
    signed = set(claim.signed_headers.split(";"))
    unsigned = [
        name
        for name in headers
        if name.startswith("x-amz-")
        and name not in signed
        # A presigned URL's signature stands for the payload by a token of its own.
        and not (claim.expires is not None and name == payload.HEADER)
    ]
    if unsigned:
        raise S3Error(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(sorted(unsigned)),
        )


def _header_malformed(why: str) -> S3Error:
    return S3Error("AuthorizationHeaderMalformed", f"The authorization header is malformed; {why}")


def _query_malformed(why: str) -> S3Error:
    return S3Error("AuthorizationQueryParametersError", why)
