"""The parameters of the list operations, and the token that carries a listing from page to page."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.protocol.errors import S3Error

PAGE_MAX = 1000
BUCKETS_MAX = 10_000
_BUCKET_PARAMETERS = ("max-buckets", "continuation-token", "prefix", "bucket-region")
_TOKEN_VERSION = 1
_COMMIT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Token:
    """Where a V2 listing goes on: behind `after`, in the state of `commit`."""

    after: str
    commit: str

    def encode(self) -> str:
        """Opaque and safe in a URL."""
        form = json.dumps([_TOKEN_VERSION, self.commit, self.after], separators=(",", ":"))
        return base64.urlsafe_b64encode(form.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Token:
        """The inverse of encode. Raises InvalidArgument for anything else."""
        try:
            padded = text + "=" * (-len(text) % 4)
            version, commit, after = json.loads(
                base64.b64decode(padded, altchars=b"-_", validate=True)
            )
            if (
                version != _TOKEN_VERSION
                or not isinstance(commit, str)
                or not isinstance(after, str)
            ):
                raise ValueError(version)
            after.encode()  # JSON can hold half a surrogate pair, a key cannot
            if not _COMMIT.fullmatch(commit):
                raise ValueError(commit)
        except (ValueError, binascii.Error, TypeError, UnicodeError, RecursionError):
            raise _incorrect_token(text) from None
        return cls(after, commit)


@dataclass(frozen=True, slots=True)
class Listing:
    """What every object listing asks. after: where to go on behind; encoded: url encoding."""

    prefix: str
    delimiter: str
    limit: int
    encoded: bool
    after: str = ""


@dataclass(frozen=True, slots=True)
class ListingV2(Listing):
    """ListObjectsV2. token_text: the continuation token as it was sent, to be echoed."""

    start_after: str = ""
    token: Token | None = None
    token_text: str | None = None
    fetch_owner: bool = False


@dataclass(frozen=True, slots=True)
class VersionListing(Listing):
    """ListObjectVersions and ListMultipartUploads: a key marker and one within the key."""

    after_key: str = ""
    after_version: str = ""


@dataclass(frozen=True, slots=True)
class BucketListing:
    """ListBuckets. region: "" for any. paged: a part was asked for, so regions are told, too."""

    prefix: str
    region: str
    after: str
    limit: int
    paged: bool


@dataclass(frozen=True, slots=True)
class PartListing:
    """ListParts."""

    after: int
    limit: int


def parse_v1(params: Mapping[str, str]) -> Listing:
    """ListObjects. Raises InvalidArgument."""
    return Listing(*_common(params, "max-keys"), after=params.get("marker", ""))


def parse_v2(params: Mapping[str, str]) -> ListingV2:
    """ListObjectsV2: start-after counts only on the first page. Raises InvalidArgument."""
    text = params.get("continuation-token")
    token = Token.decode(text) if text else None
    start_after = params.get("start-after", "")
    return ListingV2(
        *_common(params, "max-keys"),
        after=token.after if token else start_after,
        start_after=start_after,
        token=token,
        token_text=text,
        fetch_owner=params.get("fetch-owner", "").lower() == "true",
    )


def parse_versions(params: Mapping[str, str]) -> VersionListing:
    """ListObjectVersions. Raises InvalidArgument: a version marker needs its key marker."""
    return _marked(params, "max-keys", "version-id-marker")


def parse_uploads(params: Mapping[str, str]) -> VersionListing:
    """ListMultipartUploads; its upload-id-marker counts only beside a key-marker."""
    return _marked(params, "max-uploads", "upload-id-marker", needs_key=False)


def parse_buckets(params: Mapping[str, str]) -> BucketListing:
    """ListBuckets; its token is the name of the last bucket shown. Raises InvalidArgument."""
    text = params.get("max-buckets", str(BUCKETS_MAX))
    if not (_is_count(text) and 1 <= int(text) <= BUCKETS_MAX):
        raise S3Error(
            "InvalidArgument",
            f"Argument max-buckets must be an integer between 1 and {BUCKETS_MAX}",
            ArgumentName="max-buckets",
            ArgumentValue=text,
        )
    token = params.get("continuation-token", "")
    return BucketListing(
        prefix=params.get("prefix", ""),
        region=params.get("bucket-region", ""),
        after=_bucket_of(token) if token else "",
        limit=int(text),
        paged=not params.keys().isdisjoint(_BUCKET_PARAMETERS),
    )


def bucket_token(name: str) -> str:
    """The token that goes on behind the bucket of that name."""
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def parse_parts(params: Mapping[str, str]) -> PartListing:
    """ListParts. Raises InvalidArgument."""
    after = params.get("part-number-marker") or "0"
    if not _is_count(after):
        raise _invalid("part-number-marker", after)
    return PartListing(int(after), _limit(params, "max-parts"))


def _bucket_of(token: str) -> str:
    try:
        padded = token + "=" * (-len(token) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _incorrect_token(token) from None


def _incorrect_token(text: str) -> S3Error:
    return S3Error(
        "InvalidArgument",
        "The continuation token provided is incorrect",
        ArgumentName="continuation-token",
        ArgumentValue=text,
    )


def _marked(
    params: Mapping[str, str], limit_name: str, within: str, *, needs_key: bool = True
) -> VersionListing:
    after_key = params.get("key-marker", "")
    inner = params.get(within, "")
    if inner and not after_key and needs_key:
        raise S3Error(
            "InvalidArgument",
            "A version-id marker cannot be specified without a key marker.",
            ArgumentName=within,
            ArgumentValue=inner,
        )
    return VersionListing(
        *_common(params, limit_name),
        after_key=after_key,
        after_version=inner if after_key else "",
    )


def _common(params: Mapping[str, str], limit_name: str) -> tuple[str, str, int, bool]:
    encoding = params.get("encoding-type", "")
    if encoding.lower() not in {"", "url"}:
        raise S3Error(
            "InvalidArgument",
            "Invalid Encoding Method specified in Request",
            ArgumentName="encoding-type",
            ArgumentValue=encoding,
        )
    return (
        params.get("prefix", ""),
        params.get("delimiter", ""),
        _limit(params, limit_name),
        bool(encoding),
    )


def _limit(params: Mapping[str, str], name: str) -> int:
    text = params.get(name, "")
    if not text:
        return PAGE_MAX
    if not _is_count(text):
        raise _invalid(name, text)
    return min(int(text), PAGE_MAX)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < 2**31


def _invalid(name: str, value: str) -> S3Error:
    return S3Error(
        "InvalidArgument",
        f"Argument {name} must be an integer between 0 and 2147483647",
        ArgumentName=name,
        ArgumentValue=value,
    )
