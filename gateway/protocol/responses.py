"""The documents S3 answers with, built as strings: a tree would cost seventy times as much.

Times are ms. ETags come bare. Nothing is indented (some Java clients trip over blanks).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol
from urllib.parse import quote

from gateway.protocol import dates
from gateway.protocol.errors import escape
from gateway.protocol.listing import BucketListing, Listing, ListingV2, Token, VersionListing

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
STORAGE_CLASS = "<StorageClass>STANDARD</StorageClass>"
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
ChecksumForm = tuple[str, str]
"""Algorithm and type (COMPOSITE, FULL_OBJECT) of an upload; "" for none asked for."""


class EntryLike(Protocol):
    """A row of an object listing."""

    @property
    def key(self) -> str:
        """The object's key."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def etag(self) -> str:
        """Bare."""

    @property
    def modified_ms(self) -> int:
        """When it was written."""


class PageLike(Protocol):
    """A page of an object listing."""

    @property
    def entries(self) -> Sequence[EntryLike]:
        """The rows."""

    @property
    def prefixes(self) -> Sequence[str]:
        """The keys rolled up."""

    @property
    def next_after(self) -> str | None:
        """Where to go on."""


class VersionLike(EntryLike, Protocol):
    """A row of a version listing."""

    @property
    def version(self) -> str:
        """The version id."""

    @property
    def latest(self) -> bool:
        """Whether it is the current one."""

    @property
    def marker(self) -> bool:
        """Whether it is a delete marker."""

    @property
    def null(self) -> bool:
        """Whether it is the null version."""


class VersionPageLike(Protocol):
    """A page of a version listing."""

    @property
    def versions(self) -> Sequence[VersionLike]:
        """The rows."""

    @property
    def prefixes(self) -> Sequence[str]:
        """The keys rolled up."""

    @property
    def next_key(self) -> str | None:
        """The key to go on behind."""

    @property
    def next_version(self) -> str | None:
        """The version to go on behind."""


def list_buckets(
    asked: BucketListing,
    buckets: Iterable[tuple[str, int, str]],
    token: str | None,
    *,
    owner: str,
) -> bytes:
    """ListAllMyBucketsResult of (name, created ms, region)."""
    rows = "".join(
        f"<Bucket><Name>{escape(name)}</Name><CreationDate>{dates.iso(created)}</CreationDate>"
        f"{f'<BucketRegion>{escape(region)}</BucketRegion>' if asked.paged else ''}</Bucket>"
        for name, created, region in buckets
    )
    following = f"<ContinuationToken>{token}</ContinuationToken>" if token else ""
    prefix = f"<Prefix>{escape(asked.prefix)}</Prefix>" if asked.prefix else ""
    return document(
        "ListAllMyBucketsResult", f"{_owner(owner)}<Buckets>{rows}</Buckets>{following}{prefix}"
    )


def location(constraint: str) -> bytes:
    """LocationConstraint; us-east-1 is the empty one."""
    return document("LocationConstraint", "" if constraint == "us-east-1" else escape(constraint))


def versioning(status: str) -> bytes:
    """VersioningConfiguration; "" is a bucket never configured."""
    return document("VersioningConfiguration", f"<Status>{status}</Status>" if status else "")


def list_objects(bucket: str, asked: Listing, page: PageLike, *, owner: str) -> bytes:
    """ListBucketResult, version 1. NextMarker is only there beside a delimiter, as AWS has it.

    The prefix is said as it is, also where keys are encoded: botocore decodes it in version 2 only.
    One that XML has no place for is encoded all the same, so that the list can be read.
    """
    text = _encoder(asked)
    prefix = text(asked.prefix) if _NOT_XML.search(asked.prefix) else escape(asked.prefix)
    following = page.next_after
    next_marker = (
        f"<NextMarker>{text(following)}</NextMarker>" if following and asked.delimiter else ""
    )
    return document(
        "ListBucketResult",
        f"<Name>{escape(bucket)}</Name><Prefix>{prefix}</Prefix>"
        f"<Marker>{text(asked.after)}</Marker>{next_marker}"
        f"{_shape(asked, text, truncated=following is not None)}"
        f"{_contents(page, text, _owner(owner))}{_prefixes(page.prefixes, text)}",
    )


def list_objects_v2(
    bucket: str, asked: ListingV2, page: PageLike, token: Token | None, *, owner: str
) -> bytes:
    """ListBucketResult, version 2. KeyCount counts keys and prefixes."""
    text = _encoder(asked)
    start = f"<StartAfter>{text(asked.start_after)}</StartAfter>" if asked.start_after else ""
    echoed = (
        f"<ContinuationToken>{escape(asked.token_text)}</ContinuationToken>"
        if asked.token_text is not None
        else ""
    )
    following = f"<NextContinuationToken>{token.encode()}</NextContinuationToken>" if token else ""
    return document(
        "ListBucketResult",
        f"<Name>{escape(bucket)}</Name><Prefix>{text(asked.prefix)}</Prefix>"
        f"{echoed}{following}{start}"
        f"<KeyCount>{len(page.entries) + len(page.prefixes)}</KeyCount>"
        f"{_shape(asked, text, truncated=token is not None)}"
        f"{_contents(page, text, _owner(owner) if asked.fetch_owner else '')}"
        f"{_prefixes(page.prefixes, text)}",
    )


