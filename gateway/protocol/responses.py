"""The documents S3 answers with, built as strings: a tree would cost seventy times as much.

Times are ms. ETags come bare. Nothing is indented (some Java clients trip over blanks).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol
from urllib.parse import quote

from gateway.protocol import dates
from gateway.protocol.errors import escape
from gateway.protocol.listing import Listing, ListingV2, Token, VersionListing

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
STORAGE_CLASS = "<StorageClass>STANDARD</StorageClass>"


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


def list_buckets(buckets: Iterable[tuple[str, int]], *, owner: str) -> bytes:
    """ListAllMyBucketsResult of (name, created ms)."""
    rows = "".join(
        f"<Bucket><Name>{escape(name)}</Name><CreationDate>{dates.iso(created)}</CreationDate></Bucket>"
        for name, created in buckets
    )
    return _document("ListAllMyBucketsResult", f"{_owner(owner)}<Buckets>{rows}</Buckets>")


def location(constraint: str) -> bytes:
    """LocationConstraint; us-east-1 is the empty one."""
    return _document("LocationConstraint", "" if constraint == "us-east-1" else escape(constraint))


def versioning(status: str) -> bytes:
    """VersioningConfiguration; "" is a bucket never configured."""
    return _document("VersioningConfiguration", f"<Status>{status}</Status>" if status else "")


def list_objects(bucket: str, asked: Listing, page: PageLike, *, owner: str) -> bytes:
    """ListBucketResult, version 1. NextMarker is only there beside a delimiter, as AWS has it."""
    text = _encoder(asked)
    following = page.next_after
    next_marker = (
        f"<NextMarker>{text(following)}</NextMarker>" if following and asked.delimiter else ""
    )
    return _document(
        "ListBucketResult",
        f"<Name>{escape(bucket)}</Name><Prefix>{text(asked.prefix)}</Prefix>"
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
    return _document(
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
            following += f"<NextVersionIdMarker>{page.next_version}</NextVersionIdMarker>"
    return _document(
        "ListVersionsResult",
        f"<Name>{escape(bucket)}</Name><Prefix>{text(asked.prefix)}</Prefix>"
        f"<KeyMarker>{text(asked.after_key)}</KeyMarker>"
        f"<VersionIdMarker>{escape(asked.after_version)}</VersionIdMarker>{following}"
        f"{_shape(asked, text, truncated=page.next_key is not None)}"
        f"{rows}{_prefixes(page.prefixes, text)}",
    )


def copy_object(etag: str, modified_ms: int, checksums: Mapping[str, str]) -> bytes:
    """CopyObjectResult. etag: quoted."""
    return _document(
        "CopyObjectResult",
        f"<LastModified>{dates.iso(modified_ms)}</LastModified><ETag>{escape(etag)}</ETag>"
        f"{_checksums(checksums)}",
    )


def copy_part(etag: str, modified_ms: int, checksums: Mapping[str, str]) -> bytes:
    """CopyPartResult. etag: quoted."""
    return _document(
        "CopyPartResult",
        f"<LastModified>{dates.iso(modified_ms)}</LastModified><ETag>{escape(etag)}</ETag>"
        f"{_checksums(checksums)}",
    )


def create_multipart_upload(bucket: str, key: str, upload_id: str) -> bytes:
    """InitiateMultipartUploadResult."""
    return _document(
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
    shown = f"{_checksums(checksums)}<ChecksumType>{kind}</ChecksumType>" if checksums else ""
    return _document(
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
    after: int,
    limit: int,
    truncated: bool,
    parts: Sequence[tuple[int, int, str, int, Mapping[str, str]]],
) -> bytes:
    """ListPartsResult of (number, modified ms, etag, size, checksums)."""
    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><LastModified>{dates.iso(modified)}</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size>{_checksums(sums)}</Part>"
        for number, modified, etag, size, sums in parts
    )
    last = parts[-1][0] if parts else 0
    return _document(
        "ListPartsResult",
        f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key><UploadId>{upload_id}</UploadId>"
        f"{_owner(owner, 'Initiator')}{_owner(owner)}{STORAGE_CLASS}"
        f"<PartNumberMarker>{after}</PartNumberMarker>"
        f"<NextPartNumberMarker>{last}</NextPartNumberMarker>"
        f"<MaxParts>{limit}</MaxParts><IsTruncated>{_flag(truncated)}</IsTruncated>{rows}",
    )


def list_multipart_uploads(
    *,
    bucket: str,
    asked: VersionListing,
    truncated: bool,
    uploads: Sequence[tuple[str, str, int, str]],
) -> bytes:
    """ListMultipartUploadsResult of (key, upload id, started ms, owner)."""
    text = _encoder(asked)
    rows = "".join(
        f"<Upload><Key>{text(key)}</Key><UploadId>{upload_id}</UploadId>"
        f"{_owner(owner, 'Initiator')}{_owner(owner)}{STORAGE_CLASS}"
        f"<Initiated>{dates.iso(started)}</Initiated></Upload>"
        for key, upload_id, started, owner in uploads
    )
    following = ""
    if truncated and uploads:
        following = (
            f"<NextKeyMarker>{text(uploads[-1][0])}</NextKeyMarker>"
            f"<NextUploadIdMarker>{uploads[-1][1]}</NextUploadIdMarker>"
        )
    encoding = "<EncodingType>url</EncodingType>" if asked.encoded else ""
    return _document(
        "ListMultipartUploadsResult",
        f"<Bucket>{escape(bucket)}</Bucket><KeyMarker>{text(asked.after_key)}</KeyMarker>"
        f"<UploadIdMarker>{escape(asked.after_version)}</UploadIdMarker>{following}"
        f"<Prefix>{text(asked.prefix)}</Prefix>{encoding}<MaxUploads>{asked.limit}</MaxUploads>"
        f"<IsTruncated>{_flag(truncated)}</IsTruncated>{rows}",
    )


def delete_objects(
    deleted: Iterable[tuple[str, str]], failed: Iterable[tuple[str, str | None, str, str]]
) -> bytes:
    """DeleteResult of (key, marker's version id) and (key, version id, code, message)."""
    done = "".join(
        f"<Deleted><Key>{escape(key)}</Key><DeleteMarker>true</DeleteMarker>"
        f"<DeleteMarkerVersionId>{marker}</DeleteMarkerVersionId></Deleted>"
        for key, marker in deleted
    )
    refused = "".join(
        f"<Error><Key>{escape(key)}</Key>"
        f"{f'<VersionId>{escape(version)}</VersionId>' if version else ''}"
        f"<Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        for key, version, code, message in failed
    )
    return _document("DeleteResult", done + refused)


def _document(root: str, inner: str) -> bytes:
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


def _version(row: VersionLike, text: _Text, owner: str) -> str:
    version = "null" if row.null else row.version
    common = (
        f"<Key>{text(row.key)}</Key><VersionId>{version}</VersionId>"
        f"<IsLatest>{_flag(row.latest)}</IsLatest>"
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
        f"<IsTruncated>{_flag(truncated)}</IsTruncated>"
    )


def _owner(account: str, element: str = "Owner") -> str:
    shown = escape(account)
    return f"<{element}><ID>{shown}</ID><DisplayName>{shown}</DisplayName></{element}>"


def _checksums(checksums: Mapping[str, str]) -> str:
    return "".join(f"<Checksum{name}>{value}</Checksum{name}>" for name, value in checksums.items())


def _flag(value: bool) -> str:
    return "true" if value else "false"


class _Text(Protocol):
    def __call__(self, text: str, /) -> str: ...


def _encoder(asked: Listing) -> _Text:
    """How keys are written: percent-encoded where it was asked for, else escaped."""
    return _quoted if asked.encoded else escape


def _quoted(text: str) -> str:
    return quote(text, safe="/")