def list_object_versions(
    bucket: str, asked: VersionListing, page: VersionPageLike, *, owner: str
) -> bytes:
    """ListVersionsResult: versions and delete markers in one order."""
    text = _encoder(asked)
    shown_owner = _owner(owner)
    rows = "".join(_version(row, text, shown_owner) for row in page.versions)
    following = ""
    if page.next_key is not None:
        following = f"<NextKeyMarker>{text(page.next_key)}</NextKeyMarker>"
        if page.next_version is not None:
            following += f"<NextVersionIdMarker>{_next_version(page)}</NextVersionIdMarker>"
    return document(
        "ListVersionsResult",
        f"<Name>{escape(bucket)}</Name><Prefix>{text(asked.prefix)}</Prefix>"
        f"<KeyMarker>{text(asked.after_key)}</KeyMarker>"
        f"<VersionIdMarker>{escape(asked.after_version)}</VersionIdMarker>{following}"
        f"{_shape(asked, text, truncated=page.next_key is not None)}"
        f"{rows}{_prefixes(page.prefixes, text)}",
    )


def copy_object(etag: str, modified_ms: int, checksums: Mapping[str, str]) -> bytes:
    """CopyObjectResult. etag: quoted. A copy is one piece, so its checksum is of all of it."""
    sums = checksum_elements(checksums)
    kind = "<ChecksumType>FULL_OBJECT</ChecksumType>" if sums else ""
    return document(
        "CopyObjectResult",
        f"<LastModified>{dates.iso(modified_ms)}</LastModified><ETag>{escape(etag)}</ETag>"
        f"{sums}{kind}",
    )


def copy_part(etag: str, modified_ms: int, checksums: Mapping[str, str]) -> bytes:
    """CopyPartResult. etag: quoted."""
    return document(
        "CopyPartResult",
        f"<LastModified>{dates.iso(modified_ms)}</LastModified><ETag>{escape(etag)}</ETag>"
        f"{checksum_elements(checksums)}",
    )


def create_multipart_upload(bucket: str, key: str, upload_id: str) -> bytes:
    """InitiateMultipartUploadResult."""
    return document(
        "InitiateMultipartUploadResult",
        f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key><UploadId>{upload_id}</UploadId>",
    )


def complete_multipart_upload(
    *,
    location: str,
    bucket: str,
    key: str,
    etag: str,
    checksums: Mapping[str, str],
    composite: bool,
) -> bytes:
    """CompleteMultipartUploadResult. etag: quoted."""
    kind = "COMPOSITE" if composite else "FULL_OBJECT"
    sums = checksum_elements(checksums)
    shown = f"{sums}<ChecksumType>{kind}</ChecksumType>" if sums else ""
    return document(
        "CompleteMultipartUploadResult",
        f"<Location>{escape(location)}</Location><Bucket>{escape(bucket)}</Bucket>"
        f"<Key>{escape(key)}</Key><ETag>{escape(etag)}</ETag>{shown}",
    )


def list_parts(
    *,
    bucket: str,
    key: str,
    upload_id: str,
    owner: str,
    form: ChecksumForm,
    after: int,
    limit: int,
    truncated: bool,
    parts: Sequence[tuple[int, int, str, int, Mapping[str, str]]],
) -> bytes:
    """ListPartsResult of (number, modified ms, etag, size, checksums)."""
    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><LastModified>{dates.iso(modified)}</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size>{checksum_elements(sums)}</Part>"
        for number, modified, etag, size, sums in parts
    )
    last = parts[-1][0] if parts else 0
    return document(
        "ListPartsResult",
        f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key><UploadId>{upload_id}</UploadId>"
        f"{_owner(owner, 'Initiator')}{_owner(owner)}{STORAGE_CLASS}{_form(form)}"
        f"<PartNumberMarker>{after}</PartNumberMarker>"
        f"<NextPartNumberMarker>{last}</NextPartNumberMarker>"
        f"<MaxParts>{limit}</MaxParts><IsTruncated>{flag(truncated)}</IsTruncated>{rows}",
    )


def list_multipart_uploads(
    *,
    bucket: str,
    asked: VersionListing,
    uploads: Sequence[tuple[str, str, int, str, ChecksumForm]],
    prefixes: Sequence[str],
    following: tuple[str, str | None] | None,
) -> bytes:
    """ListMultipartUploadsResult of (key, upload id, started ms, owner, form of the checksum).

    following: the key and the upload to go on behind; None on the last page.
    """
    text = _encoder(asked)
    rows = "".join(
        f"<Upload><Key>{text(key)}</Key><UploadId>{upload_id}</UploadId>"
        f"{_owner(owner, 'Initiator')}{_owner(owner)}{STORAGE_CLASS}"
        f"<Initiated>{dates.iso(started)}</Initiated>{_form(form)}</Upload>"
        for key, upload_id, started, owner, form in uploads
    )
    next_key, next_upload = following or ("", None)
    markers = (
        f"<NextKeyMarker>{text(next_key)}</NextKeyMarker>"
        f"<NextUploadIdMarker>{next_upload or ''}</NextUploadIdMarker>"
    )
    delimiter = f"<Delimiter>{text(asked.delimiter)}</Delimiter>" if asked.delimiter else ""
    encoding = "<EncodingType>url</EncodingType>" if asked.encoded else ""
    return document(
        "ListMultipartUploadsResult",
        f"<Bucket>{escape(bucket)}</Bucket><KeyMarker>{text(asked.after_key)}</KeyMarker>"
        f"<UploadIdMarker>{escape(asked.after_version)}</UploadIdMarker>"
        f"{markers if following else ''}"
        f"<Prefix>{text(asked.prefix)}</Prefix>{delimiter}{encoding}"
        f"<MaxUploads>{asked.limit}</MaxUploads>"
        f"<IsTruncated>{flag(following is not None)}</IsTruncated>"
        f"{rows}{_prefixes(prefixes, text)}",
    )


def document(root: str, inner: str) -> bytes:
    """The document of that root; `inner` is XML already."""
    # A lone surrogate cannot be encoded; escape() has replaced those in text that clients gave.
    return f'{_HEAD}<{root} xmlns="{_NAMESPACE}">{inner}</{root}>'.encode()


def _contents(page: PageLike, text: _Text, owner: str) -> str:
    iso = dates.iso
    return "".join(
        [
            f"<Contents><Key>{text(row.key)}</Key><LastModified>{iso(row.modified_ms)}</LastModified>"
            f"<ETag>&quot;{row.etag}&quot;</ETag><Size>{row.size}</Size>{owner}{STORAGE_CLASS}"
            "</Contents>"
            for row in page.entries
        ]
    )


def _next_version(page: VersionPageLike) -> str | None:
    """The version to go on behind, by the name it is listed under."""
    last = page.versions[-1] if page.versions else None
    if last is not None and last.null and last.version == page.next_version:
        return "null"
    return page.next_version


def _version(row: VersionLike, text: _Text, owner: str) -> str:
    version = "null" if row.null else row.version
    common = (
        f"<Key>{text(row.key)}</Key><VersionId>{version}</VersionId>"
        f"<IsLatest>{flag(row.latest)}</IsLatest>"
        f"<LastModified>{dates.iso(row.modified_ms)}</LastModified>"
    )
    if row.marker:
        return f"<DeleteMarker>{common}{owner}</DeleteMarker>"
    return (
        f"<Version>{common}<ETag>&quot;{row.etag}&quot;</ETag><Size>{row.size}</Size>"
        f"{STORAGE_CLASS}{owner}</Version>"
    )


def _prefixes(prefixes: Iterable[str], text: _Text) -> str:
    return "".join(
        f"<CommonPrefixes><Prefix>{text(prefix)}</Prefix></CommonPrefixes>" for prefix in prefixes
    )


def _shape(asked: Listing, text: _Text, *, truncated: bool) -> str:
    delimiter = f"<Delimiter>{text(asked.delimiter)}</Delimiter>" if asked.delimiter else ""
    encoding = "<EncodingType>url</EncodingType>" if asked.encoded else ""
    return (
        f"<MaxKeys>{asked.limit}</MaxKeys>{delimiter}{encoding}"
        f"<IsTruncated>{flag(truncated)}</IsTruncated>"
    )


def _form(form: ChecksumForm) -> str:
    algorithm, kind = form
    if not algorithm:
        return ""
    return f"<ChecksumAlgorithm>{algorithm}</ChecksumAlgorithm><ChecksumType>{kind}</ChecksumType>"


def _owner(account: str, element: str = "Owner") -> str:
    shown = escape(account)
    return f"<{element}><ID>{shown}</ID><DisplayName>{shown}</DisplayName></{element}>"


def checksum_elements(checksums: Mapping[str, str]) -> str:
    """An element for each checksum, by algorithm."""
    return "".join(f"<Checksum{name}>{value}</Checksum{name}>" for name, value in checksums.items())


def flag(value: bool) -> str:
    """A truth as XML has it."""
    return "true" if value else "false"


class _Text(Protocol):
    def __call__(self, text: str, /) -> str: ...


def _encoder(asked: Listing) -> _Text:
    """How keys are written: percent-encoded where it was asked for, else escaped."""
    return _quoted if asked.encoded else escape


def _quoted(text: str) -> str:
    return quote(text, safe="/")
